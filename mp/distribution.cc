#include "mp/distribution.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "mp/commit.h"
#include "mp/distmgr_log.h"
#include "mp/dp_link.h"
#include "mp/faults.h"
#include "mp/package_dps.h"
#include "mp/packages.h"
#include "mp/settings.h"
#include "mp/status.h"
#include "proto/base/ids.h"
#include "proto/schema/timestamp.h"
#include "store/manifest.h"
#include "store/tables.h"

namespace smslab::mp {
namespace {
using Dp = v1::PackageDp;

constexpr LabDuration kOwnTrouble = std::chrono::minutes(30);  // after trouble of the site itself

bool retrying(const Dp& dp) { return dp.state() == Dp::INSTALL_RETRYING || dp.state() == Dp::REMOVAL_RETRYING; }
bool pending(const Dp& dp) { return dp.state() == Dp::INSTALL_PENDING || dp.state() == Dp::REMOVAL_PENDING; }

// Where the site's snapshot of a version is, as message 2329 names it.
std::string snapshot_of(const v1::Package& package) {
  return fmt::format("{}.{}", package.id(), package.source_version());
}

// Faults that are gone from the DP once this order is carried out. The DP tells what it healed, but an answer may be
// lost, and the next try then finds nothing left to heal.
Result<std::vector<std::string>> rules_healed_by(const store::ReadTxn& txn, const v1::Package& package, const Dp& dp) {
  std::vector<std::string> rules;
  RETURN_IF_ERROR(store::kFaults.each(txn, {}, [&](const store::Key&, const v1::FaultRule& rule) {
    const v1::FaultMatch& at = rule.match();
    const bool here = rule.has_foretold() && at.package() == package.id() && at.dp() == dp.dp();
    const bool overwritten = removing(dp) || dp.refresh() || at.version() != package.source_version();
    if (here && overwritten) rules.push_back(rule.id());
    return true;
  }));
  return rules;
}

Emission dp_message(uint32_t id, const v1::Package& package, const std::string& nal, std::vector<std::string> strings) {
  return {.id = id, .strings = std::move(strings), .package = package.id(), .nal = nal};
}
}  // namespace

DistributionManager::DistributionManager(Site& site, const DpDirectory& dps) : site_(site), dps_(dps) {}

DistributionManager::~DistributionManager() { stop(); }

void DistributionManager::start() {
  // The clock keeps its listeners for life: this one must not keep the manager.
  site_.clock.on_change([queue = std::weak_ptr<PackageQueue>(site_.queue)] {
    if (const auto live = queue.lock()) live->wake();
  });
  thread_ = std::thread([this] { run(); });
}

void DistributionManager::stop() {
  site_.queue->stop();
  if (thread_.joinable()) thread_.join();
}

void DistributionManager::run() {
  if (const Status resumed = resume(); !resumed.ok()) {
    site_.log.error("the distribution manager cannot read what is to be done: " + resumed.to_string());
  }
  while (!site_.queue->stopped()) {
    if (const auto package = site_.queue->pop(next_deadline())) {
      process(*package);
      continue;
    }
    std::vector<std::string> now;
    for (const auto& [package, at] : retries_) {
      if (at <= site_.clock.now()) now.push_back(package);
    }
    for (const auto& package : now) process(package);
  }
}

Status DistributionManager::resume() {
  RETURN_IF_ERROR(reconcile_faults(site_, dps_));
  return store::kPackages.each(site_.store.read(), {}, [&](const store::Key&, const v1::Package& package) {
    const bool to_do = package.pass_open() || std::any_of(package.dps().begin(), package.dps().end(), pending);
    if (to_do) site_.queue->push(package.id());
    note_retries(package);
    return true;
  });
}

std::optional<SteadyTime> DistributionManager::next_deadline() const {
  if (retries_.empty()) return std::nullopt;
  LabTime first = LabTime::max();
  for (const auto& [package, at] : retries_) first = std::min(first, at);
  const LabDuration left = std::max(first - site_.clock.now(), LabDuration(0));
  // A frozen clock wakes the queue when it moves.
  if (left > LabDuration(0) && site_.clock.frozen()) return std::nullopt;
  return site_.clock.steady() + left;
}

void DistributionManager::note_retries(const v1::Package& package) {
  retries_.erase(package.id());
  for (const auto& dp : package.dps()) {
    if (!retrying(dp)) continue;
    const LabTime at = from_timestamp(dp.next_try());
    const auto [place, fresh] = retries_.try_emplace(package.id(), at);
    if (!fresh) place->second = std::min(place->second, at);
  }
}

void DistributionManager::process(const std::string& package) {
  retries_.erase(package);
  const Status done = pass(package);
  if (const auto left = store::kPackages.get(site_.store.read(), {package}); left.ok()) note_retries(*left);
  if (!done.ok() && done.code() != Code::kNotFound && done.code() != Code::kAborted) {
    site_.log.error("package " + package + " could not be processed and will be tried again: " + done.to_string());
    retries_.try_emplace(package, site_.clock.now() + kOwnTrouble);
  }
}

bool DistributionManager::due(const Dp& dp) const {
  return pending(dp) || (retrying(dp) && from_timestamp(dp.next_try()) <= site_.clock.now());
}

Status DistributionManager::pass(const std::string& id) {
  ASSIGN_OR_RETURN(const v1::Package package, store::kPackages.get(site_.store.read(), {id}));
  std::vector<std::string> names;
  for (const auto& dp : package.dps()) {
    if (due(dp)) names.push_back(dp.dp());
  }
  if (names.empty() && !package.pass_open()) return ok_status();
  log_distmgr(site_, fmt::format("~Starting package processing thread,thread ID = {:X}", kPackageThread),
              kDistmgrThread);
  RETURN_IF_ERROR(open_pass(id));
  bool failed = false;
  for (const auto& name : names) {
    if (site_.queue->stopped()) return ok_status();  // the pass stays open, and the next start goes on
    ASSIGN_OR_RETURN(const bool served, serve_dp(id, name));
    failed = failed || !served;
  }
  RETURN_IF_ERROR(close_pass(id, failed));
  log_distmgr(site_, fmt::format("~Exiting package processing thread for package {}.", id));
  return ok_status();
}

Status DistributionManager::open_pass(const std::string& id) {
  return site_.store.commit([&](store::WriteTxn& txn) -> Status {
    ASSIGN_OR_RETURN(v1::Package package, store::kPackages.get(txn, {id}));
    if (package.pass_open()) return ok_status();
    package.set_pass_open(true);
    RETURN_IF_ERROR(emit(txn, site_, package_message(2300, package)));
    return store::kPackages.put(txn, {id}, package);
  });
}

Status DistributionManager::close_pass(const std::string& id, bool failed) {
  return site_.store.commit([&](store::WriteTxn& txn) -> Status {
    txn.after_commit([changes = site_.changes] { changes->notify(); });
    ASSIGN_OR_RETURN(v1::Package package, store::kPackages.get(txn, {id}));
    const auto& dps = package.dps();
    if (failed) {
      RETURN_IF_ERROR(emit(txn, site_, package_message(2302, package)));
    } else if (std::any_of(dps.begin(), dps.end(), pending)) {
      return ok_status();  // ordered meanwhile, and queued: that pass ends this one
    } else if (std::all_of(dps.begin(), dps.end(), [](const Dp& dp) { return dp.state() == Dp::INSTALLED; })) {
      RETURN_IF_ERROR(emit(txn, site_, package_message(2301, package)));
    }
    if (package.deleting() && dps.empty()) return erase_package(txn, site_, package);
    package.set_pass_open(false);
    return store::kPackages.put(txn, {id}, package);
  });
}

// What is to be done for the DP, if anything still is; says 2342 when that is a copy.
Result<DistributionManager::Attempt> DistributionManager::begin_attempt(const std::string& id,
                                                                        const std::string& name) {
  return commit_result(site_, [&](store::WriteTxn& txn) -> Result<Attempt> {
    Attempt begun;
    ASSIGN_OR_RETURN(begun.package, store::kPackages.get(txn, {id}));
    begun.nal = nal_path(name, site_.options.site);
    const Dp* dp = find_dp(&begun.package, name);
    if (dp == nullptr || !due(*dp)) return begun;
    begun.dp = *dp;
    ASSIGN_OR_RETURN(begun.heals, rules_healed_by(txn, begun.package, *dp));
    if (removing(*dp)) return begun;
    log_distmgr(txn, site_, "Start adding package to server " + begun.nal + "...");
    RETURN_IF_ERROR(emit(txn, site_, dp_message(2342, begun.package, begun.nal, {begun.package.name(), begun.nal})));
    return begun;
  });
}

// False when the DP could not be served; an error when the site itself is in trouble, kAborted when it stops.
Result<bool> DistributionManager::serve_dp(const std::string& id, const std::string& name) {
  ASSIGN_OR_RETURN(const Attempt attempt, begin_attempt(id, name));
  if (attempt.dp.dp().empty()) return true;  // nothing to do any more
  const bool removal = removing(attempt.dp);
  const Outcome outcome = removal ? take_away(attempt) : copy(attempt);
  if (!outcome.status.ok() && site_.queue->stopped()) return Status(Code::kAborted, "the site is stopping");
  RETURN_IF_ERROR(removal ? record_removal(attempt, outcome) : record_copy(attempt, outcome));
  return outcome.status.ok();
}

DistributionManager::Outcome DistributionManager::copy(const Attempt& attempt) {
  const DpAddress* address = dps_.find(attempt.dp.dp());
  if (address == nullptr)
    return {Status(Code::kUnavailable, "the lab runs without this distribution point"), false, {}};
  const auto manifest =
      store::load_manifest(site_.store.read(), attempt.package.id(), attempt.package.source_version());
  if (!manifest.ok()) return {manifest.status(), true, {}};
  DpLink link(*address);
  const auto missing = link.offer(*manifest);
  if (!missing.ok()) return {missing.status(), missing.status().code() != Code::kUnavailable, {}};
  for (const auto& sha256 : *missing) {
    if (site_.queue->stopped()) return {Status(Code::kAborted, "the site is stopping"), true, {}};
    auto content = site_.store.blobs().open(sha256);
    if (!content.ok()) return {content.status(), true, {}};
    if (Status sent = link.put(sha256, *std::move(content)); !sent.ok()) return {std::move(sent), true, {}};
  }
  const auto reply = link.commit(*manifest, attempt.dp.refresh());
  if (!reply.ok()) return {reply.status(), true, {}};
  return {ok_status(), true, {reply->healed_rules().begin(), reply->healed_rules().end()}};
}

DistributionManager::Outcome DistributionManager::take_away(const Attempt& attempt) {
  const DpAddress* address = dps_.find(attempt.dp.dp());
  if (address == nullptr)
    return {Status(Code::kUnavailable, "the lab runs without this distribution point"), false, {}};
  const auto reply = DpLink(*address).remove(attempt.package.id());
  if (!reply.ok()) return {reply.status(), true, {}};
  return {ok_status(), true, {reply->healed_rules().begin(), reply->healed_rules().end()}};
}

Status DistributionManager::record_failure(const store::ReadTxn& txn, const Status& why, Dp* dp) const {
  ASSIGN_OR_RETURN(const v1::SiteSettings settings, site_settings(txn));
  const bool removal = removing(*dp);
  dp->set_failures(dp->failures() + 1);
  dp->set_last_error(why.message());
  if (dp->failures() > settings.retries()) {
    dp->set_state(removal ? Dp::REMOVAL_FAILED : Dp::INSTALL_FAILED);
    dp->clear_next_try();
  } else {
    dp->set_state(removal ? Dp::REMOVAL_RETRYING : Dp::INSTALL_RETRYING);
    *dp->mutable_next_try() = to_timestamp(site_.clock.now() + retry_interval(settings));
  }
  return ok_status();
}

Status DistributionManager::record_copy(const Attempt& attempt, const Outcome& outcome) {
  return site_.store.commit([&](store::WriteTxn& txn) -> Status {
    ASSIGN_OR_RETURN(v1::Package package, store::kPackages.get(txn, {attempt.package.id()}));
    Dp* dp = find_dp(&package, attempt.dp.dp());
    if (dp == nullptr) return internal_error("the row of " + attempt.dp.dp() + " went during its distribution");
    const bool newest = dp->asked() == attempt.dp.asked();
    *dp->mutable_last_change() = to_timestamp(site_.clock.now());
    if (outcome.status.ok()) {
      RETURN_IF_ERROR(
          emit(txn, site_,
               dp_message(2329, package, attempt.nal, {package.id(), snapshot_of(attempt.package), attempt.nal})));
      RETURN_IF_ERROR(emit(txn, site_, dp_message(2330, package, attempt.nal, {package.id(), attempt.nal})));
      RETURN_IF_ERROR(mark_healed(txn, attempt.heals));
      RETURN_IF_ERROR(mark_healed(txn, outcome.healed_rules));
      dp->set_version(attempt.package.source_version());
      if (newest) {
        dp->set_state(Dp::INSTALLED);
        dp->set_failures(0);
        dp->set_refresh(false);
        dp->clear_last_error();
        dp->clear_next_try();
      }
    } else {
      if (outcome.reached) {
        RETURN_IF_ERROR(
            emit(txn, site_,
                 dp_message(2328, package, attempt.nal, {package.id(), snapshot_of(attempt.package), attempt.nal})));
      }
      if (newest) RETURN_IF_ERROR(record_failure(txn, outcome.status, dp));
    }
    txn.after_commit([changes = site_.changes] { changes->notify(); });
    return store::kPackages.put(txn, {package.id()}, package);
  });
}

Status DistributionManager::record_removal(const Attempt& attempt, const Outcome& outcome) {
  return site_.store.commit([&](store::WriteTxn& txn) -> Status {
    ASSIGN_OR_RETURN(v1::Package package, store::kPackages.get(txn, {attempt.package.id()}));
    Dp* dp = find_dp(&package, attempt.dp.dp());
    if (dp == nullptr) return internal_error("the row of " + attempt.dp.dp() + " went during its removal");
    const bool newest = dp->asked() == attempt.dp.asked();
    if (outcome.status.ok()) {
      RETURN_IF_ERROR(mark_healed(txn, attempt.heals));
      RETURN_IF_ERROR(mark_healed(txn, outcome.healed_rules));
      if (newest) {
        auto& dps = *package.mutable_dps();
        dps.erase(std::find_if(dps.begin(), dps.end(), [&](const Dp& each) { return &each == dp; }));
      } else {
        dp->set_version(0);
      }
    } else if (newest) {
      *dp->mutable_last_change() = to_timestamp(site_.clock.now());
      RETURN_IF_ERROR(record_failure(txn, outcome.status, dp));
    }
    txn.after_commit([changes = site_.changes] { changes->notify(); });
    return store::kPackages.put(txn, {package.id()}, package);
  });
}

}  // namespace smslab::mp
