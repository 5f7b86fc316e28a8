// Faults on what a distribution point says of its content (proto/fault/effects/store.cc): what the site knows of them
// beforehand.
#pragma once

#include <optional>

#include "mp/site.h"
#include "proto/schema/fault.pb.h"
#include "store/index.h"

namespace smslab::mp {

// What clients will see, as far as the rule says of which package and file; absent when nothing can be told. The rule
// has its ID and has been checked (fault::check_rule). kInvalidArgument or kNotFound with the field for one that would
// change nothing: a byte that no file has, a version that the site does not keep, or that is the same.
Result<std::optional<v1::Foretold>> foretell_store_fault(const Site& site, const store::ReadTxn& txn,
                                                         const v1::FaultRule& rule);

}  // namespace smslab::mp
