#include "mp/status.h"

#include <algorithm>
#include <array>
#include <limits>

#include "mp/inboxes.h"
#include "mp/site_log.h"
#include "mp/site_record.h"
#include "proto/schema/timestamp.h"
#include "store/tables.h"

namespace smslab::mp {
namespace {
using store::number_key;
using State = v1::AdvertClient;

// Absent is an empty record.
template <class Record>
Result<Record> get_or_empty(const store::ReadTxn& txn, const store::Table<Record>& table, const store::Key& key) {
  auto found = table.get(txn, key);
  if (found.status().code() == Code::kNotFound) return Record();
  return found;
}

// ---- adverts
// Of acceptance and status the record keeps the later kind: that an advert is received again does not take back how its
// program ended.
bool is_acceptance(State::State state) { return state <= State::EXPIRED; }

void move_state(v1::AdvertClient* record, State::State state) {
  if (!is_acceptance(state) || is_acceptance(record->state())) record->set_state(state);
}

void add_to(v1::AdvertSummary* sum, v1::StatusRow::Counter counter) {
  switch (counter) {
    case v1::StatusRow::RECEIVED: sum->set_received(sum->received() + 1); return;
    case v1::StatusRow::STARTED: sum->set_started(sum->started() + 1); return;
    case v1::StatusRow::SUCCEEDED: sum->set_succeeded(sum->succeeded() + 1); return;
    case v1::StatusRow::FAILED: sum->set_failed(sum->failed() + 1); return;
    case v1::StatusRow::ADVERT_FAILED: sum->set_adverts_failed(sum->adverts_failed() + 1); return;
    default: return;
  }
}

v1::StatusRow::Counter counter_of(uint32_t id) {
  const v1::StatusRow* row = status_row(id);
  return row == nullptr ? v1::StatusRow::NO_COUNTER : row->counter();
}

// A client moves each counter of its advert once.
Status count_once(store::WriteTxn& txn, const std::string& advert, const v1::AdvertClient& record, uint32_t id) {
  const v1::StatusRow::Counter counter = counter_of(id);
  const bool counted = std::ranges::any_of(record.seen(), [&](uint32_t seen) { return counter_of(seen) == counter; });
  if (counter == v1::StatusRow::NO_COUNTER || counted) return ok_status();
  ASSIGN_OR_RETURN(v1::AdvertSummary sum, get_or_empty(txn, store::kAdvertSummaries, {advert}));
  add_to(&sum, counter);
  return store::kAdvertSummaries.put(txn, {advert}, sum);
}

Status count_for_advert(store::WriteTxn& txn, const v1::StatusMessage& message, const std::string& advert) {
  if (!store::kAdverts.has(txn, {advert})) return ok_status();
  const store::Key key{advert, message.client()};
  ASSIGN_OR_RETURN(v1::AdvertClient record, get_or_empty(txn, store::kAdvertClients, key));
  const uint32_t id = message.message_id();
  RETURN_IF_ERROR(count_once(txn, advert, record, id));
  record.set_client(message.client());
  record.set_last_message_id(id);
  *record.mutable_last_message_time() = message.time();
  if (std::ranges::find(record.seen(), id) == record.seen().end()) record.add_seen(id);
  if (const v1::StatusRow* row = status_row(id); row != nullptr && row->has_state()) move_state(&record, row->state());
  return store::kAdvertClients.put(txn, key, record);
}

// ---- components
// When a light changes is assumed: the first error and the tenth warning make it WARNING, the fifth error and the
// fiftieth warning CRITICAL; what counts is everything since the site was made.
v1::ComponentStatus::Light light_of(const v1::ComponentStatus& status) {
  if (status.errors() >= 5 || status.warnings() >= 50) return v1::ComponentStatus::CRITICAL;
  if (status.errors() >= 1 || status.warnings() >= 10) return v1::ComponentStatus::WARNING;
  return v1::ComponentStatus::OK;
}

Status count_for_component(store::WriteTxn& txn, const v1::StatusMessage& message) {
  if (message.component().empty()) return ok_status();
  const store::Key key{message.component()};
  ASSIGN_OR_RETURN(v1::ComponentStatus status, get_or_empty(txn, store::kComponentStatus, key));
  switch (message.severity()) {
    case v1::StatusMessage::ERROR: status.set_errors(status.errors() + 1); break;
    case v1::StatusMessage::WARNING: status.set_warnings(status.warnings() + 1); break;
    default: status.set_informational(status.informational() + 1); break;
  }
  *status.mutable_last_message() = message.time();
  return store::kComponentStatus.put(txn, key, status);
}

// ---- messages
v1::StatusMessage message_of(const Site& site, const Emission& emission, uint64_t id) {
  v1::StatusMessage message;
  message.set_id(id);
  message.set_message_id(emission.id);
  *message.mutable_time() = to_timestamp(emission.time.value_or(site.clock.now()));
  message.set_system(emission.client.empty() ? site.options.server : emission.client);
  message.set_site(site.options.site);
  message.set_client(emission.client);
  for (const auto& string : emission.strings) message.add_insertion_strings(string);
  auto& attributes = *message.mutable_attributes();
  if (!emission.package.empty()) attributes[400] = emission.package;
  if (!emission.advert.empty()) attributes[401] = emission.advert;
  if (!emission.user.empty()) attributes[403] = emission.user;
  if (!emission.nal.empty()) attributes[404] = emission.nal;
  if (const v1::StatusRow* row = status_row(emission.id); row != nullptr) {
    message.set_severity(row->severity());
    message.set_type(row->type());
    message.set_component(row->component());
    message.set_text(format_status(row->text(), emission.strings));
  }
  return message;
}

Status put_message(store::WriteTxn& txn, const v1::StatusMessage& message, const Emission& emission) {
  const std::string key = number_key(message.id());
  v1::StatusMessage reference;
  reference.set_id(message.id());
  RETURN_IF_ERROR(store::kStatusMessages.put(txn, {key}, message));
  const std::array<std::pair<const store::Table<v1::StatusMessage>*, const std::string*>, 3> indices = {
      {{&store::kStatusByPackage, &emission.package},
       {&store::kStatusByAdvert, &emission.advert},
       {&store::kStatusByClient, &emission.client}}};
  for (const auto& [table, name] : indices) {
    if (!name->empty()) RETURN_IF_ERROR(table->put(txn, {*name, key}, reference));
  }
  return ok_status();
}

bool matches(const StatusQuery& query, const v1::StatusMessage& m) {
  const auto has = [&](uint32_t attribute, const std::string& wanted) {
    const auto found = m.attributes().find(attribute);
    return wanted.empty() || (found != m.attributes().end() && found->second == wanted);
  };
  if (!has(400, query.package) || !has(401, query.advert)) return false;
  if (!query.component.empty() && m.component() != query.component) return false;
  if (query.severity && m.severity() != *query.severity) return false;
  if (!query.client.empty()) return m.client() == query.client;
  return query.package.empty() || !query.advert.empty() || !m.attributes().contains(401);
}
}  // namespace

Status emit(store::WriteTxn& txn, const Site& site, const Emission& emission) {
  ASSIGN_OR_RETURN(const uint64_t id, next_status_id(txn));
  const v1::StatusMessage message = message_of(site, emission, id);
  RETURN_IF_ERROR(put_message(txn, message, emission));
  RETURN_IF_ERROR(count_for_component(txn, message));
  if (!emission.client.empty() && !emission.advert.empty()) {
    RETURN_IF_ERROR(count_for_advert(txn, message, emission.advert));
  }
  log_message(txn, site, message);
  if (site.inboxes && emission.client.empty()) {
    site.inboxes->follow(txn, site, emission.package, emission.advert);
  }
  txn.after_commit([changes = site.changes] { changes->notify(); });
  return ok_status();
}

Result<std::vector<v1::StatusMessage>> list_status(const store::ReadTxn& txn, const StatusQuery& query) {
  std::vector<v1::StatusMessage> out;
  if (query.after == std::numeric_limits<uint64_t>::max() || query.limit == 0) return out;
  const std::string from = number_key(query.after + 1);
  const auto take = [&](const store::Key&, const v1::StatusMessage& m) {
    if (matches(query, m)) out.push_back(m);
    return out.size() < query.limit;
  };
  // Walks the narrowest index that the query allows.
  const std::array<std::pair<const store::Table<v1::StatusMessage>*, std::string>, 3> indices = {
      {{&store::kStatusByAdvert, query.advert},
       {&store::kStatusByClient, query.client},
       {&store::kStatusByPackage, query.package}}};
  for (const auto& [table, name] : indices) {
    if (name.empty()) continue;
    Status read;
    const Status walked = table->each(txn, {name},
                                      [&](const store::Key& key, const v1::StatusMessage&) {
                                        auto message = store::kStatusMessages.get(txn, {key.back()});
                                        if (!message.ok()) {
                                          read = message.status();
                                          return false;
                                        }
                                        return take(key, *message);
                                      },
                                      {name, from});
    RETURN_IF_ERROR(walked);
    RETURN_IF_ERROR(read);
    return out;
  }
  RETURN_IF_ERROR(store::kStatusMessages.each(txn, {}, take, {from}));
  return out;
}

Result<v1::AdvertSummary> advert_summary(const store::ReadTxn& txn, const std::string& advert) {
  return get_or_empty(txn, store::kAdvertSummaries, {advert});
}

Status set_advert_state(store::WriteTxn& txn, const std::string& advert, const std::string& client,
                        v1::AdvertClient::State state, LabTime time) {
  if (!store::kAdverts.has(txn, {advert})) return ok_status();
  ASSIGN_OR_RETURN(v1::AdvertClient record, get_or_empty(txn, store::kAdvertClients, {advert, client}));
  record.set_client(client);
  *record.mutable_last_message_time() = to_timestamp(time);
  move_state(&record, state);
  return store::kAdvertClients.put(txn, {advert, client}, record);
}

Status forget_advert(store::WriteTxn& txn, const std::string& advert) {
  std::vector<std::string> clients;
  RETURN_IF_ERROR(store::kAdvertClients.each(txn, {advert}, [&](const store::Key& key, const v1::AdvertClient&) {
    clients.push_back(key.back());
    return true;
  }));
  for (const auto& client : clients) RETURN_IF_ERROR(store::kAdvertClients.erase(txn, {advert, client}));
  return store::kAdvertSummaries.erase(txn, {advert});
}

Result<v1::ComponentStatusList> component_status(const store::ReadTxn& txn) {
  v1::ComponentStatusList list;
  for (const v1::StatusComponent& component : status_catalogue().components()) {
    ASSIGN_OR_RETURN(v1::ComponentStatus status, get_or_empty(txn, store::kComponentStatus, {component.name()}));
    status.set_component(component.name());
    status.set_light(light_of(status));
    *list.add_components() = std::move(status);
  }
  return list;
}

}  // namespace smslab::mp
