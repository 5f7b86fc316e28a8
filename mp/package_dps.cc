#include "mp/package_dps.h"

#include <algorithm>
#include <functional>
#include <vector>

#include "mp/commit.h"
#include "mp/faults.h"
#include "mp/packages.h"
#include "proto/base/ids.h"
#include "proto/base/text.h"
#include "proto/fault/damage.h"
#include "proto/schema/timestamp.h"
#include "store/tables.h"

namespace smslab::mp {
namespace {
using Names = std::vector<std::string>;
using Dp = v1::PackageDp;

void order(const Site& site, Dp* dp, Dp::State state) {
  dp->set_state(state);
  dp->set_failures(0);
  dp->set_live(false);
  dp->clear_last_error();
  dp->clear_win32_error();
  dp->clear_next_try();
  dp->set_asked(dp->asked() + 1);
  *dp->mutable_last_change() = to_timestamp(site.clock.now());
}

// As the directory spells them, in the order of NAL paths, each once. `assigned`: also DPs that the package still has
// and the lab no longer.
Result<Names> known_dps(const DpDirectory& dps, const v1::DpSelection& selection, const v1::Package* assigned) {
  if (selection.dps().empty()) return invalid_argument("name at least one distribution point", "dps");
  Names known;
  for (const auto& dp : dps.all()) known.push_back(dp.name);
  if (assigned != nullptr) {
    for (const auto& dp : assigned->dps()) {
      if (dps.find(dp.dp()) == nullptr) known.push_back(dp.dp());
    }
  }
  for (const auto& wanted : selection.dps()) {
    const bool found =
        std::any_of(known.begin(), known.end(), [&](const std::string& name) { return iequals(name, wanted); });
    if (!found) return not_found("the site has no distribution point '" + wanted + "'", "dps");
  }
  std::erase_if(known, [&](const std::string& name) {
    return std::none_of(selection.dps().begin(), selection.dps().end(),
                        [&](const std::string& wanted) { return iequals(name, wanted); });
  });
  return known;
}

// One order for several DPs: `act` on each row.
using Act = std::function<Status(store::WriteTxn&, v1::Package*, const std::string&)>;
Result<v1::Package> record_order(store::WriteTxn& txn, const Site& site, const DpDirectory& dps, const std::string& id,
                                 const v1::DpSelection& selection, bool or_assigned, const Act& act) {
  ASSIGN_OR_RETURN(v1::Package package, get_usable_package(txn, id, "id"));
  ASSIGN_OR_RETURN(const Names names, known_dps(dps, selection, or_assigned ? &package : nullptr));
  for (const auto& name : names) RETURN_IF_ERROR(act(txn, &package, name));
  std::sort(package.mutable_dps()->begin(), package.mutable_dps()->end(), [&](const Dp& a, const Dp& b) {
    return nal_path(a.dp(), site.options.site) < nal_path(b.dp(), site.options.site);
  });
  txn.after_commit([queue = site.queue, changes = site.changes, name = package.id()] {
    queue->push(name);
    changes->notify();
  });
  RETURN_IF_ERROR(store::kPackages.put(txn, {package.id()}, package));
  return package;
}

Result<v1::Package> change_dps(Site& site, const DpDirectory& dps, const std::string& id,
                               const v1::DpSelection& selection, bool or_assigned, const Act& act) {
  return commit_result(
      site, [&](store::WriteTxn& txn) { return record_order(txn, site, dps, id, selection, or_assigned, act); });
}

Status tell(store::WriteTxn& txn, const Site& site, uint32_t message, const v1::Package& package,
            const std::string& dp) {
  const std::string nal = nal_path(dp, site.options.site);
  Emission emission = audit_message(message, site, package, nal);
  emission.nal = nal;
  return emit(txn, site, emission);
}

Status not_assigned(const v1::Package& package, const std::string& dp) {
  return failed_precondition("package " + package.id() + " is not on " + dp + "; distribute it there", "dps");
}
}  // namespace

void order_install(const Site& site, Dp* dp) { order(site, dp, Dp::INSTALL_PENDING); }
void order_removal(const Site& site, Dp* dp) { order(site, dp, Dp::REMOVAL_PENDING); }

Dp* find_dp(v1::Package* package, const std::string& name) {
  for (auto& dp : *package->mutable_dps()) {
    if (iequals(dp.dp(), name)) return &dp;
  }
  return nullptr;
}

Result<Names> assigned_dps(const DpDirectory& dps, v1::Package* package, const v1::DpSelection& selection) {
  ASSIGN_OR_RETURN(Names names, known_dps(dps, selection, package));
  for (const auto& name : names) {
    const Dp* dp = find_dp(package, name);
    if (dp == nullptr || removing(*dp)) return not_assigned(*package, name);
  }
  return names;
}

bool removing(const Dp& dp) { return dp.state() >= Dp::REMOVAL_PENDING; }

bool settled(const v1::Package& package) {
  return !package.pass_open() && std::all_of(package.dps().begin(), package.dps().end(), [](const Dp& dp) {
    return dp.state() == Dp::INSTALLED || dp.state() == Dp::INSTALL_FAILED || dp.state() == Dp::REMOVAL_FAILED;
  });
}

v1::PackageSummary summary_of(const v1::Package& package) {
  v1::PackageSummary summary;
  for (const auto& dp : package.dps()) {
    const bool retrying = dp.state() == Dp::INSTALL_RETRYING || dp.state() == Dp::REMOVAL_RETRYING;
    const bool failed = dp.state() == Dp::INSTALL_FAILED || dp.state() == Dp::REMOVAL_FAILED;
    if (retrying) summary.set_retrying(summary.retrying() + 1);
    if (failed) summary.set_failed(summary.failed() + 1);
    if (removing(dp)) continue;
    summary.set_targeted(summary.targeted() + 1);
    // What is on its way to a DP may already be there: it counts when it is known to be.
    const bool current = dp.state() == Dp::INSTALLED && dp.version() == package.source_version();
    if (current) summary.set_installed(summary.installed() + 1);
  }
  return summary;
}

Result<bool> let_go(store::WriteTxn& txn, Site& site, v1::Package* package, const std::string& dp) {
  auto& dps = *package->mutable_dps();
  const auto row = std::find_if(dps.begin(), dps.end(), [&](const Dp& each) { return iequals(each.dp(), dp); });
  if (row == dps.end()) return true;
  std::vector<std::string> rules;
  RETURN_IF_ERROR(store::kFaults.each(txn, {}, [&](const store::Key&, const v1::FaultRule& rule) {
    const bool here = rule.match().package() == package->id() && iequals(rule.match().dp(), dp);
    if (here && fault::at_rest(rule) && rule.has_foretold()) rules.push_back(rule.id());
    return true;
  }));
  RETURN_IF_ERROR(mark_healed(txn, rules));
  RETURN_IF_ERROR(tell(txn, site, 30011, *package, row->dp()));
  dps.erase(row);
  txn.after_commit([queue = site.queue, changes = site.changes, id = package->id()] {
    queue->push(id);
    changes->notify();
  });
  if (!package->deleting() || !dps.empty()) return true;
  if (!package->pass_open()) RETURN_IF_ERROR(emit(txn, site, package_message(2300, *package)));
  RETURN_IF_ERROR(end_deletion(txn, site, *package));
  return false;
}

Result<v1::Package> record_distribute(store::WriteTxn& txn, const Site& site, const DpDirectory& dps,
                                      const std::string& id, const v1::DpSelection& selection) {
  return record_order(txn, site, dps, id, selection, false,
                      [&](store::WriteTxn&, v1::Package* package, const std::string& name) -> Status {
                        Dp* dp = find_dp(package, name);
                        if (dp != nullptr && !removing(*dp)) {
                          return failed_precondition(
                              "package " + package->id() + " is assigned to " + name + " already; refresh it there",
                              "dps");
                        }
                        if (dp == nullptr) {
                          dp = package->add_dps();
                          dp->set_dp(name);
                        }
                        order_install(site, dp);
                        dp->set_live(package->direct());
                        return tell(txn, site, 30009, *package, name);
                      });
}

Result<v1::Package> distribute(Site& site, const DpDirectory& dps, const std::string& id,
                               const v1::DpSelection& selection) {
  return commit_result(site, [&](store::WriteTxn& txn) { return record_distribute(txn, site, dps, id, selection); });
}

Result<v1::Package> refresh(Site& site, const DpDirectory& dps, const std::string& id,
                            const v1::DpSelection& selection) {
  return change_dps(site, dps, id, selection, false,
                    [&](store::WriteTxn&, v1::Package* package, const std::string& name) -> Status {
                      Dp* dp = find_dp(package, name);
                      if (dp == nullptr || removing(*dp)) return not_assigned(*package, name);
                      order_install(site, dp);
                      dp->set_refresh(true);
                      dp->set_live(package->direct());
                      return ok_status();
                    });
}

Result<v1::Package> remove(Site& site, const DpDirectory& dps, const std::string& id,
                           const v1::DpSelection& selection) {
  return change_dps(site, dps, id, selection, true,
                    [&](store::WriteTxn& txn, v1::Package* package, const std::string& name) -> Status {
                      Dp* dp = find_dp(package, name);
                      if (dp == nullptr) return not_assigned(*package, name);
                      order_removal(site, dp);
                      return tell(txn, site, 30011, *package, name);
                    });
}

}  // namespace smslab::mp
