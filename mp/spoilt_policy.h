// A policy that a fault spoils: its bytes, or what it says of its package (proto/fault/sayings.h).
//
//   PolicyChange change;
//   if (spoil_policy(site, policies, place, rule, &change)) policy = policies.changed(place, change);
//
// Functions of rule, seed and policy alone: the same for every client and attempt, so that it can be foretold.
#pragma once

#include <cstdint>
#include <string>

#include "mp/policy_set.h"
#include "mp/site.h"
#include "proto/schema/fault.pb.h"

namespace smslab::mp {

// Whether the rule is about the package's hash or version, not about the text.
bool about_package(const v1::FaultRule& rule);
// False: there is nothing to change in it, and nothing is.
bool spoil_package(uint64_t seed, const v1::FaultRule& rule, v1::Package* package);
// Adds what a policyBody rule wants to what others want already; false as above.
bool spoil_policy(const Site& site, const PolicySet& policies, size_t place, const v1::FaultRule& rule,
                  PolicyChange* change);
// What an assignment says of its body.
void spoil_hashes(uint64_t seed, const v1::FaultRule& rule, const std::string& id, std::string* hash,
                  std::string* hash_ex);

}  // namespace smslab::mp
