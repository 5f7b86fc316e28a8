// The planner: what will befall a client, for each thing that it may ask for, told before it asks.
//
//   Rules rules(42);
//   rules.put(rule);
//   ASSIGN_OR_RETURN(v1::FaultPlan plan, plan_of(rules, question, {.files = {"adminpak.msi"}, .now = now}));
//
// In two stages: when the client connects (address, n-th time), and at each request (client, package, version, file,
// n-th time). By the same functions as the injector's, of rules, seed, counts and question alone. What `asks` leaves
// out is all that a client asks a distribution point for: a package's listing, the HEAD and the GET of each of its
// files. A rule on what the management point says (sayings.h) that finds nothing to change when its turn comes does
// nothing, which is not known before.
#pragma once

#include <string>
#include <vector>

#include "proto/fault/rules.h"
#include "proto/schema/plan.pb.h"

namespace smslab::fault {

struct PlanFacts {
  std::vector<std::string> files;  // of the package, as the DP spells them
  LabTime now;                     // when the question names no time
};

inline constexpr uint32_t kMostAttempts = 10'000;

// The question's seed and rules are the caller's business: `rules` has them. kInvalidArgument with the field, for what
// is no question, or leaves out what one of the rules goes by.
Result<v1::FaultPlan> plan_of(const Rules& rules, const v1::FaultPlanQuestion& question, const PlanFacts& facts);

}  // namespace smslab::fault
