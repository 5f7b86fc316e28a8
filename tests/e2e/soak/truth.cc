#include "tests/e2e/soak/truth.h"

#include <algorithm>

namespace smslab::test::soak {
namespace {
constexpr uint32_t kKeptVersions = 6;
constexpr std::chrono::seconds kLongestRequest{60};  // what ended before it began met nobody
}  // namespace

Truth::View Truth::view(const std::string& dp) const {
  const MutexLock lock(mu_);
  View view;
  view.most = most_;
  if (const auto found = dps_.find(dp); found != dps_.end()) {
    view.least = found->second.least;
    view.installed = found->second.installed;
    view.orders = found->second.orders;
    view.presence = found->second.presence;
    view.epoch = found->second.epoch;
  } else {
    view.presence = Presence::kOff;
  }
  if (!versions_.empty()) std::tie(view.version, view.label) = *versions_.rbegin();
  return view;
}

void Truth::saw(const std::string& dp, uint64_t label) {
  const MutexLock lock(mu_);
  uint64_t& least = dps_[dp].least;
  least = std::max(least, label);
}

uint64_t Truth::next_label() {
  const MutexLock lock(mu_);
  return most_ = ++last_label_;
}

void Truth::made(uint32_t version, uint64_t label) {
  const MutexLock lock(mu_);
  versions_[version] = label;
}

void Truth::not_made(uint64_t label) {
  const MutexLock lock(mu_);
  most_ = label - 1;
}

void Truth::deleted() {
  const MutexLock lock(mu_);
  versions_.clear();
}

void Truth::ordered(const std::string& dp) {
  const MutexLock lock(mu_);
  Dp& at = dps_[dp];
  at.installed = 0;
  at.orders++;
}

void Truth::moving(const std::string& dp) {
  ordered(dp);
  const MutexLock lock(mu_);
  Dp& at = dps_[dp];
  at.presence = Presence::kUnknown;
  at.epoch++;
}

void Truth::settled(const std::string& dp, bool there) {
  const MutexLock lock(mu_);
  Dp& at = dps_[dp];
  at.presence = there ? Presence::kOn : Presence::kOff;
  at.installed = there ? versions_.rbegin()->second : 0;
  at.least = std::max(at.least, at.installed);
}

std::vector<uint64_t> Truth::kept() const {
  const MutexLock lock(mu_);
  std::vector<uint64_t> labels;
  for (const auto& [version, label] : versions_) {
    if (version + kKeptVersions > versions_.rbegin()->first) labels.push_back(label);
  }
  return labels;
}

uint64_t Truth::label() const {
  const MutexLock lock(mu_);
  return versions_.empty() ? 0 : versions_.rbegin()->second;
}

size_t Truth::begin_fault(Fault fault) {
  fault.begun = std::chrono::steady_clock::now();
  const MutexLock lock(mu_);
  std::erase_if(faults_, [&](const auto& each) {
    return each.second.ended != Steady::max() && each.second.ended + kLongestRequest < fault.begun;
  });
  faults_[++last_fault_] = std::move(fault);
  return last_fault_;
}

void Truth::end_fault(size_t number) {
  const MutexLock lock(mu_);
  faults_.at(number).ended = std::chrono::steady_clock::now();
}

std::vector<Fault> Truth::faults(Steady from, Steady until, const std::string& dp, const std::string& file) const {
  std::vector<Fault> met;
  const MutexLock lock(mu_);
  for (const auto& [number, fault] : faults_) {
    if (fault.dp == dp && fault.file == file && fault.begun <= until && fault.ended >= from) met.push_back(fault);
  }
  return met;
}

}  // namespace smslab::test::soak
