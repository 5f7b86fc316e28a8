// `smslab lab`: the labs beside the default one.
#include <fmt/format.h>

#include "mp/cli/print.h"
#include "mp/cli/scenario_file.h"
#include "mp/cli/scenario_look.h"
#include "mp/cli/verbs.h"
#include "proto/base/uri.h"
#include "proto/schema/lab.pb.h"

namespace smslab::cli {
namespace {
constexpr const char* kPath = "/api/v1/labs";
constexpr std::string_view kNoLab = "; no lab was made";

struct Wanted {
  v1::LabOrder order;
  std::string scenario;  // a file; empty: none
};

std::string target(const std::string& name) { return std::string(kPath) + "/" + percent_encode_component(name); }

Status show_lab(const Cli& cli, const v1::Lab& lab) {
  if (cli.json) {
    print_json(lab);
    return ok_status();
  }
  std::vector<std::pair<std::string, std::string>> fields = {
      {"lab", lab.name()}, {"site", lab.site()}, {"mp", lab.mp()}};
  for (const auto& [name, url] : lab.dps()) fields.emplace_back("dp " + name, url);
  fields.insert(fields.end(), {{"control", lab.control()},
                               {"data", lab.data()},
                               {"seed", std::to_string(lab.seed())},
                               {"clock starts at", lab.clock()},
                               {"profile", lab.profile()},
                               {"problem", lab.problem()}});
  print_fields(fields);
  return ok_status();
}

// Where the labs are listed. These verbs name theirs as NAME, so --lab would be a misunderstanding.
Result<LabClient> keeper_of_labs(const Cli& cli) {
  if (!cli.finder.lab.empty()) {
    return invalid_argument("`smslab lab` is about all labs, and takes the one that is meant as NAME", "--lab");
  }
  return LabClient::find(cli.finder.of_all());
}

Status create(const Cli& cli, const Wanted& wanted) {
  v1::LabOrder order = wanted.order;
  ScenarioFile file;
  if (!wanted.scenario.empty()) {
    RETURN_IF_ERROR(file.read(wanted.scenario));
    if (!file.well_formed()) {
      v1::Scenario scenario = file.scenario();
      std::vector<Status> problems;
      RETURN_IF_ERROR(look_at(&scenario, &problems));
      return file.tell(problems, kNoLab);
    }
    *order.mutable_scenario() = file.scenario();
  }
  ASSIGN_OR_RETURN(LabClient lab, keeper_of_labs(cli));
  v1::Lab made;
  std::vector<Status> problems;
  const Status done = lab.call("POST", kPath, &order, &made, &problems);
  if (!problems.empty()) return file.tell(problems, kNoLab);
  RETURN_IF_ERROR(done);
  return show_lab(cli, made);
}

Status list(const Cli& cli) {
  ASSIGN_OR_RETURN(LabClient lab, keeper_of_labs(cli));
  v1::LabList all;
  RETURN_IF_ERROR(lab.call("GET", kPath, nullptr, &all));
  if (cli.json) {
    print_json(all);
    return ok_status();
  }
  std::vector<Row> rows;
  for (const auto& each : all.labs()) {
    rows.push_back({each.name(), each.site(), each.mp(), std::to_string(each.seed()),
                    each.clock().empty() ? "-" : each.clock(), each.problem()});
  }
  print_table({"LAB", "SITE", "MP", "SEED", "CLOCK STARTS AT", "PROBLEM"}, rows);
  return ok_status();
}

Status show(const Cli& cli, const std::string& name) {
  ASSIGN_OR_RETURN(LabClient lab, keeper_of_labs(cli));
  v1::Lab found;
  RETURN_IF_ERROR(lab.call("GET", target(name), nullptr, &found));
  return show_lab(cli, found);
}

Status remove(const Cli& cli, const std::string& name) {
  ASSIGN_OR_RETURN(LabClient lab, keeper_of_labs(cli));
  return lab.call("DELETE", target(name), nullptr, nullptr);
}

void add_create(CLI::App& lab, Cli& cli) {
  auto wanted = std::make_shared<Wanted>();
  CLI::App* verb = add_verb(lab, cli, "create", "Make a lab beside the default one; prints its addresses",
                            [&cli, wanted] { return create(cli, *wanted); });
  v1::LabOrder& order = wanted->order;
  verb->add_option("NAME", *order.mutable_name(), "letters, digits, '-', '_' and '.'")->required();
  verb->add_option("--site", *order.mutable_site(), "site code (default: the scenario's, else LON)");
  verb->add_option("--profile", *order.mutable_profile(), "era: 2007 or 2003 (default: the scenario's, else 2007)");
  verb->add_option("--scenario", wanted->scenario, "YAML file of the site to begin with, and to reset to");
  verb->add_option("--clock", *order.mutable_clock(),
                   "ISO time to freeze the lab's clock at; with a + behind it, to start it at");
  verb->add_option_function<uint64_t>(
      "--seed", [wanted](const uint64_t& seed) { wanted->order.set_seed(seed); },
      "seed of everything that looks random (default: 1)");
  verb->add_option("--mp", *order.mutable_mp(), "management point: HOST:PORT (default: a free port of 127.0.0.1)");
  verb->add_option_function<std::vector<std::string>>(
      "--dp",
      [wanted](const std::vector<std::string>& dps) { wanted->order.mutable_dps()->Assign(dps.begin(), dps.end()); },
      "distribution points: [NAME=]HOST:PORT (default: the scenario's, else one at a free port of 127.0.0.1)");
  verb->add_flag_function(
      "--strict", [wanted](int64_t) { wanted->order.set_strict(true); }, "check clients' signatures");
}
}  // namespace

void add_lab(CLI::App& app, Cli& cli) {
  CLI::App* lab = app.add_subcommand("lab", "Labs side by side in one process: create, list, show, delete");
  lab->require_subcommand(1)->fallthrough();
  add_create(*lab, cli);
  add_verb(*lab, cli, "list", "All labs beside the default one", [&cli] { return list(cli); });
  auto name = std::make_shared<std::string>();
  add_verb(*lab, cli, "show", "A lab's addresses", [&cli, name] { return show(cli, *name); })
      ->add_option("NAME", *name, "lab")
      ->required();
  add_verb(*lab, cli, "delete", "Delete a lab with all that it holds", [&cli, name] { return remove(cli, *name); })
      ->add_option("NAME", *name, "lab")
      ->required();
}

}  // namespace smslab::cli
