// Faults: rules that the lab carries out: damage at rest on a DP (facts: semantics 3.4, kind A), and what befalls
// replies and connections (proto/fault).
//
//   ASSIGN_OR_RETURN(v1::FaultRule rule, add_fault(site, dps, request));   // with its id and what it foretells
//
// Of damage at rest two stores must agree, the site's and the DP's. A rule is recorded before the DP is asked to carry
// it out and gets its `foretold` when it has; so a crash between the two leaves a rule without `foretold`, never a
// damage without a rule, and the next start takes such a rule back (catch_up.h). Taking a rule back is the other way
// round.
#pragma once

#include <string>
#include <vector>

#include "mp/dps.h"
#include "mp/site.h"
#include "proto/schema/control.pb.h"
#include "proto/schema/fault.pb.h"

namespace smslab::mp {

// kInvalidArgument for a rule without exactly one effect or what that needs; kNotFound naming the part of `match` that
// is not there; kAborted for a rule that was taken back meanwhile; what the DP refuses. Nothing stays behind, but for a
// DP that stopped answering half-way: then the rule stays listed without `foretold`, for delete_fault.
Result<v1::FaultRule> add_fault(Site& site, const DpDirectory& dps, const v1::FaultRule& request);
Result<v1::FaultRule> show_fault(const Site& site, const std::string& id);
Result<v1::FaultList> list_faults(const Site& site);
// The DP's bytes are right again before the rule goes. kUnavailable: the DP does not answer, the rule stays.
Status delete_fault(Site& site, const DpDirectory& dps, const std::string& id);
Status delete_faults(Site& site, const DpDirectory& dps);  // all that can go; what the first of the others said

// ---- of a scenario (scenario.h)
// Part of a change that makes the records of a scenario, behind all that the rule may name: recorded, and in force when
// the change is. Damage at rest waits for its content. `read`: packages have their files; without that only the names
// are checked. Refused as by add_fault.
Status record_scenario_fault(store::WriteTxn& txn, Site& site, const DpDirectory& dps, const v1::FaultRule& request,
                             bool read);
// What those that were recorded so will do to clients.
Status foretell_recorded(Site& site);
// A DP has this content, and no client has heard of it yet: the damage that waited for it is done.
Status do_waiting_damage(Site& site, const DpDirectory& dps, const std::string& package, const std::string& dp);

// At the start: the rules on replies and connections, as they were when the site stopped.
Status put_rules_in_force(const Site& site);
// At the start, before anything is served: the rules that were never carried out, as far as anybody knows.
Result<v1::FaultList> unfinished_faults(const Site& site);
// When their DPs can be asked; but for those that somebody else took back meanwhile. What cannot be done is logged.
void take_back_unfinished(Site& site, const DpDirectory& dps, const v1::FaultList& unfinished);
// Part of a change: a DP no longer carries these, or has got what ends them.
Status mark_healed(store::WriteTxn& txn, const std::vector<std::string>& rules);

}  // namespace smslab::mp
