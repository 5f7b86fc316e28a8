// Whether a rule is for this site: what it names is there, and what it asks for can come true.
#pragma once

#include "mp/dps.h"
#include "mp/site.h"
#include "proto/schema/fault.pb.h"
#include "store/index.h"

namespace smslab::mp {

// The rule as the site spells its names, without what only the lab writes. kInvalidArgument, kNotFound or
// kFailedPrecondition naming the field of what is not so. `read`: packages have their files; without that only the
// names are checked.
Result<v1::FaultRule> checked_rule(const Site& site, const DpDirectory& dps, const store::ReadTxn& txn,
                                   const v1::FaultRule& request, bool read);

}  // namespace smslab::mp
