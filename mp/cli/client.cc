#include <fmt/format.h>

#include "mp/cli/print.h"
#include "mp/cli/verbs.h"
#include "proto/base/env.h"
#include "proto/base/text.h"
#include "proto/base/uri.h"
#include "proto/schema/control.pb.h"

namespace smslab::cli {
namespace {
constexpr int kPage = 5000;  // of a listing

struct Wanted {
  std::string name, smsid, certificate;
};

// What one would look up on the client itself: identity, policy, reports, and what it told of its programs.
Status show_client(const Cli& cli, LabClient& lab, const v1::Client& client) {
  if (cli.json) {
    print_json(client);
    return ok_status();
  }
  v1::StatusMessageList said;
  RETURN_IF_ERROR(
      lab.call("GET", "/api/v1/status-messages?client=" + percent_encode_component(client.name()), nullptr, &said));
  print_fields({{"client", client.name()},
                {"SMSID", client.smsid()},
                {"FQDN", client.fqdn()},
                {"version", client.client_version()},
                {"site", client.site()},
                {"registered", client.registered() ? "yes" : "no"},
                {"approval", enum_name(v1::Client::Approval_descriptor(), client.approval())},
                {"AD site", client.ad_site()},
                {"addresses", joined(client.addresses())},
                {"domain", client.domain()},
                {"system", client.operating_system()},
                {"last seen", shown(client.last_seen())},
                {"policy asked", shown(client.last_policy())},
                {"policy fetched", shown(client.last_policy_body())}});
  if (!client.reports().empty()) {
    std::vector<Row> rows;
    for (const auto& r : client.reports()) {
      rows.push_back({r.kind(), std::to_string(r.count()), shown(r.received()), r.type(), std::to_string(r.instances()),
                      r.action()});
    }
    fmt::print("\n");
    print_table({"REPORT", "COUNT", "LAST", "TYPE", "INSTANCES", "ACTION"}, rows);
  }
  if (!said.status_messages().empty()) {
    std::vector<Row> rows;
    for (const auto& m : said.status_messages()) {
      const auto advert = m.attributes().find(401);
      rows.push_back({shown(m.time()), std::to_string(m.message_id()),
                      advert != m.attributes().end() ? advert->second : "", m.text()});
    }
    fmt::print("\n");
    print_table({"TIME", "MESSAGE", "ADVERT", "TEXT"}, rows);
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
  ASSIGN_OR_RETURN(LabClient lab, LabClient::find(cli.finder));
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
  return show_client(cli, lab, created);
}

Status set_approval(const Cli& cli, const Wanted& wanted, v1::Client::Approval approval) {
  ASSIGN_OR_RETURN(LabClient lab, LabClient::find(cli.finder));
  v1::Client change, changed;
  change.set_approval(approval);
  RETURN_IF_ERROR(lab.call("PATCH", "/api/v1/clients/" + percent_encode_component(wanted.name), &change, &changed));
  return show_client(cli, lab, changed);
}

Status list_clients(const Cli& cli) {
  ASSIGN_OR_RETURN(LabClient lab, LabClient::find(cli.finder));
  v1::ClientList list;
  for (std::string after;;) {
    v1::ClientList page;
    RETURN_IF_ERROR(lab.call("GET",
                             fmt::format("/api/v1/clients?limit={}&after={}", kPage, percent_encode_component(after)),
                             nullptr, &page));
    const int got = page.clients_size();
    if (got > 0) after = page.clients().rbegin()->name();
    list.MergeFrom(page);
    if (got < kPage) break;
  }
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
      *client, cli, "show", "One client: identity, policy, reports, messages, events",
      [&cli, wanted]() -> Status {
        ASSIGN_OR_RETURN(LabClient lab, LabClient::find(cli.finder));
        v1::Client found;
        RETURN_IF_ERROR(lab.call("GET", "/api/v1/clients/" + percent_encode_component(wanted->name), nullptr, &found));
        return show_client(cli, lab, found);
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
