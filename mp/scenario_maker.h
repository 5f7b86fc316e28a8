// The records of a scenario, made as a part of a change (scenario.h).
//
//   make_records(txn, site, dps, scenario, snapshots, &problems);       // all of them, or everything that is wrong
#pragma once

#include <vector>

#include "mp/dps.h"
#include "mp/site.h"
#include "proto/schema/scenario.pb.h"
#include "store/import.h"

namespace smslab::mp {

// The version of the site's copy that the package begins with.
uint32_t version_of(const v1::ScenarioPackage& package);

std::string item(std::string_view list, int i);  // "packages[3]": where a problem is

// In the order in which single verbs would: settings, distribution points, packages and where they go, clients,
// collections, adverts, faults. Goes on behind what is wrong; what is wrong only because something else was refused is
// no problem. With problems, the change must be given up. `snapshots`: of the packages, in their order; empty when it
// is only a rehearsal.
void make_records(store::WriteTxn& txn, Site& site, DpDirectory& dps, const v1::Scenario& scenario,
                  const std::vector<store::Snapshot>& snapshots, Problems* problems);

}  // namespace smslab::mp
