#include "mp/client_activity.h"

#include <algorithm>
#include <utility>

#include "mp/site_log.h"
#include "proto/base/text.h"
#include "proto/schema/timestamp.h"
#include "store/tables.h"

namespace smslab::mp {
namespace {
constexpr auto kBetweenWrites = std::chrono::seconds(10);
constexpr size_t kEnough = 1000;
constexpr size_t kPlaceBytes = 256;  // of an AD site's name or an address
constexpr int kAddresses = 32;

google::protobuf::Timestamp later_of(const google::protobuf::Timestamp& a, const google::protobuf::Timestamp& b) {
  return from_timestamp(a) < from_timestamp(b) ? b : a;
}

void take_place(const v1::ClientActivity& later, v1::ClientActivity* known) {
  if (!later.ad_site().empty()) known->set_ad_site(later.ad_site());
  if (!later.addresses().empty()) *known->mutable_addresses() = later.addresses();
}

void take(const v1::ClientActivity& later, v1::ClientActivity* known) {
  if (later.has_last_policy()) *known->mutable_last_policy() = later_of(known->last_policy(), later.last_policy());
  if (later.has_last_policy_body()) {
    *known->mutable_last_policy_body() = later_of(known->last_policy_body(), later.last_policy_body());
  }
  take_place(later, known);
}

Result<v1::ClientActivity> stored_activity(const store::ReadTxn& txn, const std::string& client) {
  auto record = store::kClientActivity.get(txn, {client});
  if (record.status().code() == Code::kNotFound) return v1::ClientActivity();
  return record;
}
}  // namespace

v1::ClientActivity place_said(std::string_view ad_site, const std::vector<std::string>& addresses) {
  v1::ClientActivity place;
  place.set_ad_site(one_line(std::string(trim(ad_site)), kPlaceBytes));
  for (const std::string& address : addresses) {
    if (place.addresses_size() == kAddresses) break;
    if (!trim(address).empty()) place.add_addresses(one_line(std::string(trim(address)), kPlaceBytes));
  }
  return place;
}

void ClientActivity::policy_asked(store::Store& store, const std::string& client, const std::string& address,
                                  const Clock& clock) {
  {
    const MutexLock lock(mu_);
    Address& from = addresses_[address];
    if (from.client.empty()) from.client = client;
    if (from.client != client) from.others.insert(client);
  }
  v1::ClientActivity news;
  *news.mutable_last_policy() = to_timestamp(clock.now());
  note(store, client, news, clock);
}

void ClientActivity::body_fetched(store::Store& store, const std::string& address, const Clock& clock) {
  std::string client;
  {
    const MutexLock lock(mu_);
    const auto from = addresses_.find(address);
    if (from == addresses_.end() || from->second.shared()) return;
    client = from->second.client;
  }
  v1::ClientActivity news;
  *news.mutable_last_policy_body() = to_timestamp(clock.now());
  note(store, client, news, clock);
}

void ClientActivity::located(store::Store& store, const std::string& client, const v1::ClientActivity& place,
                             const Clock& clock) {
  if (!place.ad_site().empty() || !place.addresses().empty()) note(store, client, place, clock);
}

// What waits in memory was said before.
Status ClientActivity::record_place(store::WriteTxn& txn, const std::string& client, const v1::ClientActivity& place) {
  if (place.ad_site().empty() && place.addresses().empty()) return ok_status();
  {
    const MutexLock lock(mu_);
    for (All* all : {&waiting_, &leaving_}) {
      if (const auto found = all->find(client); found != all->end()) take_place(place, &found->second);
    }
  }
  ASSIGN_OR_RETURN(v1::ClientActivity record, stored_activity(txn, client));
  take_place(place, &record);
  return store::kClientActivity.put(txn, {client}, record);
}

void ClientActivity::note(store::Store& store, const std::string& client, const v1::ClientActivity& news,
                          const Clock& clock) {
  {
    const SteadyTime now = clock.steady();
    const MutexLock lock(mu_);
    take(news, &waiting_[client]);
    if (under_way_ || (now - last_write_ < kBetweenWrites && waiting_.size() < kEnough)) return;
    under_way_ = true;
    last_write_ = now;
  }
  (void)write(store);
}

CompletionPtr ClientActivity::write(store::Store& store) {
  CompletionPtr done = store.submit([self = shared_from_this()](store::WriteTxn& txn) { return self->put_all(txn); });
  done->on_done([self = shared_from_this()](const Status&) {  // what could not be written leaves with the next change
    const MutexLock lock(self->mu_);
    self->under_way_ = false;
  });
  return done;
}

Status ClientActivity::put_all(store::WriteTxn& txn) {
  All all;
  {
    const MutexLock lock(mu_);
    for (const auto& [client, news] : waiting_) take(news, &leaving_[client]);
    waiting_.clear();
    all = leaving_;
  }
  for (const auto& [client, news] : all) {
    ASSIGN_OR_RETURN(v1::ClientActivity record, stored_activity(txn, client));
    take(news, &record);
    RETURN_IF_ERROR(store::kClientActivity.put(txn, {client}, record));
  }
  txn.after_commit([self = shared_from_this()] {
    const MutexLock lock(self->mu_);
    self->leaving_.clear();
  });
  return ok_status();
}

ClientActivity::Recent ClientActivity::recent() const {
  Recent out;
  const MutexLock lock(mu_);
  out.all_ = leaving_;
  for (const auto& [client, news] : waiting_) take(news, &out.all_[client]);
  return out;
}

void ClientActivity::Recent::add_to(const store::ReadTxn& txn, v1::Client* client) const {
  v1::ClientActivity known;
  if (const auto stored = stored_activity(txn, client->name()); stored.ok()) known = *stored;
  if (const auto found = all_.find(client->name()); found != all_.end()) take(found->second, &known);
  if (!known.ad_site().empty()) client->set_ad_site(known.ad_site());
  if (!known.addresses().empty()) *client->mutable_addresses() = known.addresses();
  if (known.has_last_policy()) *client->mutable_last_policy() = known.last_policy();
  if (known.has_last_policy_body()) *client->mutable_last_policy_body() = known.last_policy_body();
  if (!known.has_last_policy() && !known.has_last_policy_body()) return;
  *client->mutable_last_seen() = later_of(client->last_seen(), later_of(known.last_policy(), known.last_policy_body()));
}

void ClientActivity::forget(store::WriteTxn& txn) {
  All known;
  std::unordered_map<std::string, Address> addresses;
  {
    const MutexLock lock(mu_);
    known.swap(leaving_);
    for (const auto& [client, news] : waiting_) take(news, &known[client]);
    waiting_.clear();
    addresses.swap(addresses_);
  }
  txn.on_abort([self = shared_from_this(), known = std::move(known), addresses = std::move(addresses)] {
    const MutexLock lock(self->mu_);
    All all = known;
    for (const auto& [client, news] : self->leaving_) take(news, &all[client]);
    self->leaving_ = std::move(all);
    self->addresses_.insert(addresses.begin(), addresses.end());
  });
}

void ClientActivity::flush(store::Store& store) {
  {
    const MutexLock lock(mu_);
    if (waiting_.empty() && leaving_.empty()) return;
  }
  (void)write(store)->wait();
}

std::string ClientActivity::client_at(const std::string& address) const {
  const MutexLock lock(mu_);
  const auto found = addresses_.find(address);
  return found == addresses_.end() || found->second.shared() ? std::string() : found->second.client;
}

std::string ClientActivity::shared_address(const std::string& client) const {
  const MutexLock lock(mu_);
  std::string shared;
  for (const auto& [address, from] : addresses_) {
    if (from.client != client && !from.others.contains(client)) continue;
    if (!from.shared()) return {};
    shared = address;
  }
  return shared;
}

}  // namespace smslab::mp
