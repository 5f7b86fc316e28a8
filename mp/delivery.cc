#include "mp/delivery.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "mp/distmgr_log.h"
#include "mp/faults.h"
#include "mp/package_dps.h"
#include "mp/settings.h"
#include "mp/status.h"
#include "proto/base/ids.h"
#include "proto/fault/damage.h"
#include "proto/schema/timestamp.h"
#include "store/manifest.h"
#include "store/tables.h"

namespace smslab::mp {
namespace {
using Dp = v1::PackageDp;

constexpr int kOffers = 3;  // a DP may give up contents that it was sent, when its disk is full
const Status kCancelled(Code::kAborted, "the site is stopping");

// What Windows calls it (semantics 4.4: 5, 53, 64 and 112; the others are assumed).
uint32_t win32_of(const Status& why, bool reached) {
  switch (why.code()) {
    case Code::kOk: return 0;
    case Code::kUnauthenticated: return 5;  // ERROR_ACCESS_DENIED
    case Code::kUnavailable:
      return reached ? 64             // ERROR_NETNAME_DELETED
                     : 53;            // ERROR_BAD_NETPATH
    case Code::kDataLoss: return 23;  // ERROR_CRC
    case Code::kNoSpace: return 112;  // ERROR_DISK_FULL
    default: return 31;               // ERROR_GEN_FAILURE
  }
}

// Where the content comes from, as messages 2328 and 2329 name it.
std::string origin_of(const Order& order) {
  if (order.live) return order.package.source();
  return fmt::format("{}.{}", order.package.id(), order.package.source_version());
}

Emission dp_message(uint32_t id, const Order& order, std::vector<std::string> strings) {
  return {.id = id, .strings = std::move(strings), .package = order.package.id(), .nal = order.nal};
}

// Faults that are gone from the DP once this order is carried out. The DP tells what it healed, but an answer may be
// lost, and the next try then finds nothing left to heal.
Result<std::vector<std::string>> rules_healed_by(const store::ReadTxn& txn, const v1::Package& package, const Dp& dp) {
  std::vector<std::string> rules;
  RETURN_IF_ERROR(store::kFaults.each(txn, {}, [&](const store::Key&, const v1::FaultRule& rule) {
    const v1::FaultMatch& at = rule.match();
    const bool mendable = (fault::at_rest(rule) && rule.has_foretold()) || rule.when().until_refresh();
    const bool here = mendable && at.package() == package.id() && at.dp() == dp.dp();
    const bool overwritten = removing(dp) || dp.refresh() || at.version() != package.source_version();
    if (here && overwritten) rules.push_back(rule.id());
    return true;
  }));
  return rules;
}

Status record_copied(store::WriteTxn& txn, const Site& site, const Order& order, const Outcome& outcome, bool newest,
                     Dp* dp) {
  const std::string& id = order.package.id();
  RETURN_IF_ERROR(emit(txn, site, dp_message(2329, order, {id, origin_of(order), order.nal})));
  RETURN_IF_ERROR(emit(txn, site, dp_message(2330, order, {id, order.nal})));
  RETURN_IF_ERROR(mark_healed(txn, order.heals));
  RETURN_IF_ERROR(mark_healed(txn, outcome.healed_rules));
  dp->set_version(order.package.source_version());
  dp->set_pass_failed(false);
  *dp->mutable_last_change() = to_timestamp(site.clock.now());
  if (!newest) return ok_status();
  dp->set_state(Dp::INSTALLED);
  dp->set_failures(0);
  dp->set_refresh(false);
  dp->set_live(false);
  dp->clear_last_error();
  dp->clear_win32_error();
  dp->clear_next_try();
  return ok_status();
}

Status record_removed(store::WriteTxn& txn, const Order& order, const Outcome& outcome, bool newest,
                      v1::Package* package, Dp* dp) {
  RETURN_IF_ERROR(mark_healed(txn, order.heals));
  RETURN_IF_ERROR(mark_healed(txn, outcome.healed_rules));
  if (newest) {
    auto& dps = *package->mutable_dps();
    dps.erase(std::find_if(dps.begin(), dps.end(), [&](const Dp& each) { return &each == dp; }));
  } else {
    dp->set_version(0);
    dp->set_pass_failed(false);
  }
  return ok_status();
}
}  // namespace

Result<Order> take_order(const store::ReadTxn& txn, const Site& site, const v1::Package& package, const Dp& dp) {
  Order order;
  order.package = package;
  order.dp = dp;
  order.nal = nal_path(dp.dp(), site.options.site);
  order.began = site.clock.now();
  ASSIGN_OR_RETURN(order.heals, rules_healed_by(txn, package, dp));
  return order;
}

// ---- Courier

// A content on its way: each piece is a sign of life, and a cancelled one ends.
class Courier::Parcel final : public ReadableFile {
 public:
  Parcel(std::shared_ptr<const ReadableFile> file, Courier& courier) : file_(std::move(file)), courier_(courier) {}
  Result<size_t> pread(uint64_t offset, std::span<char> buffer) const override {
    if (courier_.cancelled_) return kCancelled;
    courier_.lane_.moved();
    return file_->pread(offset, buffer);
  }
  uint64_t size() const override { return file_->size(); }
  int fd() const override { return file_->fd(); }

