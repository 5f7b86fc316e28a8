#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <map>

#include "mp/cli/print.h"
#include "mp/cli/progress.h"
#include "mp/cli/verbs.h"
#include "proto/base/clock.h"
#include "proto/base/time_text.h"
#include "proto/base/uri.h"
#include "proto/schema/control.pb.h"

namespace smslab::cli {
namespace {
std::string package_path(const std::string& id, std::string_view action = {}) {
  return "/api/v1/packages/" + percent_encode_component(id) + std::string(action);
}

void print_package(const v1::Package& package) {
  print_fields({{"package", package.id()},
                {"name", package.name()},
                {"source", package.source()},
                {"source version", std::to_string(package.source_version())},
                {"source date", shown(package.source_date())},
                {"content", fmt::format("{} files, {}", package.file_count(), shown_size(package.size()))},
                {"SHA-1", package.hash().sha1()},
                {"SHA-256", package.hash().sha256()}});
  if (!package.programs().empty()) {
    std::vector<Row> rows;
    for (const auto& program : package.programs()) rows.push_back({program.name(), program.command_line()});
    fmt::print("\n");
    print_table({"PROGRAM", "COMMAND"}, rows);
  }
  if (!package.dps().empty()) {
    std::vector<Row> rows;
    for (const auto& dp : package.dps()) {
      rows.push_back({dp.dp(), enum_name(v1::PackageDp::State_descriptor(), dp.state()), std::to_string(dp.version()),
                      shown(dp.last_change()), dp.last_error()});
    }
    fmt::print("\n");
    print_table({"DP", "STATE", "VERSION", "LAST CHANGE", ""}, rows);
  }
}

Status show_package(const Cli& cli, const v1::Package& package) {
  if (cli.json) {
    print_json(package);
  } else {
    print_package(package);
  }
  return ok_status();
}

bool settled(const v1::Package& package) {
  for (const auto& dp : package.dps()) {
    if (dp.state() != v1::PackageDp::INSTALLED && dp.state() != v1::PackageDp::INSTALL_FAILED &&
        dp.state() != v1::PackageDp::REMOVAL_FAILED) {
      return false;
    }
  }
  return !package.pass_open();
}

// A DP that could not be served is tried again by the site; whoever waits is told so, once for each failure.
void tell_retries(const v1::Package& package, std::map<std::string, uint32_t>* told) {
  for (const auto& dp : package.dps()) {
    if (dp.failures() == 0 || (*told)[dp.dp()] == dp.failures()) continue;
    (*told)[dp.dp()] = dp.failures();
    fmt::print(stderr, "smslab: {}: {}: {}; next try {}\n", dp.dp(),
               enum_name(v1::PackageDp::State_descriptor(), dp.state()), dp.last_error(), shown(dp.next_try()));
  }
}

// Waits until every DP of the package is in a final state; a DP that failed is an error.
Result<v1::Package> wait_settled(Lab& lab, const std::string& id, const std::string& timeout) {
  const auto patience = parse_duration(timeout);
  if (!patience) return invalid_argument("'" + timeout + "' is not a duration, as 10s or 5m", "--timeout");
  const TimeSource time = system_time_source();
  const SteadyTime deadline = time.steady() + *patience;
  std::map<std::string, uint32_t> told;
  v1::Package package;
  while (true) {
    const auto left = std::chrono::duration_cast<LabDuration>(deadline - time.steady()).count();
    const std::string wait = std::to_string(std::clamp<int64_t>(left, 0, 5'000));
    RETURN_IF_ERROR(lab.call("GET", package_path(id, "?wait_ms=" + wait), nullptr, &package));
    if (settled(package)) break;
    tell_retries(package, &told);
    if (left <= 0) {
      return Status(Code::kUnavailable, "not every distribution point of " + id + " was done after " + timeout +
                                            "; the site goes on, see: smslab package show " + id);
    }
  }
  for (const auto& dp : package.dps()) {
    if (dp.state() != v1::PackageDp::INSTALLED) {
      return Status(Code::kUnavailable, dp.dp() + ": " + dp.last_error());
    }
  }
  return package;
}

struct Wanted {
  std::string id, name, source;
  std::vector<std::string> programs, dps;
  bool wait = false;
  std::string timeout = "1h";
};

Status create_package(const Cli& cli, const Wanted& wanted) {
  ASSIGN_OR_RETURN(Lab lab, Lab::find(cli.finder));
  v1::Package package;
  package.set_id(wanted.id);
  package.set_name(wanted.name);
  if (wanted.source.empty()) return invalid_argument("name the source folder", "--source");
  std::error_code unreadable;  // the working directory is gone
  package.set_source(std::filesystem::absolute(wanted.source, unreadable).lexically_normal().string());
  for (const std::string& text : wanted.programs) {
    const auto equals = text.find('=');
    if (equals == std::string::npos || equals == 0) {
      return invalid_argument("'" + text + "' is not NAME=COMMAND", "--program");
    }
    v1::Program* program = package.add_programs();
    program->set_name(text.substr(0, equals));
    program->set_command_line(text.substr(equals + 1));
  }
  v1::Package created;
  {
    const Progress progress(cli.finder, wanted.id);
    RETURN_IF_ERROR(lab.call("POST", "/api/v1/packages", &package, &created));
  }
  return show_package(cli, created);
}

// distribute, refresh, remove, update: a POST, and with --wait what became of it.
Status act(const Cli& cli, const Wanted& wanted, const std::string& action) {
  ASSIGN_OR_RETURN(Lab lab, Lab::find(cli.finder));
  v1::DpSelection selection;
  for (const auto& dp : wanted.dps) selection.add_dps(dp);
  v1::Package package;
  {
    const Progress progress(cli.finder, wanted.id);
    RETURN_IF_ERROR(
        lab.call("POST", package_path(wanted.id, "/" + action), action == "update" ? nullptr : &selection, &package));
  }
  if (wanted.wait) {
    ASSIGN_OR_RETURN(package, wait_settled(lab, package.id(), wanted.timeout));
  }
  return show_package(cli, package);
}

Status list_packages(const Cli& cli) {
  ASSIGN_OR_RETURN(Lab lab, Lab::find(cli.finder));
  v1::PackageList list;
  RETURN_IF_ERROR(lab.call("GET", "/api/v1/packages", nullptr, &list));
  if (cli.json) {
    print_json(list);
    return ok_status();
  }
  std::vector<Row> rows;
  for (const auto& p : list.packages()) {
    size_t installed = 0;
    for (const auto& dp : p.dps()) installed += dp.state() == v1::PackageDp::INSTALLED ? 1 : 0;
    rows.push_back({p.id(), std::to_string(p.source_version()), fmt::format("{}/{}", installed, p.dps_size()),
                    std::to_string(p.file_count()), shown_size(p.size()), p.name()});
  }
  print_table({"ID", "VERSION", "DPS", "FILES", "SIZE", "NAME"}, rows);
  return ok_status();
}
}  // namespace

void add_package(CLI::App& app, Cli& cli) {
  CLI::App* package =
      app.add_subcommand("package", "Packages: create, list, show, update, distribute, refresh, remove, delete");
  package->require_subcommand(1)->fallthrough();
  auto wanted = std::make_shared<Wanted>();
  const auto with_id = [wanted](CLI::App* verb) {
    verb->add_option("ID", wanted->id, "package ID, as LON00001")->required();
    return verb;
  };
  const auto with_wait = [wanted](CLI::App* verb) {
    auto* wait = verb->add_flag("--wait", wanted->wait, "wait for the distribution points' final states");
    verb->add_option("--timeout", wanted->timeout, "with --wait: give up after this time")
        ->needs(wait)
        ->capture_default_str();
  };
  const auto with_dps = [wanted](CLI::App* verb) {
    verb->add_option("--dp", wanted->dps, "distribution points")->required();
    return verb;
  };

  CLI::App* create = with_id(add_verb(*package, cli, "create", "Make a package of a source folder",
                                      [&cli, wanted] { return create_package(cli, *wanted); }));
  create->add_option("--name", wanted->name, "the package's name")->required();
  create->add_option("--source", wanted->source, "source folder")->required();
  create->add_option("--program", wanted->programs, "NAME=COMMAND, once for each program");

  add_verb(*package, cli, "list", "All packages", [&cli] { return list_packages(cli); });
  with_id(add_verb(*package, cli, "show", "One package with its programs and DPs", [&cli, wanted]() -> Status {
    ASSIGN_OR_RETURN(Lab lab, Lab::find(cli.finder));
    v1::Package found;
    RETURN_IF_ERROR(lab.call("GET", package_path(wanted->id), nullptr, &found));
    return show_package(cli, found);
  }));
  with_id(add_verb(*package, cli, "delete", "Delete a package, its programs, adverts and content",
                   [&cli, wanted]() -> Status {
                     ASSIGN_OR_RETURN(Lab lab, Lab::find(cli.finder));
                     return lab.call("DELETE", package_path(wanted->id), nullptr, nullptr);
                   }));
  with_wait(with_id(add_verb(*package, cli, "update", "Read the source again as the next version, to all its DPs",
                             [&cli, wanted] { return act(cli, *wanted, "update"); })));
  with_wait(with_dps(with_id(add_verb(*package, cli, "distribute", "Assign DPs and send them the content",
                                      [&cli, wanted] { return act(cli, *wanted, "distribute"); }))));
  with_wait(with_dps(with_id(add_verb(*package, cli, "refresh", "Send the same version to DPs again",
                                      [&cli, wanted] { return act(cli, *wanted, "refresh"); }))));
  with_wait(with_dps(with_id(add_verb(*package, cli, "remove", "Take the content away from DPs",
                                      [&cli, wanted] { return act(cli, *wanted, "remove"); }))));
}

}  // namespace smslab::cli
