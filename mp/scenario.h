// Scenarios: a whole site in one message, made at once or told (format: docs/scenarios.md).
//
//   Problems problems;
//   auto made = apply_scenario(site, dps, imports, scenario, &problems);
//   for (const Status& problem : problems) ...        // field: "packages[2].source"
//   ASSIGN_OR_RETURN(v1::Scenario now, export_scenario(site, dps));
//
// A scenario is added to what the site has. It is looked at as a whole first: every record is made, in one change that
// is then given up, so that the rules are those of the single verbs and every error is found at once. Then the sources
// are read, then everything is committed as one change, with the messages in the order that single verbs would have
// given: settings, distribution points, packages and where they go, clients, collections, adverts, faults. A crash
// leaves all or nothing. On threads that may block.
#pragma once

#include <functional>
#include <vector>

#include "mp/dps.h"
#include "mp/imports.h"
#include "mp/site.h"
#include "proto/schema/scenario.pb.h"

namespace smslab::mp {

// OK, or "3 errors; ..." with what is wrong in `problems`. Changes nothing.
Status check_scenario(Site& site, DpDirectory& dps, const v1::Scenario& scenario, Problems* problems);

// Checked and made; the site as it then is. Refused, it changes nothing.
Result<v1::Scenario> apply_scenario(Site& site, DpDirectory& dps, Imports& imports, const v1::Scenario& scenario,
                                    Problems* problems);

// The scenario in place of all that the site has, in one change that `commit` is given to run. Times are those of the
// clock as it was started. Every package is sent in full: what its distribution points held before does not count.
using Commit = std::function<Status(const std::function<Status()>& change)>;
Result<v1::Scenario> make_anew(Site& site, DpDirectory& dps, Imports& imports, const v1::Scenario& scenario,
                               const Commit& commit, Problems* problems);

// Applied to an empty site, it makes an equal one: the same records, but for what distribution and clients have done.
Result<v1::Scenario> export_scenario(const Site& site, const DpDirectory& dps);

// It has no package, collection, advert or client, and nobody has changed its settings.
Result<bool> site_is_empty(const Site& site);

}  // namespace smslab::mp
