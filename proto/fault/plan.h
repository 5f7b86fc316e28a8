// The plan: does a rule hit? A pure function of the rule, the seed, who asks for what, and how often they have.
//
//   if (matches(rule.match(), occasion)) {
//     const uint64_t count = ...;                                  // this rule's, of this client and resource; from 1
//     if (hits(rule, seed, occasion, count)) ...
//   }
//
// Nothing else goes in: not the order in which clients come, not the machine, no clock but the lab's.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "proto/fault/occasion.h"
#include "proto/schema/fault.pb.h"

namespace smslab::fault {

bool matches(const v1::FaultMatch& match, const Occasion& occasion);
// Its parts. Of names: any letter case, and an empty wish fits all. Of bytes: both may be open at the end.
bool name_fits(std::string_view wanted, std::string_view is);
bool span_fits(const v1::ByteSpan& wanted, uint64_t first, std::optional<uint64_t> last);
bool matches_but_file(const v1::FaultMatch& match, const Occasion& occasion);  // whatever match.file says
// That the rule is about this request: it matches, as far as the effect takes `match` as it is, and the effect has
// something to do there.
bool concerns(const v1::FaultRule& rule, const Occasion& occasion);

// Of a rule that matches: its turn. `limit` is not asked here: it is about what happened before (rules.h).
bool hits(const v1::FaultRule& rule, uint64_t seed, const Occasion& occasion, uint64_t count);

// A rule and how often it has met one client at one resource.
struct Standing {
  std::shared_ptr<const v1::FaultRule> rule;
  uint64_t matched = 0, hit = 0;
};
// One more time: whether the rule hits, by `when` and `limit`. Counts it.
bool take_turn(Standing* standing, uint64_t seed, const Occasion& occasion);

// `*` stands for any text, `?` for one byte; any letter case.
bool glob_matches(std::string_view pattern, std::string_view text);
bool is_glob(std::string_view text);  // it stands for more than itself

}  // namespace smslab::fault
