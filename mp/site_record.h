// SiteRecord: what the site remembers beside its objects: the policy cookie and its sequences.
//
//   RETURN_IF_ERROR(policy_changed(txn, site));     // in the same change as what alters a client's policy
//
// On the committer's thread, as part of a change.
#pragma once

#include <cstdint>
#include <functional>

#include "mp/site.h"
#include "proto/schema/site.pb.h"
#include "store/index.h"

namespace smslab::mp {

// Empty before the first write.
Result<v1::SiteRecord> site_record(const store::ReadTxn& txn);

// Reads, changes and writes it. What `act` refuses is not written.
Status change_site_record(store::WriteTxn& txn, const std::function<Status(v1::SiteRecord*)>& act);

// Some collection is another now: what is known of memberships must be read anew.
Status members_changed(store::WriteTxn& txn);

// Moves the ServerCookie to max(now, last + 1 ms), so that every client asks again.
Status policy_changed(store::WriteTxn& txn, const Site& site);

Result<uint64_t> next_status_id(store::WriteTxn& txn);  // 1, 2, ...
Result<uint64_t> next_rule_id(store::WriteTxn& txn);    // 1, 2, ...
// So that a refused rule does not change what the next one draws. Only the last number can be given back.
Status give_back_rule_id(store::WriteTxn& txn, uint64_t id);

}  // namespace smslab::mp
