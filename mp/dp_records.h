// What the site keeps of its DPs between starts, and what an administrator changes there (DpRecord, the table kDps).
//
//   RETURN_IF_ERROR(add_remote_dps(site, dps));               // at start: those that announced themselves before
//   RETURN_IF_ERROR(add_own_dp(site, dps, address));          // those of the site's own process
//   ASSIGN_OR_RETURN(v1::DpInfo dp, set_dp(site, dps, "LON-DP-02", change));
//
// The directory says what the records say. Each call waits for its commit.
#pragma once

#include <string>

#include "mp/dps.h"
#include "mp/site.h"
#include "proto/schema/control.pb.h"
#include "proto/schema/site.pb.h"

namespace smslab::mp {

Status add_remote_dps(Site& site, DpDirectory& dps);
// A record of a remote DP of that name becomes this one's.
Status add_own_dp(Site& site, DpDirectory& dps, DpAddress dp);

// What the DP holds is asked for; `error` says why it could not be.
Result<v1::DpInfo> show_dp(const Site& site, const DpDirectory& dps, const std::string& name);
v1::DpList list_dps(const Site& site, const DpDirectory& dps);

// `change` may say `protected` and `boundaries`; a single empty boundary stands for none. kNotFound for a boundary that
// the site has not.
Result<v1::DpInfo> set_dp(Site& site, DpDirectory& dps, const std::string& name, const v1::DpInfo& change);

// kFailedPrecondition for a DP of the site's own process, and while packages are assigned to it. With `force` those are
// let go of, as of a DP that is gone for good; also of one that the lab was started without. One that still runs
// announces itself again, and begins empty.
Status delete_dp(Site& site, DpDirectory& dps, const std::string& name, bool force);

// ---- parts of changes
// set_dp as a part of a larger change.
Status record_dp(store::WriteTxn& txn, DpDirectory& dps, const std::string& name, const v1::DpInfo& change);
DpAddress address_of(const v1::DpRecord& record);
Result<v1::DpRecord> dp_record(const store::ReadTxn& txn, const std::string& name);  // with its name alone when new

}  // namespace smslab::mp
