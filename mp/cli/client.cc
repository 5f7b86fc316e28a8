#include <fmt/format.h>

#include "mp/cli/print.h"
#include "mp/cli/verbs.h"
#include "proto/base/env.h"
#include "proto/base/uri.h"
#include "proto/schema/control.pb.h"

namespace smslab::cli {
namespace {
struct Wanted {
  std::string name, smsid, certificate;
};

Status show_client(const Cli& cli, const v1::Client& client) {
  if (cli.json) {
    print_json(client);
    return ok_status();
  }
  print_fields({{"client", client.name()},
                {"SMSID", client.smsid()},
                {"FQDN", client.fqdn()},
                {"version", client.client_version()},
                {"site", client.site()},
                {"registered", client.registered() ? "yes" : "no"},
                {"approval", enum_name(v1::Client::Approval_descriptor(), client.approval())},
                {"last seen", shown(client.last_seen())}});
  if (!client.reports().empty()) {
    std::vector<Row> rows;
    for (const auto& r : client.reports()) rows.push_back({r.kind(), std::to_string(r.count()), shown(r.received())});
    fmt::print("\n");
    print_table({"REPORT", "COUNT", "LAST"}, rows);
  }
  if (!client.events().empty()) {
    std::vector<Row> rows;
    for (const auto& e : client.events()) {
      const auto package = e.properties().find("PackageId");
      rows.push_back({shown(e.time()), e.class_name(), package != e.properties().end() ? package->second : ""});
    }
    fmt::print("\n");
    print_table({"TIME", "EVENT", "PACKAGE"}, rows);
  }
  return ok_status();
}

Status create_client(const Cli& cli, const Wanted& wanted) {
  ASSIGN_OR_RETURN(Lab lab, Lab::find(cli.finder));
  v1::Client client;
  client.set_name(wanted.name);
  client.set_smsid(wanted.smsid);
  if (!wanted.certificate.empty()) {
    auto text = read_file(posix_env(), wanted.certificate, 1 << 20);
    if (!text.ok()) return {text.status().code(), text.status().message(), "--certificate"};
    client.set_certificate(*text);
  }
  v1::Client created;
  RETURN_IF_ERROR(lab.call("POST", "/api/v1/clients", &client, &created));
  return show_client(cli, created);
}

Status set_approval(const Cli& cli, const Wanted& wanted, v1::Client::Approval approval) {
  ASSIGN_OR_RETURN(Lab lab, Lab::find(cli.finder));
  v1::Client change, changed;
  change.set_approval(approval);
  RETURN_IF_ERROR(lab.call("PATCH", "/api/v1/clients/" + percent_encode_component(wanted.name), &change, &changed));
  return show_client(cli, changed);
}

Status list_clients(const Cli& cli) {
  ASSIGN_OR_RETURN(Lab lab, Lab::find(cli.finder));
  v1::ClientList list;
  RETURN_IF_ERROR(lab.call("GET", "/api/v1/clients", nullptr, &list));
  if (cli.json) {
    print_json(list);
    return ok_status();
  }
  std::vector<Row> rows;
  for (const auto& c : list.clients()) {
    rows.push_back({c.name(), c.registered() ? "yes" : "no", enum_name(v1::Client::Approval_descriptor(), c.approval()),
                    shown(c.last_seen()), c.smsid()});
  }
  print_table({"CLIENT", "REGISTERED", "APPROVAL", "LAST SEEN", "SMSID"}, rows);
  return ok_status();
}
}  // namespace

void add_client(CLI::App& app, Cli& cli) {
  CLI::App* client = app.add_subcommand("client", "Clients of the site: list, show, create, approve, reject, reset");
  client->require_subcommand(1)->fallthrough();
  auto wanted = std::make_shared<Wanted>();
  add_verb(*client, cli, "list", "All clients", [&cli] { return list_clients(cli); });
  add_verb(
      *client, cli, "show", "One client with its events and reports",
      [&cli, wanted]() -> Status {
        ASSIGN_OR_RETURN(Lab lab, Lab::find(cli.finder));
        v1::Client found;
        RETURN_IF_ERROR(lab.call("GET", "/api/v1/clients/" + percent_encode_component(wanted->name), nullptr, &found));
        return show_client(cli, found);
      })
      ->add_option("HOST", wanted->name, "computer name")
      ->required();
  CLI::App* create = add_verb(*client, cli, "create", "Declare a client that has not registered by itself",
                              [&cli, wanted] { return create_client(cli, *wanted); });
  create->add_option("HOST", wanted->name, "computer name")->required();
  create->add_option("--smsid", wanted->smsid, "its SMSID, as GUID:...");
  const auto decides = [&](const std::string& verb, const std::string& description, v1::Client::Approval approval) {
    add_verb(*client, cli, verb, description, [&cli, wanted, approval] { return set_approval(cli, *wanted, approval); })
        ->add_option("HOST", wanted->name, "computer name")
        ->required();
  };
  decides("approve", "Approve a client that is pending or was rejected", v1::Client::APPROVED);
  decides("reject", "Refuse it registration and policy", v1::Client::REJECTED);
  decides("reset", "Tell it to make a new identity when it registers next", v1::Client::RESET);
  create->add_option("--certificate", wanted->certificate, "its signing certificate: a PEM file");
}

}  // namespace smslab::cli
