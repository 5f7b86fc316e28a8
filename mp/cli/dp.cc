#include <fmt/format.h>

#include "mp/cli/print.h"
#include "mp/cli/verbs.h"
#include "proto/base/uri.h"
#include "proto/schema/control.pb.h"

namespace smslab::cli {
namespace {
Status list_dps(const Cli& cli) {
  ASSIGN_OR_RETURN(Lab lab, Lab::find(cli.finder));
  v1::DpList list;
  RETURN_IF_ERROR(lab.call("GET", "/api/v1/dps", nullptr, &list));
  if (cli.json) {
    print_json(list);
    return ok_status();
  }
  std::vector<Row> rows;
  for (const auto& dp : list.dps()) rows.push_back({dp.name(), std::to_string(dp.contents_size()), dp.url()});
  print_table({"DP", "PACKAGES", "URL"}, rows);
  return ok_status();
}

Status show_dp(const Cli& cli, const std::string& name) {
  ASSIGN_OR_RETURN(Lab lab, Lab::find(cli.finder));
  v1::DpInfo dp;
  RETURN_IF_ERROR(lab.call("GET", "/api/v1/dps/" + percent_encode_component(name), nullptr, &dp));
  if (cli.json) {
    print_json(dp);
    return ok_status();
  }
  print_fields({{"dp", dp.name()}, {"url", dp.url()}, {"control", dp.control_url()}, {"NAL path", dp.nal_path()}});
  if (dp.contents().empty()) return ok_status();
  std::vector<Row> rows;
  for (const auto& c : dp.contents()) {
    rows.push_back({c.package_id(), std::to_string(c.version()), shown(c.installed()), shown_size(c.size())});
  }
  fmt::print("\n");
  print_table({"PACKAGE", "VERSION", "INSTALLED", "SIZE"}, rows);
  return ok_status();
}
}  // namespace

// `smslab dp list|show`. `smslab dp` as a role of its own is not there yet: `serve` runs the site with all its DPs.
void add_dp(CLI::App& app, Cli& cli) {
  CLI::App* dp = app.add_subcommand("dp", "Distribution points: list, show");
  dp->require_subcommand(1)->fallthrough();
  auto name = std::make_shared<std::string>();
  add_verb(*dp, cli, "list", "All distribution points", [&cli] { return list_dps(cli); });
  add_verb(*dp, cli, "show", "One distribution point and what is on it", [&cli, name] { return show_dp(cli, *name); })
      ->add_option("NAME", *name, "the DP's name")
      ->required();
}

}  // namespace smslab::cli
