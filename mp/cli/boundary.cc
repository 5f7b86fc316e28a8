#include "mp/cli/print.h"
#include "mp/cli/verbs.h"
#include "proto/base/uri.h"
#include "proto/schema/control.pb.h"

namespace smslab::cli {
namespace {
std::string boundary_path(const v1::Boundary& boundary) {
  return "/api/v1/boundaries/" + percent_encode_component(boundary.name());
}

Status list_boundaries(const Cli& cli) {
  ASSIGN_OR_RETURN(LabClient lab, LabClient::find(cli.finder));
  v1::BoundaryList list;
  RETURN_IF_ERROR(lab.call("GET", "/api/v1/boundaries", nullptr, &list));
  if (cli.json) {
    print_json(list);
    return ok_status();
  }
  std::vector<Row> rows;
  for (const auto& b : list.boundaries()) {
    rows.push_back({b.name(), b.slow() ? "slow" : "fast", b.subnet().empty() ? "AD site " + b.ad_site() : b.subnet()});
  }
  print_table({"BOUNDARY", "LINK", "HOLDS"}, rows);
  return ok_status();
}
}  // namespace

void add_boundary(CLI::App& app, Cli& cli) {
  CLI::App* boundary = app.add_subcommand("boundary", "Boundaries of the site: create, list, show, delete");
  boundary->require_subcommand(1)->fallthrough();
  auto wanted = std::make_shared<v1::Boundary>();
  const auto with_name = [wanted](CLI::App* verb) {
    verb->add_option("NAME", *wanted->mutable_name(), "the boundary's name")->required();
    return verb;
  };
  CLI::App* create = with_name(add_verb(*boundary, cli, "create", "Draw one", [&cli, wanted]() -> Status {
    ASSIGN_OR_RETURN(LabClient lab, LabClient::find(cli.finder));
    v1::Boundary created;
    RETURN_IF_ERROR(lab.call("POST", "/api/v1/boundaries", wanted.get(), &created));
    if (cli.json) print_json(created);
    return ok_status();
  }));
  auto* subnet = create->add_option("--subnet", *wanted->mutable_subnet(), "as 192.168.1.0/24");
  create->add_option("--ad-site", *wanted->mutable_ad_site(), "an Active Directory site")->excludes(subnet);
  create->add_flag_callback(
      "--slow", [wanted] { wanted->set_slow(true); }, "its clients are REMOTE");
  add_verb(*boundary, cli, "list", "All boundaries", [&cli] { return list_boundaries(cli); });
  with_name(add_verb(*boundary, cli, "show", "One boundary", [&cli, wanted]() -> Status {
    ASSIGN_OR_RETURN(LabClient lab, LabClient::find(cli.finder));
    v1::Boundary found;
    RETURN_IF_ERROR(lab.call("GET", boundary_path(*wanted), nullptr, &found));
    if (cli.json) {
      print_json(found);
    } else {
      print_fields({{"boundary", found.name()},
                    {"subnet", found.subnet()},
                    {"AD site", found.ad_site()},
                    {"link", found.slow() ? "slow" : "fast"}});
    }
    return ok_status();
  }));
  with_name(add_verb(*boundary, cli, "delete", "Delete one", [&cli, wanted]() -> Status {
    ASSIGN_OR_RETURN(LabClient lab, LabClient::find(cli.finder));
    return lab.call("DELETE", boundary_path(*wanted), nullptr, nullptr);
  }));
}

}  // namespace smslab::cli
