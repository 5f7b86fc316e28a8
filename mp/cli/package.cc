#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <optional>

#include "mp/cli/print.h"
#include "mp/cli/progress.h"
#include "mp/cli/settled.h"
#include "mp/cli/verbs.h"
#include "proto/base/clock.h"
#include "proto/base/text.h"
#include "proto/base/time_text.h"
#include "proto/base/uri.h"
#include "proto/schema/control.pb.h"

namespace smslab::cli {
namespace {
constexpr uint32_t kVerified = 2384;  // the message that a DP holds what it should

std::string package_path(const std::string& id, std::string_view action = {}) {
  return "/api/v1/packages/" + percent_encode_component(id) + std::string(action);
}

void print_package(const v1::Package& package) {
  print_fields(
      {{"package", package.id()},
       {"name", package.name()},
       {"state", package.deleting() ? "being deleted: distribution points still hold it" : ""},
       {"manufacturer", package.manufacturer()},
       {"version", package.version()},
       {"language", package.language()},
       {"source", package.source()},
       {"distribution", package.direct() ? "direct from the source" : "from the site's copy"},
       {"schedule", joined(package.schedule())},
       {"next update", package.has_next_update() ? shown(package.next_update()) : ""},
       {"source version", std::to_string(package.source_version())},
       {"source date", shown(package.source_date())},
       {"content", fmt::format("{} files, {}", package.file_count(), shown_size(package.size()))},
       {"SHA-1", package.hash().sha1()},
       {"SHA-256", package.hash().sha256()},
       {"DPs", fmt::format("{} targeted, {} installed, {} retrying, {} failed", package.summary().targeted(),
                           package.summary().installed(), package.summary().retrying(), package.summary().failed())}});
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

struct Wanted {
  std::string id;
  v1::Package package;  // what create and set send
  std::optional<bool> direct;
  std::vector<std::string> programs, dps, schedule;
  bool wait = false;
  std::string timeout = "1h";
};

// Relative to the working directory of the command line, not to the site's.
std::string absolute_source(const std::string& source) {
  std::error_code unreadable;  // the working directory is gone
  return std::filesystem::absolute(source, unreadable).lexically_normal().string();
}

v1::Package package_of(const Wanted& wanted) {
  v1::Package package = wanted.package;
  if (!package.source().empty()) package.set_source(absolute_source(package.source()));
  if (wanted.direct) package.set_direct(*wanted.direct);
  package.mutable_schedule()->Assign(wanted.schedule.begin(), wanted.schedule.end());
  return package;
}

Status set_package(const Cli& cli, const Wanted& wanted) {
  ASSIGN_OR_RETURN(LabClient lab, LabClient::find(cli.finder));
  const v1::Package change = package_of(wanted);
  v1::Package changed;
  RETURN_IF_ERROR(lab.call("PATCH", package_path(wanted.id), &change, &changed));
  return show_package(cli, changed);
}

Status create_package(const Cli& cli, const Wanted& wanted) {
  ASSIGN_OR_RETURN(LabClient lab, LabClient::find(cli.finder));
  if (wanted.package.source().empty()) return invalid_argument("name the source folder", "--source");
  v1::Package package = package_of(wanted);
  package.set_id(wanted.id);
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
  ASSIGN_OR_RETURN(LabClient lab, LabClient::find(cli.finder));
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

// With --wait, until no distribution point holds it any more.
Status delete_package(const Cli& cli, const Wanted& wanted) {
  ASSIGN_OR_RETURN(LabClient lab, LabClient::find(cli.finder));
  RETURN_IF_ERROR(lab.call("DELETE", package_path(wanted.id), nullptr, nullptr));
  if (!wanted.wait) return ok_status();
  const Status settled = wait_settled(lab, wanted.id, wanted.timeout).status();
  return settled.code() == Code::kNotFound ? ok_status() : settled;
}

Status validate_package(const Cli& cli, const Wanted& wanted) {
  ASSIGN_OR_RETURN(LabClient lab, LabClient::find(cli.finder));
  v1::DpSelection selection;
  for (const auto& dp : wanted.dps) selection.add_dps(dp);
  v1::ValidationList list;
  RETURN_IF_ERROR(lab.call("POST", package_path(wanted.id, "/validate"), &selection, &list));
  std::vector<Row> rows;
  Status status;
  for (const auto& v : list.validations()) {
    const std::string verdict =
        fmt::format("{} ({})", v.message() == kVerified ? "as it should be" : "not as it should be", v.message());
    if (v.message() != kVerified) status = Status(Code::kDataLoss, v.dp() + " does not hold the site's version");
    for (const auto& path : v.missing()) rows.push_back({v.dp(), verdict, "missing: " + path});
    for (const auto& path : v.wrong()) rows.push_back({v.dp(), verdict, "wrong: " + path});
    if (v.missing().empty() && v.wrong().empty()) rows.push_back({v.dp(), verdict, v.error()});
  }
  if (cli.json) {
    print_json(list);
  } else {
    print_table({"DP", "VERDICT (MESSAGE)", ""}, rows);
  }
  return status;
}

Status list_packages(const Cli& cli) {
  ASSIGN_OR_RETURN(LabClient lab, LabClient::find(cli.finder));
  v1::PackageList list;
  RETURN_IF_ERROR(lab.call("GET", "/api/v1/packages", nullptr, &list));
  if (cli.json) {
    print_json(list);
    return ok_status();
  }
  std::vector<Row> rows;
  for (const auto& p : list.packages()) {
    const v1::PackageSummary& n = p.summary();
    rows.push_back({p.id(), std::to_string(p.source_version()), std::to_string(n.targeted()),
                    std::to_string(n.installed()), std::to_string(n.retrying()), std::to_string(n.failed()),
                    std::to_string(p.file_count()), shown_size(p.size()),
                    p.name() + (p.deleting() ? " (being deleted)" : "")});
  }
  print_table({"ID", "VERSION", "TARGETED", "INSTALLED", "RETRYING", "FAILED", "FILES", "SIZE", "NAME"}, rows);
  return ok_status();
}
}  // namespace

void add_package(CLI::App& app, Cli& cli) {
  CLI::App* package = app.add_subcommand(
      "package", "Packages: create, list, show, set, update, distribute, refresh, remove, validate, delete");
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

  const auto with_data = [wanted](CLI::App* verb, bool required) {
    v1::Package& data = wanted->package;
    verb->add_option("--name", *data.mutable_name(), "the package's name")->required(required);
    verb->add_option("--source", *data.mutable_source(), "source folder")->required(required);
    verb->add_option("--manufacturer", *data.mutable_manufacturer(), "who made the product");
    verb->add_option("--version", *data.mutable_version(), "the product's version, for display");
    verb->add_option("--language", *data.mutable_language(), "the product's language");
    verb->add_flag_function(
        "--direct,!--no-direct", [wanted](int64_t times) { wanted->direct = times > 0; },
        "assign and refresh read the source as it then is; else they send the site's copy");
    verb->add_option("--schedule", wanted->schedule,
                     "direct only: updates by itself, as \"every 1d from 2026-11-21T20:00:00Z\" or a schedule token; "
                     "'none' takes it away");
    return verb;
  };

  CLI::App* create = with_data(with_id(add_verb(*package, cli, "create", "Make a package of a source folder",
                                                [&cli, wanted] { return create_package(cli, *wanted); })),
                               true);
  with_data(with_id(add_verb(*package, cli, "set", "Change a package's data; the source is not read",
                             [&cli, wanted] { return set_package(cli, *wanted); })),
            false);
  create->add_option("--program", wanted->programs, "NAME=COMMAND, once for each program");

  add_verb(*package, cli, "list", "All packages", [&cli] { return list_packages(cli); });
  with_id(add_verb(*package, cli, "show", "One package with its programs and DPs", [&cli, wanted]() -> Status {
    ASSIGN_OR_RETURN(LabClient lab, LabClient::find(cli.finder));
    v1::Package found;
    RETURN_IF_ERROR(lab.call("GET", package_path(wanted->id), nullptr, &found));
    return show_package(cli, found);
  }));
  with_wait(with_id(add_verb(*package, cli, "delete", "Delete a package, its programs, adverts and content",
                             [&cli, wanted] { return delete_package(cli, *wanted); })));
  with_wait(with_id(add_verb(*package, cli, "update", "Read the source again as the next version, to all its DPs",
                             [&cli, wanted] { return act(cli, *wanted, "update"); })));
  with_wait(with_dps(with_id(add_verb(*package, cli, "distribute", "Assign DPs and send them the content",
                                      [&cli, wanted] { return act(cli, *wanted, "distribute"); }))));
  with_wait(with_dps(with_id(add_verb(*package, cli, "refresh", "Send the same version to DPs again",
                                      [&cli, wanted] { return act(cli, *wanted, "refresh"); }))));
  with_wait(with_dps(with_id(add_verb(*package, cli, "remove", "Take the content away from DPs",
                                      [&cli, wanted] { return act(cli, *wanted, "remove"); }))));
  with_dps(with_id(add_verb(*package, cli, "validate",
                            "Compare what DPs hold with the last update, byte by byte (not in SMS 2003)",
                            [&cli, wanted] { return validate_package(cli, *wanted); })));
}

}  // namespace smslab::cli
