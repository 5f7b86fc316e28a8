// Packages and their distribution points: assign, refresh, remove (facts: semantics 3.2 rows 3, 7 and 9; 4.1).
//
//   ASSIGN_OR_RETURN(v1::Package p, distribute(site, dps, "LON00001", selection));
//
// Each commits the order for all DPs named, or nothing, and returns the package as it then is; the distribution manager
// does the rest and says 2300, [2342, 2329, 2330 a DP copied to], 2301. An empty selection is kInvalidArgument, a DP
// that the site has not is kNotFound, both naming `dps`.
#pragma once

#include <string>
#include <vector>

#include "mp/dps.h"
#include "mp/site.h"
#include "proto/schema/control.pb.h"
#include "proto/schema/site.pb.h"

namespace smslab::mp {

// kFailedPrecondition for a DP that the package is assigned to already. A `direct` package's source is read. Message:
// 30009 a DP.
Result<v1::Package> distribute(Site& site, const DpDirectory& dps, const std::string& id,
                               const v1::DpSelection& selection);
// The same version again, every file anew; of a `direct` package the source as it now is. kFailedPrecondition for a DP
// that the package is not on. No message (11.4).
Result<v1::Package> refresh(Site& site, const DpDirectory& dps, const std::string& id,
                            const v1::DpSelection& selection);
// kFailedPrecondition as refresh. A DP that the lab runs without at the moment can be ordered off too; it is carried
// out when it is back. Message: 30011 a DP (11.5).
Result<v1::Package> remove(Site& site, const DpDirectory& dps, const std::string& id, const v1::DpSelection& selection);

// ---- parts of changes
// distribute as a part of a larger change.
Result<v1::Package> record_distribute(store::WriteTxn& txn, const Site& site, const DpDirectory& dps,
                                      const std::string& id, const v1::DpSelection& selection);
void order_install(const Site& site, v1::PackageDp* dp);  // INSTALL_PENDING, with no failures
void order_removal(const Site& site, v1::PackageDp* dp);  // REMOVAL_PENDING, with no failures
// The row of a DP that is gone for good goes, whatever its state: 30011, and faults on its copy count as healed. A
// package that was being deleted goes with its last row: false; else the caller stores it.
Result<bool> let_go(store::WriteTxn& txn, Site& site, v1::Package* package, const std::string& dp);
v1::PackageDp* find_dp(v1::Package* package, const std::string& name);  // any letter case; nullptr when not assigned
bool removing(const v1::PackageDp& dp);
// Those of the selection, in the order of NAL paths. kFailedPrecondition for one that the package is not on.
Result<std::vector<std::string>> assigned_dps(const DpDirectory& dps, v1::Package* package,
                                              const v1::DpSelection& selection);
// Its DPs in numbers (semantics 4.1); those that it is being taken from count only where that fails.
v1::PackageSummary summary_of(const v1::Package& package);
// No DP is on its way to another state.
bool settled(const v1::Package& package);

}  // namespace smslab::mp