 private:
  const std::shared_ptr<const ReadableFile> file_;
  Courier& courier_;
};

void Courier::cancel() {
  cancelled_ = true;
  const MutexLock lock(mu_);
  if (link_ != nullptr) link_->cancel();
}

Outcome Courier::deliver(Site& site, const DpAddress* dp, const Order& order) {
  if (dp == nullptr) {
    return {Status(Code::kUnavailable, "the lab runs without this distribution point"), 53, false, {}};
  }
  DpLink link(*dp);
  {
    const MutexLock lock(mu_);
    link_ = &link;
  }
  Outcome outcome;
  if (cancelled_) {
    outcome.status = kCancelled;
  } else if (site.rules->cut_off(dp->name, site.clock.now())) {
    outcome.status = Status(Code::kUnavailable, "the network path was not found");
    outcome.reached = false;
  } else if (removing(order.dp)) {
    const auto reply = link.remove(order.package.id());
    outcome.reached = reply.status().code() != Code::kUnavailable;
    outcome.status = reply.status();
    if (reply.ok()) outcome.healed_rules = {reply->healed_rules().begin(), reply->healed_rules().end()};
  } else {
    outcome = copy(site, link, order);
  }
  {
    const MutexLock lock(mu_);
    link_ = nullptr;
  }
  if (!outcome.status.ok() && cancelled_) outcome.status = kCancelled;
  outcome.win32_error = win32_of(outcome.status, outcome.reached);
  return outcome;
}

Outcome Courier::copy(Site& site, DpLink& link, const Order& order) {
  Outcome outcome;
  v1::Manifest stored;
  if (!order.live) {
    auto manifest = store::load_manifest(site.store.read(), order.package.id(), order.package.source_version());
    if (!manifest.ok()) return {manifest.status(), 0, true, {}};
    stored = *std::move(manifest);
  }
  const v1::Manifest& manifest = order.live ? order.live->manifest : stored;
  outcome.reached = false;
  for (int offers = 1; offers <= kOffers; offers++) {
    outcome.status = send(site, link, order, manifest, &outcome.reached);
    if (!outcome.status.ok()) break;
    const auto reply = link.commit(manifest, order.dp.refresh());
    outcome.status = reply.status();
    if (reply.ok()) outcome.healed_rules = {reply->healed_rules().begin(), reply->healed_rules().end()};
    if (reply.status().code() != Code::kFailedPrecondition) break;
  }
  return outcome;
}

// Everything that the DP has not.
Status Courier::send(Site& site, DpLink& link, const Order& order, const v1::Manifest& manifest, bool* reached) {
  if (cancelled_) return kCancelled;
  const auto missing = link.offer(manifest);
  *reached = *reached || missing.status().code() != Code::kUnavailable;
  RETURN_IF_ERROR(missing.status());
  for (const auto& sha256 : *missing) {
    if (cancelled_) return kCancelled;
    ASSIGN_OR_RETURN(auto content, order.live ? order.live->staging->open(sha256) : site.store.blobs().open(sha256));
    RETURN_IF_ERROR(link.put(sha256, std::make_shared<Parcel>(std::move(content), *this)));
    lane_.moved();
  }
  return ok_status();
}

// ---- what the site writes down

Status record_failure(store::WriteTxn& txn, const Site& site, const v1::Package& package, const Outcome& outcome,
                      Dp* dp) {
  ASSIGN_OR_RETURN(const v1::SiteSettings settings, site_settings(txn));
  const bool removal = removing(*dp);
  const uint32_t retries = dp->failures();  // before this one
  const bool again = retries < settings.retries();
  dp->set_failures(retries + 1);
  dp->set_last_error(outcome.win32_error == 0
                         ? outcome.status.message()
                         : fmt::format("{} (Win32 error {})", outcome.status.message(), outcome.win32_error));
  dp->set_win32_error(outcome.win32_error);
  *dp->mutable_last_change() = to_timestamp(site.clock.now());
  // The wording of both lines is assumed (8.4 L).
  log_distmgr(txn, site,
              fmt::format("Failed to {} package {} {} {}, Win32 Error = {}", removal ? "remove" : "copy", package.id(),
                          removal ? "from" : "to", nal_path(dp->dp(), site.options.site), outcome.win32_error));
  log_distmgr(txn, site,
              fmt::format("Failed to process package {} after {} retries, will retry {} more times", package.id(),
                          retries, again ? settings.retries() - retries : 0));
  if (again) {
    dp->set_state(removal ? Dp::REMOVAL_RETRYING : Dp::INSTALL_RETRYING);
    *dp->mutable_next_try() = to_timestamp(site.clock.now() + retry_interval(settings));
  } else {
    dp->set_state(removal ? Dp::REMOVAL_FAILED : Dp::INSTALL_FAILED);
    dp->clear_next_try();
  }
  return ok_status();
}

Status record(Site& site, const Order& order, const Outcome& outcome) {
  const std::vector<std::string> mended = outcome.status.ok() ? order.heals : std::vector<std::string>();
  return site.store.commit([&](store::WriteTxn& txn) -> Status {
    ASSIGN_OR_RETURN(v1::Package package, store::kPackages.get(txn, {order.package.id()}));
    Dp* dp = find_dp(&package, order.dp.dp());
    if (dp == nullptr) return ok_status();
    const bool removal = removing(order.dp);
    const bool newest = dp->asked() == order.dp.asked();
    if (!removal) {
      log_distmgr(txn, site, "Start adding package to server " + order.nal + "...");
      Emission start = dp_message(2342, order, {order.package.name(), order.nal});
      start.time = order.began;
      RETURN_IF_ERROR(emit(txn, site, start));
    }
    if (outcome.status.ok()) {
      RETURN_IF_ERROR(removal ? record_removed(txn, order, outcome, newest, &package, dp)
                              : record_copied(txn, site, order, outcome, newest, dp));
    } else {
      if (!removal && outcome.reached) {
        RETURN_IF_ERROR(emit(txn, site, dp_message(2328, order, {order.package.id(), origin_of(order), order.nal})));
      }
      dp->set_pass_failed(true);
      if (newest) RETURN_IF_ERROR(record_failure(txn, site, package, outcome, dp));
    }
    txn.after_commit([changes = site.changes, rules = site.rules, healed = mended] {
      for (const std::string& rule : healed) rules->take(rule);
      changes->notify();
    });
    return store::kPackages.put(txn, {package.id()}, package);
  });
}

}  // namespace smslab::mp
