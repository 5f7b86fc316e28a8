// Validating what distribution points hold: an extension, which no SMS 2003 has (facts: semantics 3.2 row 11; the
// messages are those of 2012 and later).
//
//   ASSIGN_OR_RETURN(v1::ValidationList found, validate_package(site, dps, "LON00001", selection));
//
// Each DP reads every byte that clients would get of the package, damage included, and compares it with the site's
// record of the last update. Nothing is changed by it. Waits for the DPs, one after the other in the order of NAL
// paths.
#pragma once

#include <string>

#include "mp/dps.h"
#include "mp/site.h"
#include "proto/schema/control.pb.h"

namespace smslab::mp {

// Messages, a DP: 2380, then 2384 when all is well, 2385 when files are missing, 2382 when bytes differ, 2383 when the
// DP could not compare (which of the three stands for what is assumed). kFailedPrecondition naming `dps` for a DP that
// the package is not on.
Result<v1::ValidationList> validate_package(Site& site, const DpDirectory& dps, const std::string& id,
                                            const v1::DpSelection& selection);

}  // namespace smslab::mp
