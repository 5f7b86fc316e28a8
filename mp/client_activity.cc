#include "mp/client_activity.h"

#include <algorithm>
#include <utility>

#include "proto/schema/timestamp.h"
#include "store/tables.h"

namespace smslab::mp {
namespace {
constexpr auto kBetweenWrites = std::chrono::seconds(10);
constexpr size_t kEnough = 1000;

LabTime time_or_zero(bool there, const google::protobuf::Timestamp& time) {
  return there ? from_timestamp(time) : LabTime();
}
}  // namespace

void ClientActivity::Times::take_later(const Times& other) {
  policy = std::max(policy, other.policy);
  body = std::max(body, other.body);
}

void ClientActivity::policy_asked(store::Store& store, const std::string& client, const std::string& address,
                                  const Clock& clock) {
  {
    MutexLock lock(mu_);
    Address& from = addresses_[address];
    if (from.client.empty()) from.client = client;
    if (from.client != client) from.others.insert(client);
  }
  note(store, client, {.policy = clock.now()}, clock);
}

void ClientActivity::body_fetched(store::Store& store, const std::string& address, const Clock& clock) {
  std::string client;
  {
    MutexLock lock(mu_);
    const auto from = addresses_.find(address);
    if (from == addresses_.end() || from->second.shared()) return;
    client = from->second.client;
  }
  note(store, client, {.body = clock.now()}, clock);
}

void ClientActivity::note(store::Store& store, const std::string& client, const Times& times, const Clock& clock) {
  {
    const SteadyTime now = clock.steady();
    MutexLock lock(mu_);
    waiting_[client].take_later(times);
    if (under_way_ || (now - last_write_ < kBetweenWrites && waiting_.size() < kEnough)) return;
    under_way_ = true;
    last_write_ = now;
  }
  (void)write(store);
}

CompletionPtr ClientActivity::write(store::Store& store) {
  CompletionPtr done = store.submit([self = shared_from_this()](store::WriteTxn& txn) { return self->put_all(txn); });
  done->on_done([self = shared_from_this()](const Status&) {  // what could not be written leaves with the next change
    MutexLock lock(self->mu_);
    self->under_way_ = false;
  });
  return done;
}

Status ClientActivity::put_all(store::WriteTxn& txn) {
  All all;
  {
    MutexLock lock(mu_);
    for (const auto& [client, times] : waiting_) leaving_[client].take_later(times);
    waiting_.clear();
    all = leaving_;
  }
  for (auto& [client, times] : all) {
    const auto stored = store::kClientActivity.get(txn, {client});
    if (!stored.ok() && stored.status().code() != Code::kNotFound) return stored.status();
    v1::ClientActivity record = stored.ok() ? *stored : v1::ClientActivity();
    times.take_later({.policy = time_or_zero(record.has_last_policy(), record.last_policy()),
                      .body = time_or_zero(record.has_last_policy_body(), record.last_policy_body())});
    if (times.policy != LabTime()) *record.mutable_last_policy() = to_timestamp(times.policy);
    if (times.body != LabTime()) *record.mutable_last_policy_body() = to_timestamp(times.body);
    RETURN_IF_ERROR(store::kClientActivity.put(txn, {client}, record));
  }
  txn.after_commit([self = shared_from_this()] {
    MutexLock lock(self->mu_);
    self->leaving_.clear();
  });
  return ok_status();
}

ClientActivity::Recent ClientActivity::recent() const {
  Recent out;
  MutexLock lock(mu_);
  out.all_ = leaving_;
  for (const auto& [client, times] : waiting_) out.all_[client].take_later(times);
  return out;
}

void ClientActivity::Recent::add_to(const store::ReadTxn& txn, v1::Client* client) const {
  Times times;
  if (const auto found = all_.find(client->name()); found != all_.end()) times = found->second;
  if (const auto stored = store::kClientActivity.get(txn, {client->name()}); stored.ok()) {
    times.take_later({.policy = time_or_zero(stored->has_last_policy(), stored->last_policy()),
                      .body = time_or_zero(stored->has_last_policy_body(), stored->last_policy_body())});
  }
  if (times.policy != LabTime()) *client->mutable_last_policy() = to_timestamp(times.policy);
  if (times.body != LabTime()) *client->mutable_last_policy_body() = to_timestamp(times.body);
  const LabTime seen = std::max({time_or_zero(client->has_last_seen(), client->last_seen()), times.policy, times.body});
  if (seen != LabTime()) *client->mutable_last_seen() = to_timestamp(seen);
}

void ClientActivity::flush(store::Store& store) {
  {
    MutexLock lock(mu_);
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
