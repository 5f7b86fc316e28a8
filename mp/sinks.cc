#include "mp/sinks.h"

#include <algorithm>
#include <map>

#include "mp/clients_index.h"
#include "mp/site_record.h"
#include "mp/status.h"
#include "proto/base/ids.h"
#include "proto/base/text.h"
#include "proto/base/time_text.h"
#include "proto/codec/xml.h"
#include "proto/schema/client_messages.pb.h"
#include "proto/schema/timestamp.h"
#include "store/tables.h"

namespace smslab::mp {
namespace {
constexpr std::string_view kDdr = "MP_DdrEndpoint";

using Properties = std::map<std::string, std::string>;

std::string property(const Properties& properties, std::string_view name) {
  const auto found = std::ranges::find_if(properties, [&](const auto& p) { return iequals(p.first, name); });
  return found == properties.end() ? std::string() : std::string(trim(found->second));
}

// A client's event, read and with its sender found.
struct Event {
  std::string class_name;
  Properties properties;
  std::string client;
  LabTime time;
};

Result<Event> read_event(const Site& site, const ccm::Envelope& message) {
  v1::Status status;
  RETURN_IF_ERROR(codec::from_xml(message.documents.front(), &status));
  Event event;
  event.class_name = trim(status.type());
  if (event.class_name.empty()) return invalid_argument("the status message has no Type");
  for (const v1::NameText& p : status.properties()) event.properties[p.name()] = p.text();
  const std::string id = property(event.properties, "ClientID");
  ASSIGN_OR_RETURN(const Who who, identify(site.store.read(), message, id, property(event.properties, "MachineName")));
  if (site.options.strict) RETURN_IF_ERROR(authenticate(who, message, Signed::kRequired, id));
  if (who.name.empty()) return invalid_argument("the status message does not say who sends it");
  event.client = who.name;
  event.time = parse_cim(property(event.properties, "DateTime")).value_or(site.clock.now());
  return event;
}

Status keep_event(store::WriteTxn& txn, const Site& site, const Event& event) {
  ASSIGN_OR_RETURN(const uint64_t id, next_status_id(txn));  // one order with the numbered messages
  v1::ClientEvent record;
  record.set_id(id);
  record.set_client(event.client);
  record.set_class_name(event.class_name);
  *record.mutable_time() = to_timestamp(event.time);
  for (const auto& [name, value] : event.properties) (*record.mutable_properties())[name] = value;
  txn.after_commit([changes = site.changes] { changes->notify(); });
  return store::kClientEvents.put(txn, {event.client, store::number_key(id)}, record);
}

Status emit_event(store::WriteTxn& txn, const Site& site, uint32_t number, const Event& event) {
  // PackageName holds the ID (protocol 4.4). What is no ID is still shown in the strings.
  auto package = parse_package_id(property(event.properties, "PackageName"), "PackageName");
  if (!package.ok()) package = parse_package_id(property(event.properties, "PackageId"), "PackageId");
  const auto advert = parse_advert_id(property(event.properties, "AdvertisementId"), "AdvertisementId");
  Emission emission;
  emission.id = number;
  emission.strings = strings_of_event(event.class_name, event.properties);
  if (package.ok()) emission.package = *package;
  if (advert.ok()) emission.advert = *advert;
  emission.client = event.client;
  emission.time = event.time;
  return emit(txn, site, emission);
}

Status see(store::WriteTxn& txn, const Site& site, const std::string& name) {
  auto client = client_by_name(txn, name);
  if (!client.ok()) return client.status().code() == Code::kNotFound ? ok_status() : client.status();
  *client->mutable_last_seen() = to_timestamp(site.clock.now());
  return store::kClients.put(txn, {name}, *client);
}

// The first report of a client that does not register is how the site learns of it.
Status discover(store::WriteTxn& txn, const Site& site, const std::string& name, const std::string& smsid) {
  if (store::kClients.has(txn, {name})) return ok_status();
  v1::Client client;
  client.set_name(name);
  client.set_smsid(smsid);
  return put_client(txn, site, std::move(client));
}
}  // namespace

Result<CcmAnswer> take_status(const CcmServer& server, const ccm::Envelope& message) {
  Site& site = server.site;
  ASSIGN_OR_RETURN(Event event, read_event(site, message));
  const uint32_t number = status_id_of_event(event.class_name, site.profile);
  return CcmAnswer{.xml = {},
                   .after = site.store.submit([&site, number, event = std::move(event)](store::WriteTxn& txn) {
                     RETURN_IF_ERROR(see(txn, site, event.client));
                     return number == 0 ? keep_event(txn, site, event) : emit_event(txn, site, number, event);
                   })};
}

Result<CcmAnswer> take_report(const CcmServer& server, const ccm::Envelope& message) {
  Site& site = server.site;
  v1::Report report;
  for (const std::string& document : message.documents) RETURN_IF_ERROR(codec::from_xml(document, &report));
  const v1::ReportMachine& machine = report.header().identification().machine();
  ASSIGN_OR_RETURN(const Who who, identify(site.store.read(), message, machine.client_id(), machine.netbios_name()));
  if (site.options.strict) {
    RETURN_IF_ERROR(authenticate(who, message, Signed::kIfPresent, machine.client_id()));
  }
  if (who.name.empty()) return invalid_argument("the report does not say who sends it");

  v1::ClientReport record;
  record.set_client(who.name);
  record.set_kind(message.endpoint());
  *record.mutable_received() = to_timestamp(site.clock.now());
  for (const std::string& document : message.documents) record.add_documents(document);
  const bool discovers = !site.profile.registration_needed && iequals(record.kind(), kDdr);
  return CcmAnswer{.xml = {},
                   .after = site.store.submit([&site, discovers, smsid = who.smsid, record](store::WriteTxn& txn) {
                     if (discovers) RETURN_IF_ERROR(discover(txn, site, record.client(), smsid));
                     RETURN_IF_ERROR(see(txn, site, record.client()));
                     const store::Key key{record.client(), record.kind()};
                     const auto before = store::kClientReports.get(txn, key);
                     v1::ClientReport counted = record;
                     counted.set_count((before.ok() ? before->count() : 0) + 1);
                     txn.after_commit([changes = site.changes] { changes->notify(); });
                     return store::kClientReports.put(txn, key, counted);
                   })};
}

}  // namespace smslab::mp
