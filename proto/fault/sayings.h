// Sayings: the ways in which a management point can be made to say something else than the truth, one row each. What
// the effects of Stage::kAnswer do, the documentation's second table and its tests go by this list.
//
//   const Saying* saying = saying_of(rule);           // null: its effect is none of these
//   v1::ClientSymptom seen = symptom_of(saying->trouble);
//
// The management point asks Rules where it composes a reply, and changes the reply's model (mp/sayings.h).
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "proto/fault/effects.h"
#include "proto/fault/symptoms.h"

namespace smslab::fault {

struct Saying {
  v1::FaultRule::EffectCase effect;
  int how;                // the number of `how` in the effect's message; 0: the effect has none
  std::string_view name;  // its name
  std::string_view harm;  // what the client is told, in one line
  Trouble trouble;        // what a correct client makes of it
};

std::span<const Saying> all_sayings();
const Saying* saying_of(const v1::FaultRule& rule);

// Whether a request is answered where the rule's effect is asked for.
bool is_said_at(const v1::FaultRule& rule, const Occasion& occasion);

// Upper-case hex of the same length that is not `hex`; the same for the same seed, rule and subject.
std::string wrong_hex(uint64_t seed, const v1::FaultRule& rule, std::string_view subject, const std::string& hex);

}  // namespace smslab::fault
