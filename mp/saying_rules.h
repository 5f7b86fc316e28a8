// Rules about what the management point says (sayings.h), when they are added.
#pragma once

#include "mp/dps.h"
#include "mp/site.h"
#include "proto/schema/fault.pb.h"
#include "store/index.h"

namespace smslab::mp {

// kNotFound, kInvalidArgument or kFailedPrecondition, with the field, for what this site can never say.
Status check_saying(const Site& site, const DpDirectory& dps, const store::ReadTxn& txn, const v1::FaultRule& rule);
// "LON00001.2": what clients ask for, where the rule says of which package it is; "" otherwise.
std::string content_of(const Site& site, const v1::FaultRule& rule);
// What clients will see; empty when nothing can be told. The rule has its ID.
Result<v1::Foretold> foretell_saying(const Site& site, const v1::FaultRule& rule);

}  // namespace smslab::mp
