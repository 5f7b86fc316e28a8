// Sayings: what the faults in force make the management point say (proto/fault/sayings.h), one function for each kind
// of reply. Each is asked where the reply is composed and changes its model before it is encoded, so that all that
// follows from a change follows by itself; none of what it makes is kept. A rule that finds nothing to change has not
// hit.
//
//   if (site.rules->any(fault::Stage::kAnswer)) answer.rules = change_offer(...);      // IDs of the rules that hit
//
// Thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "mp/ccm_request.h"
#include "mp/offers.h"
#include "mp/policy_set.h"
#include "proto/schema/fault.pb.h"

namespace smslab::mp {

using RuleIds = std::vector<std::string>;

// A message that the site does not take: the reply instead. `topic` says what it is.
std::optional<wire::Reply> refusal(const CcmServer& server, const wire::Topic& topic, RuleIds* rules);

// The assignments as the rules want them, with the hashes of the bodies that this client will get next; nullopt: as
// ever. Without XML: an empty 200.
std::optional<CcmAnswer> say_assignments(const CcmServer& server, const ccm::Envelope& message,
                                         const PolicySet& policies, const PolicySet::Which& which,
                                         const std::string& client_id);

// The policy in this place as the rules want it; nullopt: as ever.
std::optional<Policy> say_policy(const Site& site, const wire::Request& request, const PolicySet& policies,
                                 size_t place, RuleIds* rules);

RuleIds change_offer(const CcmServer& server, const ccm::Envelope& message, const v1::Package& package,
                     uint64_t version, const ClientPlace& place, Offer* offer);

// What a client that registers is told of its approval; nullopt: the truth.
std::optional<v1::Client::Approval> say_approval(const CcmServer& server, const ccm::Envelope& message, RuleIds* rules);

}  // namespace smslab::mp
