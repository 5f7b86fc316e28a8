// The oracle: what follows from a rule alone, of what its client will see. What needs the package's bytes, its policies
// or its locations is the site's to add (mp/faults.h).
//
//   const v1::Foretold told = foretell_effect(rule, "LON00001.1");     // HTTP status, bytes, the client's symptom
//
// The symptom is that of a correct client that meets the rule at its every attempt: BITS resumes and tries again, so a
// rule that strikes now and then, or leaves some bytes each time, ends in no error and none is told.
#pragma once

#include <string_view>

#include "proto/schema/fault.pb.h"

namespace smslab::fault {

v1::Foretold foretell_effect(const v1::FaultRule& rule, std::string_view content = {});

}  // namespace smslab::fault
