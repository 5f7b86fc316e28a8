#include "mp/clients.h"

#include "mp/checks.h"
#include "mp/clients_index.h"
#include "mp/commit.h"
#include "proto/base/ids.h"
#include "proto/ccm/signature.h"
#include "proto/schema/timestamp.h"
#include "store/tables.h"

namespace smslab::mp {
namespace {
Status in_field(const Status& status, std::string field) {
  return {Code::kInvalidArgument, status.message(), std::move(field)};
}
}  // namespace

Result<v1::Client> record_client(store::WriteTxn& txn, const Site& site, const v1::Client& request) {
  v1::Client client;
  ASSIGN_OR_RETURN(*client.mutable_name(), parse_host_name(request.name(), "name"));
  if (!request.smsid().empty()) {
    ASSIGN_OR_RETURN(*client.mutable_smsid(), parse_smsid(request.smsid(), "smsid"));
  }
  if (!request.certificate().empty()) {
    const auto certificate = ccm::certificate_hex(request.certificate());
    if (!certificate.ok()) return in_field(certificate.status(), "certificate");
    const auto key = ccm::public_key_of_certificate(*certificate);
    if (!key.ok()) return in_field(key.status(), "certificate");
    client.set_certificate(*certificate);
    client.set_public_key(*key);
  }
  RETURN_IF_ERROR(check_text(request.fqdn(), "fqdn"));
  RETURN_IF_ERROR(check_text(request.client_version(), "clientVersion"));
  client.set_fqdn(request.fqdn());
  client.set_client_version(request.client_version());
  client.set_site(site.options.site);
  if (store::kClients.has(txn, {client.name()})) {
    return already_exists("client " + client.name() + " exists already", "name");
  }
  if (const auto other = client_by_smsid(txn, client.smsid()); other.ok()) {
    return already_exists(client.smsid() + " is the SMSID of " + other->name(), "smsid");
  }
  *client.mutable_created() = to_timestamp(site.clock.now());
  RETURN_IF_ERROR(put_client(txn, site, client));
  return store::kClients.get(txn, {client.name()});
}

Result<v1::Client> create_client(Site& site, const v1::Client& request) {
  return commit_result(site, [&](store::WriteTxn& txn) { return record_client(txn, site, request); });
}

Result<v1::Client> set_client(Site& site, const std::string& name, const v1::Client& change) {
  ASSIGN_OR_RETURN(const std::string parsed, parse_host_name(name, "name"));
  if (!change.has_approval()) {
    return invalid_argument("say APPROVED, PENDING, REJECTED or RESET; nothing else of a client can be changed",
                            "approval");
  }
  return commit_result(site, [&](store::WriteTxn& txn) -> Result<v1::Client> {
    auto client = store::kClients.get(txn, {parsed});
    if (client.status().code() == Code::kNotFound) return not_found("there is no client " + parsed, "name");
    if (!client.ok()) return client.status();
    client->set_approval(change.approval());
    RETURN_IF_ERROR(store::kClients.put(txn, {parsed}, *client));
    return *client;
  });
}

Result<v1::Client> show_client(const Site& site, const std::string& name) {
  ASSIGN_OR_RETURN(const std::string parsed, parse_host_name(name, "name"));
  const auto recent = site.activity->recent();
  const store::ReadTxn txn = site.store.read();
  auto client = store::kClients.get(txn, {parsed});
  if (client.status().code() == Code::kNotFound) return not_found("there is no client " + parsed, "name");
  RETURN_IF_ERROR(client.status());
  recent.add_to(txn, &*client);
  RETURN_IF_ERROR(store::kClientEvents.each(txn, {parsed}, [&](const store::Key&, const v1::ClientEvent& event) {
    *client->add_events() = event;
    return true;
  }));
  RETURN_IF_ERROR(store::kClientReports.each(txn, {parsed}, [&](const store::Key&, const v1::ClientReport& report) {
    *client->add_reports() = report;
    return true;
  }));
  return client;
}

Result<v1::ClientList> list_clients(const Site& site, const std::string& after, size_t limit) {
  store::Key from;
  if (!after.empty()) {
    ASSIGN_OR_RETURN(const std::string name, parse_host_name(after, "after"));
    from = {name};
  }
  const auto recent = site.activity->recent();
  const store::ReadTxn txn = site.store.read();
  v1::ClientList list;
  const auto take = [&](const store::Key& key, const v1::Client& client) {
    if (key == from) return true;
    *list.add_clients() = client;
    recent.add_to(txn, &*list.mutable_clients()->rbegin());
    return static_cast<size_t>(list.clients_size()) < limit;
  };
  RETURN_IF_ERROR(store::kClients.each(txn, {}, take, from));
  return list;
}

}  // namespace smslab::mp
