// `smslab scenario`: a whole site as a file, looked at, made or written.
#include <fmt/format.h>
#include <stdlib.h>

#include <filesystem>

#include "mp/cli/dp_wanted.h"
#include "mp/cli/print.h"
#include "mp/cli/scenario_file.h"
#include "mp/cli/verbs.h"
#include "mp/mp.h"
#include "proto/base/env.h"
#include "proto/base/ids.h"
#include "proto/base/random.h"
#include "proto/codec/yaml.h"

namespace smslab::cli {
namespace {
constexpr const char* kPath = "/api/v1/scenario";

void print_scenario(const Cli& cli, const v1::Scenario& scenario) {
  if (cli.json) return print_json(scenario);
  fmt::print("{}\n", shown(scenario));
}

// A folder that goes with the object.
class ScratchFolder {
 public:
  static Result<std::unique_ptr<ScratchFolder>> make() {
    std::string pattern = (std::filesystem::temp_directory_path() / "smslab-scenario.XXXXXX").string();
    if (::mkdtemp(pattern.data()) == nullptr) return from_errno(errno, pattern);
    return std::make_unique<ScratchFolder>(std::move(pattern));
  }
  explicit ScratchFolder(std::string path) : path_(std::move(path)) {}
  ~ScratchFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;
  const std::string& path() const { return path_; }

 private:
  const std::string path_;
};

// Against an empty site of its own: every record is made there and given up; the sources are not read.
Status validate(const Cli& cli, const std::string& path) {
  ScenarioFile file;
  RETURN_IF_ERROR(file.read(path));
  v1::Scenario scenario = file.scenario();
  const auto fail = [&](const Status& status, const std::string& field) {
    return file.tell({Status(status.code(), status.message(), field)});
  };
  mp::MpOptions options;
  if (!scenario.site().empty()) options.site.site = scenario.site();
  const auto site = parse_site_code(options.site.site, "site");
  if (!site.ok()) return fail(site.status(), "site");
  options.site.site = *site;
  if (!scenario.profile().empty()) options.profile = scenario.profile();
  ASSIGN_OR_RETURN(const auto folder, ScratchFolder::make());
  options.folder = folder->path() + "/site";
  LabClock clock(system_time_source(), LabClock::Wall{});
  const Log log(null_log(), LogForm::kConsole, clock, "smslab");
  auto mp = mp::Mp::open(options, posix_env(), clock, log);
  if (!mp.ok() && mp.status().code() == Code::kInvalidArgument) return fail(mp.status(), "profile");
  RETURN_IF_ERROR(mp.status());
  const auto dps = dps_of(scenario, options.site.site);
  if (!dps.ok()) return file.tell({dps.status()});
  for (const DpWanted& dp : *dps)
    RETURN_IF_ERROR((*mp)->add_dp({.name = dp.name, .url = "", .control_url = "", .token = ""}));
  mp::Problems problems;
  if (!(*mp)->check_scenario(scenario, &problems).ok()) return file.tell(problems);
  scenario.set_site(options.site.site);
  print_scenario(cli, scenario);
  return ok_status();
}

Status apply(const Cli& cli, const std::string& path) {
  ScenarioFile file;
  RETURN_IF_ERROR(file.read(path));
  ASSIGN_OR_RETURN(Lab lab, Lab::find(cli.finder));
  v1::Scenario now;
  std::vector<Status> problems;
  const Status applied = lab.call("POST", kPath, &file.scenario(), &now, &problems);
  if (!problems.empty()) return file.tell(problems);
  RETURN_IF_ERROR(applied);
  print_scenario(cli, now);
  return ok_status();
}

Status export_to(const Cli& cli, const std::string& path) {
  ASSIGN_OR_RETURN(Lab lab, Lab::find(cli.finder));
  v1::Scenario now;
  RETURN_IF_ERROR(lab.call("GET", kPath, nullptr, &now));
  if (cli.json) {
    print_json(now);
    return ok_status();
  }
  const std::string text = codec::to_yaml(now);
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
  verb("export", "Write the site as a file that makes an equal one", "to write; - for standard output", export_to);
}

}  // namespace smslab::cli
