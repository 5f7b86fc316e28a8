#include "mp/status.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <limits>

#include "mp/distmgr_log.h"
#include "mp/site_record.h"
#include "proto/base/time_text.h"
#include "proto/schema/timestamp.h"
#include "store/tables.h"

namespace smslab::mp {
namespace {
using store::number_key;
using State = v1::AdvertClient;

constexpr std::string_view kDistributionManager = "SMS_DISTRIBUTION_MANAGER";

// What a client's message means for its advert (semantics 6.1, 6.2). The states of the content problems are assumed
// (6.2 L), as is that a rejection counts as an advert that failed.
enum class Counter { kNone, kReceived, kStarted, kSucceeded, kFailed, kAdvertFailed };
struct Meaning {
  uint32_t id;
  Counter counter;
  State::State state;
};
constexpr std::array kMeanings = {
    Meaning{10000, Counter::kAdvertFailed, State::NO_STATUS}, Meaning{10001, Counter::kAdvertFailed, State::NO_STATUS},
    Meaning{10002, Counter::kReceived, State::ACCEPTED},      Meaning{10003, Counter::kAdvertFailed, State::FAILED},
    Meaning{10004, Counter::kAdvertFailed, State::FAILED},    Meaning{10005, Counter::kStarted, State::RUNNING},
    Meaning{10006, Counter::kFailed, State::FAILED},          Meaning{10007, Counter::kFailed, State::FAILED},
    Meaning{10008, Counter::kSucceeded, State::SUCCEEDED},    Meaning{10009, Counter::kSucceeded, State::SUCCEEDED},
    Meaning{10018, Counter::kAdvertFailed, State::REJECTED},  Meaning{10019, Counter::kAdvertFailed, State::EXPIRED},
    Meaning{10020, Counter::kAdvertFailed, State::REJECTED},  Meaning{10021, Counter::kAdvertFailed, State::REJECTED},
    Meaning{10045, Counter::kNone, State::WAITING},           Meaning{10050, Counter::kAdvertFailed, State::FAILED},
    Meaning{10051, Counter::kNone, State::RETRYING},          Meaning{10053, Counter::kNone, State::WAITING},
    Meaning{10054, Counter::kNone, State::RETRYING},          Meaning{10057, Counter::kAdvertFailed, State::FAILED},
    Meaning{10060, Counter::kNone, State::RETRYING},          Meaning{10075, Counter::kAdvertFailed, State::FAILED},
};

const Meaning* meaning_of(uint32_t id) {
  const auto* found = std::find_if(kMeanings.begin(), kMeanings.end(), [&](const Meaning& m) { return m.id == id; });
  return found == kMeanings.end() ? nullptr : found;
}

// Of acceptance and status the record keeps the later kind: that an advert is received again does not take back how its
// program ended.
bool is_acceptance(State::State state) { return state <= State::EXPIRED; }

Status count_for_advert(store::WriteTxn& txn, const v1::StatusMessage& message, const std::string& advert) {
  if (!store::kAdverts.has(txn, {advert})) return ok_status();
  const store::Key key{advert, message.client()};
  auto found = store::kAdvertClients.get(txn, key);
  if (!found.ok() && found.status().code() != Code::kNotFound) return found.status();
  v1::AdvertClient record = found.ok() ? *std::move(found) : v1::AdvertClient();
  record.set_client(message.client());
  record.set_last_message_id(message.message_id());
  *record.mutable_last_message_time() = message.time();
  if (std::find(record.seen().begin(), record.seen().end(), message.message_id()) == record.seen().end()) {
    record.add_seen(message.message_id());
  }
  if (const Meaning* meaning = meaning_of(message.message_id()); meaning != nullptr) {
    if (!is_acceptance(meaning->state) || is_acceptance(record.state())) record.set_state(meaning->state);
  }
  return store::kAdvertClients.put(txn, key, record);
}

v1::StatusMessage reference(uint64_t id) {
  v1::StatusMessage out;
  out.set_id(id);
  return out;
}
}  // namespace

Status emit(store::WriteTxn& txn, const Site& site, const Emission& emission) {
  ASSIGN_OR_RETURN(const uint64_t id, next_status_id(txn));
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
  if (const StatusRow* row = status_row(emission.id); row != nullptr) {
    message.set_severity(row->severity);
    message.set_type(row->type);
    message.set_component(std::string(row->component));
    message.set_text(format_status(row->text, emission.strings));
  }

  const std::string key = number_key(id);
  RETURN_IF_ERROR(store::kStatusMessages.put(txn, {key}, message));
  if (!emission.package.empty()) {
    RETURN_IF_ERROR(store::kStatusByPackage.put(txn, {emission.package, key}, reference(id)));
  }
  if (!emission.advert.empty()) {
    RETURN_IF_ERROR(store::kStatusByAdvert.put(txn, {emission.advert, key}, reference(id)));
  }
  if (!emission.client.empty()) {
    RETURN_IF_ERROR(store::kStatusByClient.put(txn, {emission.client, key}, reference(id)));
    if (!emission.advert.empty()) RETURN_IF_ERROR(count_for_advert(txn, message, emission.advert));
  }
  if (message.component() == kDistributionManager) log_status(txn, site, message);
  txn.after_commit([changes = site.changes] { changes->notify(); });
  return ok_status();
}

Result<std::vector<v1::StatusMessage>> list_status(const store::ReadTxn& txn, const StatusQuery& query) {
  std::vector<v1::StatusMessage> out;
  const auto matches = [&](const v1::StatusMessage& m) {
    const auto has = [&](uint32_t attribute, const std::string& wanted) {
      const auto found = m.attributes().find(attribute);
      return wanted.empty() || (found != m.attributes().end() && found->second == wanted);
    };
    if (!has(400, query.package) || !has(401, query.advert)) return false;
    if (!query.client.empty()) return m.client() == query.client;
    return query.package.empty() || !query.advert.empty() || !m.attributes().contains(401);
  };
  if (query.after == std::numeric_limits<uint64_t>::max()) return out;
  const std::string from = number_key(query.after + 1);
  const auto take = [&](const store::Key&, const v1::StatusMessage& m) {
    if (matches(m)) out.push_back(m);
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
  v1::AdvertSummary sum;
  RETURN_IF_ERROR(store::kAdvertClients.each(txn, {advert}, [&](const store::Key&, const v1::AdvertClient& client) {
    std::array<bool, 6> counted{};
    for (const uint32_t id : client.seen()) {
      if (const Meaning* meaning = meaning_of(id); meaning != nullptr) {
        counted[static_cast<size_t>(meaning->counter)] = true;
      }
    }
    const auto add = [&](Counter counter) { return counted[static_cast<size_t>(counter)] ? 1U : 0U; };
    sum.set_received(sum.received() + add(Counter::kReceived));
    sum.set_started(sum.started() + add(Counter::kStarted));
    sum.set_succeeded(sum.succeeded() + add(Counter::kSucceeded));
    sum.set_failed(sum.failed() + add(Counter::kFailed));
    sum.set_adverts_failed(sum.adverts_failed() + add(Counter::kAdvertFailed));
    return true;
  }));
  return sum;
}

}  // namespace smslab::mp
