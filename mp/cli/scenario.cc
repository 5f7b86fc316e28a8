// `smslab scenario`: a whole site as a file, looked at, made or written.
#include <fmt/format.h>

#include "mp/cli/print.h"
#include "mp/cli/scenario_file.h"
#include "mp/cli/scenario_look.h"
#include "mp/cli/verbs.h"
#include "proto/base/env.h"
#include "proto/codec/json.h"
#include "proto/codec/yaml.h"

namespace smslab::cli {
namespace {
constexpr const char* kPath = "/api/v1/scenario";

void print_scenario(const Cli& cli, const v1::Scenario& scenario) {
  if (cli.json) return print_json(scenario);
  fmt::print("{}\n", shown(scenario));
}

Status validate(const Cli& cli, const std::string& path) {
  ScenarioFile file;
  RETURN_IF_ERROR(file.read(path));
  v1::Scenario scenario = file.scenario();
  std::vector<Status> problems;
  RETURN_IF_ERROR(look_at(&scenario, &problems));
  if (!file.well_formed() || !problems.empty()) return file.tell(problems, "");
  print_scenario(cli, scenario);
  return ok_status();
}

Status apply(const Cli& cli, const std::string& path) {
  ScenarioFile file;
  RETURN_IF_ERROR(file.read(path));
  ASSIGN_OR_RETURN(LabClient lab, LabClient::find(cli.finder));
  v1::Scenario now;
  std::vector<Status> problems;
  // What is wrong in the file's form is told with all that the site finds wrong.
  const std::string target = std::string(kPath) + (file.well_formed() ? "" : "?check=true");
  const Status applied = lab.call("POST", target, &file.scenario(), &now, &problems);
  if (!file.well_formed() || !problems.empty()) return file.tell(problems, "; nothing was changed");
  RETURN_IF_ERROR(applied);
  print_scenario(cli, now);
  return ok_status();
}

Status export_to(const Cli& cli, const std::string& path) {
  ASSIGN_OR_RETURN(LabClient lab, LabClient::find(cli.finder));
  v1::Scenario now;
  RETURN_IF_ERROR(lab.call("GET", kPath, nullptr, &now));
  const std::string text = cli.json ? codec::to_json(now) + "\n" : codec::to_yaml(now);
  if (path != "-") return write_file(posix_env(), path, text);
  fmt::print("{}", text);
  return ok_status();
}
}  // namespace

void add_scenario(CLI::App& app, Cli& cli) {
  CLI::App* scenario = app.add_subcommand("scenario", "A whole site as a YAML file: validate, apply, export");
  scenario->require_subcommand(1)->fallthrough();
  const auto verb = [&](const std::string& name, const std::string& description, const std::string& file, auto run) {
    auto path = std::make_shared<std::string>();
    add_verb(*scenario, cli, name, description, [&cli, path, run] { return run(cli, *path); })
        ->add_option("FILE", *path, file)
        ->required();
  };
  verb("validate", "Every error in a file, with its place; needs no lab", "scenario", validate);
  verb("apply", "Add everything in a file to the site, or nothing", "scenario; sources are relative to its folder",
       apply);
  verb("export", "Write the site as a file that makes an equal one, YAML or with --json JSON",
       "to write; - for standard output", export_to);
}

}  // namespace smslab::cli
