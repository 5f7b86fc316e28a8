#include "mp/sinks.h"

#include <algorithm>
#include <map>

#include "mp/clients_index.h"
#include "mp/site_log.h"
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
constexpr size_t kDiscoveredLimit = 256;

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

// The range that message IDs of a client's event must lie in. Which component speaks is not on the wire: that of the
// SoftDist classes is assumed; other classes are not summarised.
const v1::StatusComponent* component_of(const Event& event) {
  return istarts_with(event.class_name, "SoftDist") ? status_component("Software Distribution") : nullptr;
}

// The number of an event: its class's, else the one that it brings (protocol 4.4: EventId), which is assumed to be a
// message ID. 0: it is kept by its class.
uint32_t number_of(const Site& site, const Event& event) {
  if (const uint32_t known = status_id_of_event(event.class_name, site.profile); known != 0) return known;
  if (component_of(event) == nullptr) return 0;
  return static_cast<uint32_t>(std::min<uint64_t>(parse_u64(property(event.properties, "EventId")).value_or(0), 65535));
}

// 3812 instead of a message whose ID its component cannot have (semantics 5.1).
Status refuse_number(store::WriteTxn& txn, const Site& site, uint32_t number, const Event& event) {
  RETURN_IF_ERROR(emit(txn, site, {.id = 3812, .strings = {component_of(event)->name(), std::to_string(number)}}));
  return keep_event(txn, site, event);
}

// An advert's client may have a state that no message tells.
Status keep_state(store::WriteTxn& txn, const Site& site, const Event& event) {
  const v1::StatusEvent* known = status_event(event.class_name);
  const auto advert = parse_advert_id(property(event.properties, "AdvertisementId"), "AdvertisementId");
  if (known != nullptr && known->has_state() && advert.ok()) {
    RETURN_IF_ERROR(set_advert_state(txn, *advert, event.client, known->state(), event.time));
  }
  return keep_event(txn, site, event);
}

Status take_event(store::WriteTxn& txn, const Site& site, const Event& event) {
  const uint32_t number = number_of(site, event);
  if (number == 0) return keep_state(txn, site, event);
  const v1::StatusComponent* component = component_of(event);
  const bool valid = component == nullptr || (number >= component->first_id() && number <= component->last_id());
  return valid ? emit_event(txn, site, number, event) : refuse_number(txn, site, number, event);
}

// The client was heard of; what it said of itself replaces what was known.
Status see(store::WriteTxn& txn, const Site& site, const std::string& name, const v1::Client& said = {}) {
  auto client = client_by_name(txn, name);
  if (!client.ok()) return client.status().code() == Code::kNotFound ? ok_status() : client.status();
  const v1::ClientActivity place = place_said(said.ad_site(), {said.addresses().begin(), said.addresses().end()});
  RETURN_IF_ERROR(site.activity->record_place(txn, name, place));
  client->MergeFrom(said);
  client->clear_ad_site();
  client->clear_addresses();
  *client->mutable_last_seen() = to_timestamp(site.clock.now());
  return store::kClients.put(txn, {name}, *client);
}

// ---- reports
// What a client's record takes from its discovery: whatever the instances say (protocol 4.6).
void read_instance(const v1::ReportInstance& instance, v1::Client* said) {
  const auto set = [](const std::string& text, std::string* into) {
    if (!trim(text).empty()) *into = one_line(std::string(trim(text)), kDiscoveredLimit);
  };
  set(instance.system().domain(), said->mutable_domain());
  set(instance.client().client_version(), said->mutable_client_version());
  set(instance.ad_site().name(), said->mutable_ad_site());
  set(instance.adapter().fqdn(), said->mutable_fqdn());
  set(instance.platform().platform_id(), said->mutable_operating_system());
  set(instance.os().caption() + " " + instance.os().version(), said->mutable_operating_system());
  for (const auto* adapter : {&instance.adapter(), &instance.network()}) {
    for (const std::string& address : adapter->addresses()) said->add_addresses(address);
  }
}

v1::Client said_in(const v1::Report& report, std::string_view endpoint) {
  v1::Client said;
  said.set_client_version(
      one_line(std::string(trim(report.header().identification().machine().client_version())), kDiscoveredLimit));
  if (iequals(endpoint, kDdr)) {
    for (const v1::ReportInstance& instance : report.body().instances()) read_instance(instance, &said);
  }
  return said;
}

// The first report of a client that does not register is how the site learns of it.
Status discover(store::WriteTxn& txn, const Site& site, const std::string& name, const std::string& smsid) {
  if (store::kClients.has(txn, {name})) return ok_status();
  v1::Client client;
  client.set_name(name);
  client.set_smsid(smsid);
  ASSIGN_OR_RETURN(const bool anothers, smsid_is_anothers(txn, client));
  if (anothers) client.clear_smsid();
  return put_client(txn, site, std::move(client));
}
}  // namespace

Result<CcmAnswer> take_status(const CcmServer& server, const ccm::Envelope& message) {
  Site& site = server.site;
  ASSIGN_OR_RETURN(Event event, read_event(site, message));
  return CcmAnswer{.xml = {}, .after = site.store.submit([&site, event = std::move(event)](store::WriteTxn& txn) {
                     RETURN_IF_ERROR(see(txn, site, event.client));
                     return take_event(txn, site, event);
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
  record.set_type(one_line(report.header().details().report_type(), kDiscoveredLimit));
  record.set_action(one_line(report.header().inventory_action().description(), kDiscoveredLimit));
  record.set_instances(static_cast<uint32_t>(report.body().instances_size()));
  const v1::Client said = said_in(report, record.kind());
  const bool discovers = !site.profile.registration_needed && iequals(record.kind(), kDdr);
  return CcmAnswer{
      .xml = {}, .after = site.store.submit([&site, discovers, smsid = who.smsid, said, record](store::WriteTxn& txn) {
        if (discovers) RETURN_IF_ERROR(discover(txn, site, record.client(), smsid));
        RETURN_IF_ERROR(see(txn, site, record.client(), said));
        const store::Key key{record.client(), record.kind()};
        const auto before = store::kClientReports.get(txn, key);
        v1::ClientReport counted = record;
        counted.set_count((before.ok() ? before->count() : 0) + 1);
        txn.after_commit([changes = site.changes] { changes->notify(); });
        return store::kClientReports.put(txn, key, counted);
      })};
}

}  // namespace smslab::mp
