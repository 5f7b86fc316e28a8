// What clients will see of a rule, as far as it can be said before a byte leaves.
#pragma once

#include <optional>

#include "mp/site.h"
#include "proto/schema/fault.pb.h"

namespace smslab::mp {

// What follows from the rule alone, and what the site's records add. Absent when that is nothing. The rule has its ID.
Result<std::optional<v1::Foretold>> foretell(const Site& site, const v1::FaultRule& rule);

// Damage at rest is foretold by the DP that has it, but for what the client makes of it.
v1::Foretold with_symptom(const Site& site, const v1::FaultRule& rule, v1::Foretold foretold);

}  // namespace smslab::mp
