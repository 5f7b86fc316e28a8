#include "mp/distribution.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "mp/distmgr_log.h"
#include "mp/faults.h"
#include "mp/live_source.h"
#include "mp/package_dps.h"
#include "mp/package_schedule.h"
#include "mp/packages.h"
#include "mp/status.h"
#include "proto/base/ids.h"
#include "proto/schema/timestamp.h"
#include "store/tables.h"

namespace smslab::mp {
namespace {
using Dp = v1::PackageDp;

constexpr size_t kPackagesAtOnce = 3;                          // semantics 4.3
constexpr LabDuration kOwnTrouble = std::chrono::minutes(30);  // after trouble of the site itself
constexpr std::chrono::milliseconds kUntilCancelledAgain{20};  // a cancel may come just before its request

constexpr int kFailureWaits = 12;  // of kTogether: a minute

bool retrying(const Dp& dp) { return dp.state() == Dp::INSTALL_RETRYING || dp.state() == Dp::REMOVAL_RETRYING; }
bool pending(const Dp& dp) { return dp.state() == Dp::INSTALL_PENDING || dp.state() == Dp::REMOVAL_PENDING; }
}  // namespace

DistributionManager::DistributionManager(Site& site, const DpDirectory& dps, Imports& imports,
                                         std::chrono::milliseconds together)
    : site_(site), dps_(dps), imports_(imports), together_(together), reader_(site.clock) {}

DistributionManager::~DistributionManager() { stop(); }

void DistributionManager::start() {
  thread_ = std::thread([this] { run(); });
}

void DistributionManager::stop() {
  stopping_ = true;
  site_.queue->stop();
  if (thread_.joinable()) thread_.join();
  for (auto& [dp, lane] : lanes_) lane->courier.cancel();
  for (auto& [dp, lane] : lanes_) {
    while (!lane->lane.stop_within(kUntilCancelledAgain)) lane->courier.cancel();
  }
  lanes_.clear();
  reader_.stop();
}

// ---- the thread

void DistributionManager::run() {
  if (const Status resumed = resume(); !resumed.ok()) {
    site_.log.error("the distribution manager cannot read what is to be done: " + resumed.to_string());
  }
  while (!site_.queue->stopped()) {
    if (const auto package = site_.queue->pop(next_deadline())) take_up(*package);
    std::vector<std::string> now;
    for (const auto& [package, at] : retries_) {
      if (at <= site_.clock.now()) now.push_back(package);
    }
    for (const auto& package : now) take_up(package);
    update_what_is_due();
    take_reports();
    advance_passes();
  }
  // What the DPs have already is written down; the rest is taken up by the next start.
  take_reports();
  for (auto& [package, pass] : passes_) {
    for (auto& [nal, delivery] : pass.deliveries) {
      if (delivery.outcome && delivery.outcome->status.ok()) (void)record(site_, *delivery.order, *delivery.outcome);
    }
  }
}

Status DistributionManager::resume() {
  std::vector<std::string> packages;
  RETURN_IF_ERROR(store::kPackages.each(site_.store.read(), {}, [&](const store::Key&, const v1::Package& package) {
    const bool to_do = package.pass_open() || std::any_of(package.dps().begin(), package.dps().end(), pending);
    if (to_do) site_.queue->push(package.id());
    packages.push_back(package.id());
    return true;
  }));
  for (const auto& package : packages) note_times(package);
  return ok_status();
}

std::optional<SteadyTime> DistributionManager::next_deadline() const {
  const SteadyTime now = site_.clock.steady();
  std::optional<SteadyTime> first;
  const auto at = [&](SteadyTime time) { first = std::min(first.value_or(time), time); };
  for (const auto* times : {&retries_, &updates_}) {
    for (const auto& [package, time] : *times) {
      const LabDuration left = std::max(time - site_.clock.now(), LabDuration(0));
      // A frozen clock wakes the queue when it moves.
      if (left == LabDuration(0) || !site_.clock.frozen()) at(now + left);
    }
  }
  for (const auto& [package, pass] : passes_) {
    for (const auto& [nal, delivery] : pass.deliveries) {
      if (delivery.outcome) at(delivery.done + patience(delivery));
    }
  }
  if (!waiting_.empty()) at(now + together_);  // a package may have stopped moving by then
  return first;
}

void DistributionManager::note_times(const std::string& package) {
  retries_.erase(package);
  updates_.erase(package);
  const auto found = store::kPackages.get(site_.store.read(), {package});
  if (!found.ok()) return;
  const bool scheduled = found->has_next_update() && !found->deleting() && !updating_.contains(package);
  if (scheduled) updates_[package] = from_timestamp(found->next_update());
  for (const auto& dp : found->dps()) {
    if (!retrying(dp)) continue;
    const LabTime at = from_timestamp(dp.next_try());
    const auto [place, fresh] = retries_.try_emplace(package, at);
    if (!fresh) place->second = std::min(place->second, at);
  }
}

void DistributionManager::take_reports() {
  std::vector<Delivered> delivered;
  std::vector<SourceRead> read;
  std::vector<std::string> updated;
  {
    const MutexLock lock(mu_);
    updated.swap(updated_);
    delivered.swap(delivered_);
    read.swap(read_);
  }
  for (const auto& package : updated) {
    updating_.erase(package);
    note_times(package);
  }
  for (auto& report : delivered) {
    const auto pass = passes_.find(report.package);
    if (pass == passes_.end()) continue;
    const auto delivery = pass->second.deliveries.find(report.order->nal);
    if (delivery == pass->second.deliveries.end() || delivery->second.order != report.order) continue;
    delivery->second.outcome = std::move(report.outcome);
    delivery->second.begun = report.begun;
    delivery->second.done = report.done;
  }
  for (auto& report : read) {
    const std::string package = report.package;
    const auto pass = passes_.find(package);
    if (pass == passes_.end()) continue;
    if (const Status done = source_was_read(std::move(report), pass->second); !done.ok()) give_up(package, done);
  }
}

// ---- packages under way

bool DistributionManager::due(const Dp& dp) const {
  return pending(dp) || (retrying(dp) && from_timestamp(dp.next_try()) <= site_.clock.now());
}

// It joins its own pass, or begins one when there is room.
void DistributionManager::take_up(const std::string& package) {
  retries_.erase(package);
  if (const auto pass = passes_.find(package); pass != passes_.end()) {
    pass->second.look_again = true;
  } else if (std::find(waiting_.begin(), waiting_.end(), package) == waiting_.end()) {
    waiting_.push_back(package);
  }
}

bool DistributionManager::moves(const Pass& pass) const {
  if (pass.look_again || !pass.reading.empty()) return true;
  const SteadyTime now = site_.clock.steady();
  return std::any_of(pass.deliveries.begin(), pass.deliveries.end(), [&](const auto& each) {
    const auto lane = lanes_.find(each.second.order->dp.dp());
    return !each.second.outcome && lane->second->lane.quiet_for(now) < together_;
  });
}

bool DistributionManager::room() const {
  const auto moving =
      std::count_if(passes_.begin(), passes_.end(), [&](const auto& each) { return moves(each.second); });
  return static_cast<size_t>(moving) < kPackagesAtOnce;
}

void DistributionManager::advance_passes() {
  bool changed = true;
  while (changed && !site_.queue->stopped()) {
    changed = false;
    while (!waiting_.empty() && room()) {
      const std::string package = std::move(waiting_.front());
      waiting_.pop_front();
      if (const Status begun = begin_pass(package); !begun.ok()) give_up(package, begun);
    }
    std::vector<std::string> packages;
    for (const auto& [package, pass] : passes_) packages.push_back(package);
    for (const auto& package : packages) {
      const auto over = advance(package, passes_[package]);
      if (!over.ok()) {
        give_up(package, over.status());
      } else if (*over) {
        passes_.erase(package);
        note_times(package);
      }
      changed = changed || !over.ok() || *over;
    }
  }
}

void DistributionManager::give_up(const std::string& package, const Status& why) {
  passes_.erase(package);
  note_times(package);
  if (why.code() == Code::kNotFound) return;  // deleted
  site_.log.error("package " + package + " could not be processed and will be tried again: " + why.to_string());
  retries_.try_emplace(package, site_.clock.now() + kOwnTrouble);
}

Status DistributionManager::begin_pass(const std::string& id) {
  ASSIGN_OR_RETURN(const v1::Package package, store::kPackages.get(site_.store.read(), {id}));
  const bool to_do = std::any_of(package.dps().begin(), package.dps().end(), [&](const Dp& dp) { return due(dp); });
  if (!to_do && !package.pass_open()) {
    note_times(id);
    return ok_status();
  }
  log_distmgr(site_, fmt::format("~Starting package processing thread,thread ID = {:X}", kPackageThread),
              kDistmgrThread);
  Status opened = site_.store.commit([&](store::WriteTxn& txn) -> Status {
    ASSIGN_OR_RETURN(v1::Package now, store::kPackages.get(txn, {id}));
    if (now.pass_open()) return ok_status();
    now.set_pass_open(true);
    RETURN_IF_ERROR(emit(txn, site_, package_message(2300, now)));
    return store::kPackages.put(txn, {id}, now);
  });
  if (opened.ok()) passes_.try_emplace(id);
  return opened;
}

Result<bool> DistributionManager::advance(const std::string& id, Pass& pass) {
  RETURN_IF_ERROR(record_what_may_be(pass));
  if (pass.look_again) RETURN_IF_ERROR(order_what_is_due(id, pass));
  if (!pass.deliveries.empty() || !pass.reading.empty()) return false;
  RETURN_IF_ERROR(close_pass(id));
  log_distmgr(site_, fmt::format("~Exiting package processing thread for package {}.", id));
  return true;
}

Status DistributionManager::close_pass(const std::string& id) {
  return site_.store.commit([&](store::WriteTxn& txn) -> Status {
    txn.after_commit([changes = site_.changes] { changes->notify(); });
    ASSIGN_OR_RETURN(v1::Package package, store::kPackages.get(txn, {id}));
    auto& dps = *package.mutable_dps();
    if (package.deleting() && dps.empty()) return end_deletion(txn, site_, package);
    if (std::any_of(dps.begin(), dps.end(), [](const Dp& dp) { return dp.pass_failed(); })) {
      RETURN_IF_ERROR(emit(txn, site_, package_message(2302, package)));
    } else if (std::any_of(dps.begin(), dps.end(), pending)) {
      return ok_status();  // ordered meanwhile, and queued: that pass ends this one
    } else if (std::all_of(dps.begin(), dps.end(), [](const Dp& dp) { return dp.state() == Dp::INSTALLED; })) {
      RETURN_IF_ERROR(emit(txn, site_, package_message(2301, package)));
    }
    package.set_pass_open(false);
    for (Dp& dp : dps) dp.set_pass_failed(false);
    return store::kPackages.put(txn, {id}, package);
  });
}

// ---- one package's DPs

SteadyTime::duration DistributionManager::patience(const Delivery& delivery) const {
  if (!delivery.outcome->status.ok()) return kFailureWaits * together_;
  return std::max<SteadyTime::duration>(together_, delivery.done - delivery.begun);
}

// It failed at a DP that has come back since: at once again, and the failure does not count.
bool DistributionManager::overtaken(const Delivery& delivery) const {
  if (delivery.outcome->status.ok()) return false;
  const auto now = dps_.find(delivery.order->dp.dp());
  const auto session = [](const auto& dp) { return dp ? dp->session : std::string(); };
  return session(now) != session(delivery.address);
}

// Outcomes in the order of NAL paths, but for DPs that take too long.
Status DistributionManager::record_what_may_be(Pass& pass) {
  const SteadyTime now = site_.clock.steady();
  bool behind = false;
  for (auto at = pass.deliveries.begin(); at != pass.deliveries.end();) {
    const Delivery& delivery = at->second;
    if (!delivery.outcome || (behind && now < delivery.done + patience(delivery))) {
      behind = true;
      ++at;
      continue;
    }
    pass.look_again = true;
    if (overtaken(delivery)) {
      at = pass.deliveries.erase(at);
      continue;
    }
    RETURN_IF_ERROR(record(site_, *delivery.order, *delivery.outcome));
    at = pass.deliveries.erase(at);
  }
  return ok_status();
}

Status DistributionManager::order_what_is_due(const std::string& id, Pass& pass) {
  pass.look_again = false;
  const store::ReadTxn txn = site_.store.read();
  ASSIGN_OR_RETURN(const v1::Package package, store::kPackages.get(txn, {id}));
  std::vector<Dp> live;
  for (const auto& dp : package.dps()) {
    if (!due(dp) || pass.deliveries.contains(nal_path(dp.dp(), site_.options.site))) continue;
    if (dp.live() && !removing(dp)) {
      live.push_back(dp);
      continue;
    }
    ASSIGN_OR_RETURN(Order order, take_order(txn, site_, package, dp));
    send(id, pass, std::move(order));
  }
  if (live.empty() || !pass.reading.empty()) return ok_status();
  pass.reading = std::move(live);
  read_source(package);
  return ok_status();
}

DistributionManager::DpLane& DistributionManager::lane_of(const std::string& dp) {
  auto& lane = lanes_[dp];
  if (!lane) lane = std::make_unique<DpLane>(site_.clock);
  return *lane;
}

void DistributionManager::send(const std::string& id, Pass& pass, Order order) {
  const auto shared = std::make_shared<const Order>(std::move(order));
  DpLane& lane = lane_of(shared->dp.dp());
  const std::shared_ptr<const DpAddress> address = dps_.find(shared->dp.dp());
  pass.deliveries[shared->nal] = {shared, std::nullopt, {}, {}, address};
  lane.lane.post([this, id, shared, address, &courier = lane.courier] {
    const SteadyTime begun = site_.clock.steady();
    Outcome outcome = courier.deliver(site_, address.get(), *shared);
    if (outcome.status.ok() && !removing(shared->dp)) {
      const Status spoilt = do_waiting_damage(site_, dps_, id, shared->dp.dp());
      if (!spoilt.ok()) site_.log.warning("damage is not done: " + spoilt.to_string());
    }
    if (stopping_ && !outcome.status.ok()) return;  // the next start goes on
    {
      const MutexLock lock(mu_);
      delivered_.push_back({id, shared, std::move(outcome), begun, site_.clock.steady()});
    }
    site_.queue->wake();
  });
}

// ---- the live source

void DistributionManager::read_source(const v1::Package& package) {
  reader_.post([this, package] {
    const auto progress = [this](uint64_t) {
      return stopping_ ? Status(Code::kUnavailable, "the site is stopping") : ok_status();
    };
    auto live = read_live_source(site_, package, progress);
    if (stopping_) return;
    {
      const MutexLock lock(mu_);
      read_.push_back({package.id(), std::move(live)});
    }
    site_.queue->wake();
  });
}

// Sends it to the DPs that waited for it, unless something newer was ordered for them; a source that cannot be read is
// a failed try for each of them.
Status DistributionManager::source_was_read(SourceRead report, Pass& pass) {
  const std::vector<Dp> rows = std::exchange(pass.reading, {});
  pass.look_again = true;
  const auto still = [&](const v1::Package& package, const Dp& row) {
    return std::find_if(package.dps().begin(), package.dps().end(),
                        [&](const Dp& dp) { return dp.dp() == row.dp() && dp.asked() == row.asked(); });
  };
  if (report.live.ok()) {
    const store::ReadTxn txn = site_.store.read();
    ASSIGN_OR_RETURN(const v1::Package package, store::kPackages.get(txn, {report.package}));
    for (const Dp& row : rows) {
      const auto dp = still(package, row);
      if (dp == package.dps().end()) continue;
      ASSIGN_OR_RETURN(Order order, take_order(txn, site_, package, *dp));
      order.live = *report.live;
      send(report.package, pass, std::move(order));
    }
    return ok_status();
  }
  return site_.store.commit([&](store::WriteTxn& txn) -> Status {
    ASSIGN_OR_RETURN(v1::Package package, store::kPackages.get(txn, {report.package}));
    const Status& why = report.live.status();
    const SourceTrouble trouble = source_trouble(site_, package, why);
    RETURN_IF_ERROR(tell_source_trouble(txn, site_, package, why));
    for (const Dp& row : rows) {
      const auto found = still(package, row);
      if (found == package.dps().end()) continue;
      Dp* dp = package.mutable_dps(static_cast<int>(found - package.dps().begin()));
      const Outcome outcome{why, static_cast<uint32_t>(trouble), false, {}};
      RETURN_IF_ERROR(record_failure(txn, site_, package, outcome, dp));
      if (trouble != SourceTrouble::kLocked) dp->set_pass_failed(true);
    }
    txn.after_commit([changes = site_.changes] { changes->notify(); });
    return store::kPackages.put(txn, {package.id()}, package);
  });
}

// ---- updates by a schedule

void DistributionManager::update_what_is_due() {
  std::vector<std::string> now;
  for (const auto& [package, at] : updates_) {
    if (at <= site_.clock.now()) now.push_back(package);
  }
  for (const auto& package : now) {
    updates_.erase(package);
    updating_.insert(package);
    reader_.post([this, package] {
      if (stopping_) return;
      const auto done = update_package(site_, imports_, package);
      if (stopping_) return;
      if (!done.ok()) {
        site_.log.warning("the scheduled update of " + package + " failed: " + done.status().to_string());
        // Whoever updates it by hand at this moment has moved the schedule on.
        if (done.status().code() != Code::kAborted) (void)postpone_update(site_, package);
      }
      {
        const MutexLock lock(mu_);
        updated_.push_back(package);
      }
      site_.queue->wake();
    });
  }
}

}  // namespace smslab::mp
