#include <fmt/format.h>

#include <utility>

#include "mp/cli/print.h"
#include "mp/cli/serve_dp.h"
#include "mp/cli/verbs.h"
#include "proto/base/text.h"
#include "proto/base/uri.h"
#include "proto/schema/control.pb.h"

namespace smslab::cli {
namespace {
std::string path_of(const std::string& name) { return "/api/v1/dps/" + percent_encode_component(name); }

void print_dp(const v1::DpInfo& dp) {
  print_fields({{"dp", dp.name()},
                {"url", dp.url()},
                {"control", dp.control_url()},
                {"NAL path", dp.nal_path()},
                {"protected", dp.protected_() ? "yes" : "no"},
                {"boundaries", joined(dp.boundaries())},
                {"unreachable", dp.error()}});
  if (dp.contents().empty()) return;
  std::vector<Row> rows;
  for (const auto& c : dp.contents()) {
    rows.push_back({c.package_id(), std::to_string(c.version()), shown(c.installed()), shown_size(c.size())});
  }
  fmt::print("\n");
  print_table({"PACKAGE", "VERSION", "INSTALLED", "SIZE"}, rows);
}

Status list_dps(const Cli& cli) {
  ASSIGN_OR_RETURN(LabClient lab, LabClient::find(cli.finder));
  v1::DpList list;
  RETURN_IF_ERROR(lab.call("GET", "/api/v1/dps", nullptr, &list));
  if (cli.json) {
    print_json(list);
    return ok_status();
  }
  std::vector<Row> rows;
  for (const auto& dp : list.dps()) {
    rows.push_back({dp.name(), dp.error().empty() ? std::to_string(dp.contents_size()) : "unreachable",
                    dp.protected_() ? "yes" : "no", dp.url()});
  }
  print_table({"DP", "PACKAGES", "PROTECTED", "URL"}, rows);
  return ok_status();
}

// One DP, as it is after the call.
Status call_dp(const Cli& cli, const std::string& method, const std::string& name, const v1::DpInfo* change) {
  ASSIGN_OR_RETURN(LabClient lab, LabClient::find(cli.finder));
  v1::DpInfo dp;
  RETURN_IF_ERROR(lab.call(method, path_of(name), change, &dp));
  if (cli.json) {
    print_json(dp);
  } else {
    print_dp(dp);
  }
  return ok_status();
}

struct DpChange {
  std::string is_protected;  // on, off; empty: as it is
  std::vector<std::string> boundaries;
  bool no_boundaries = false;
};

Status set_dp(const Cli& cli, const std::string& name, const DpChange& wanted) {
  v1::DpInfo change;
  if (!wanted.is_protected.empty()) change.set_protected_(wanted.is_protected == "on");
  for (const auto& boundary : wanted.boundaries) change.add_boundaries(boundary);
  if (wanted.no_boundaries) change.add_boundaries("");
  return call_dp(cli, "PATCH", name, &change);
}

Status delete_dp(const Cli& cli, const std::string& name, bool force) {
  ASSIGN_OR_RETURN(LabClient lab, LabClient::find(cli.finder));
  return lab.call("DELETE", path_of(name) + (force ? "?force=true" : ""), nullptr, nullptr);
}

// `smslab dp` without a verb of its own runs a DP; that this needs some options is known only now.
void check_role(const CLI::App& dp) {
  for (const char* option : {"--name", "--site-server", "--token-file"}) {
    if (dp.count(option) == 0) throw CLI::RequiredError(option);
  }
}
}  // namespace

void add_dp(CLI::App& app, Cli& cli) {
  CLI::App* dp = app.add_subcommand(
      "dp", "Distribution points: list, show, set, delete; with --name, run one in a process of its own");
  dp->require_subcommand(0, 1)->fallthrough();
  auto role = std::make_shared<DpRoleOptions>();
  add_dp_role_options(*dp, role.get());
  // The verbs' --data and --control find the lab, but stand where the role's do.
  const auto finding = [&cli, role, dp](auto run) {
    return [&cli, role, dp, run] {
      if (dp->count("--data") > 0) cli.finder.data = role->host.data;
      if (dp->count("--control") > 0) cli.finder.control = role->control;
      return run();
    };
  };
  dp->callback([&cli, dp, role] {
    if (!dp->get_subcommands().empty()) return;
    check_role(*dp);
    if (!cli.finder.data.empty()) role->host.data = cli.finder.data;
    cli.action = [role] { return serve_dp(*role); };
  });

  auto name = std::make_shared<std::string>();
  const auto name_argument = [name](CLI::App* verb) {
    verb->add_option("NAME", *name, "the DP's name")->required();
    return verb;
  };
  add_verb(*dp, cli, "list", "All distribution points", finding([&cli] { return list_dps(cli); }));
  name_argument(add_verb(*dp, cli, "show", "One distribution point and what is on it",
                         finding([&cli, name] { return call_dp(cli, "GET", *name, nullptr); })));
  auto change = std::make_shared<DpChange>();
  CLI::App* set = name_argument(add_verb(*dp, cli, "set", "Protect a distribution point, or name its boundaries",
                                         finding([&cli, name, change] { return set_dp(cli, *name, *change); })));
  set->add_option("--protected", change->is_protected, "on: only for clients within its boundaries; off: for all")
      ->check(CLI::IsMember({"on", "off"}));
  auto* boundaries =
      set->add_option("--boundary", change->boundaries, "its boundaries, by name, instead of the former");
  set->add_flag("--no-boundaries", change->no_boundaries, "the site's boundaries are its own")->excludes(boundaries);
  auto force = std::make_shared<bool>(false);
  name_argument(add_verb(*dp, cli, "delete", "Take out a distribution point of another process",
                         finding([&cli, name, force] { return delete_dp(cli, *name, *force); })))
      ->add_flag("--force", *force, "it is gone for good: let go of the packages that are assigned to it");
}

}  // namespace smslab::cli
