// The plan of faults by what a site has: its rules, their counts, its packages' files (proto/fault/planner.h).
//
//   ASSIGN_OR_RETURN(v1::FaultPlan plan, plan_faults(site, dps, question));       // of the running lab
//   ASSIGN_OR_RETURN(v1::FaultPlan plan, plan_faults(&txn, question, now));       // of one that does not run
//
// Changes and counts nothing. kNotFound or kInvalidArgument with the field, for a question about what is not there.
#pragma once

#include "mp/dps.h"
#include "mp/site.h"
#include "proto/schema/plan.pb.h"
#include "store/index.h"

namespace smslab::mp {

// With rules of its own, or another seed than the lab's, the question is about clients that no rule has met yet.
Result<v1::FaultPlan> plan_faults(const Site& site, const DpDirectory& dps, const v1::FaultPlanQuestion& question);

// By the rules of the question, else by those of a site's records as if the lab were started now. Without records,
// `txn` null, a package's files are known only as the question names them. Its seed is 1 when it says none.
Result<v1::FaultPlan> plan_faults(const store::ReadTxn* txn, const v1::FaultPlanQuestion& question, LabTime now);

}  // namespace smslab::mp
