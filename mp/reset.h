// Reset: the site as it was when its folder was new and the scenario that the lab was started with had just been made.
//
//   ASSIGN_OR_RETURN(v1::Scenario now, reset_site(site, dps, imports, start, at_rest, &problems));
//
// The records go in one change, those of the scenario come in the same one. Then the distribution points are emptied,
// and what the scenario puts on them is sent; one that does not answer is put right when it comes back (catch_up.h).
// Refused, it changes nothing. On threads that may block.
#pragma once

#include <functional>

#include "mp/dps.h"
#include "mp/imports.h"
#include "mp/site.h"
#include "proto/schema/scenario.pb.h"

namespace smslab::mp {

// Runs what it is given while nothing is being distributed: no order of before may end behind the change.
using AtRest = std::function<Status(const std::function<Status()>&)>;

Result<v1::Scenario> reset_site(Site& site, DpDirectory& dps, Imports& imports, const v1::Scenario& start,
                                const AtRest& at_rest, Problems* problems);

}  // namespace smslab::mp
