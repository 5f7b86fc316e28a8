// Admission: a DP in a process of its own says where it is and becomes one of the site's.
//
//   ASSIGN_OR_RETURN(v1::DpWelcome welcome, admit_dp(site, dps, catch_up, secrets, announcement));
//
// A DP that the site knows is moved to the address announced, and keeps its settings. A new session means that the DP
// was away: what the site owes it is tried at once (catch_up.h). The same announcement again changes nothing.
//
// kUnauthenticated: the proof is of none of the site's secrets, or the name is that of a DP which holds another of
// them. kFailedPrecondition: the DP's folder is another site's, or the name that of a DP in the site's own process.
// kAlreadyExists: another process has the name and answers. kInvalidArgument: names and addresses that are none. Waits
// for the DP that has the name: on threads that may block.
#pragma once

#include <vector>

#include "mp/catch_up.h"
#include "mp/dps.h"
#include "mp/site.h"
#include "proto/control/dp_secret.h"
#include "proto/schema/control.pb.h"

namespace smslab::mp {

Result<v1::DpWelcome> admit_dp(Site& site, DpDirectory& dps, CatchUp& catch_up,
                               const std::vector<control::DpSecret>& secrets, const v1::DpAnnouncement& announcement);

}  // namespace smslab::mp
