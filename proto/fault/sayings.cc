#include "proto/fault/sayings.h"

#include <algorithm>
#include <array>

#include "proto/base/hex.h"
#include "proto/base/text.h"

namespace smslab::fault {
namespace {
using Rule = v1::FaultRule;

constexpr std::array kSayings = {
    Saying{Rule::kAssignments, v1::Assignments::EMPTY, "EMPTY", "an empty 200, as if there were nothing new",
           Trouble::kNoReply},
    Saying{Rule::kAssignments, v1::Assignments::NO_SETTINGS, "NO_SETTINGS",
           "assignments without the client agent's settings", Trouble::kNoSettings},
    Saying{Rule::kAssignments, v1::Assignments::DUPLICATE, "DUPLICATE", "assignments that come twice", Trouble::kNone},
    Saying{Rule::kAssignments, v1::Assignments::REORDERED, "REORDERED", "the last assignment first", Trouble::kNone},
    Saying{Rule::kAssignments, v1::Assignments::WRONG_HASH, "WRONG_HASH", "policy hashes that no body has",
           Trouble::kPolicyDownload},
    Saying{Rule::kAssignments, v1::Assignments::WRONG_SIGNATURE, "WRONG_SIGNATURE",
           "signatures that verify with no key", Trouble::kNone},
    Saying{Rule::kAssignments, v1::Assignments::COOKIE_SKEW, "COOKIE_SKEW", "a ServerCookie of another time",
           Trouble::kNone},
    Saying{Rule::kPolicyBody, v1::PolicyBody::MALFORMED, "MALFORMED", "a policy whose XML does not end",
           Trouble::kPolicyDownload},
    Saying{Rule::kPolicyBody, v1::PolicyBody::CUT, "CUT", "the first half of a policy", Trouble::kPolicyDownload},
    Saying{Rule::kPolicyBody, v1::PolicyBody::UTF8, "UTF8", "a policy in UTF-8", Trouble::kPolicyDownload},
    Saying{Rule::kPolicyBody, v1::PolicyBody::UTF8_AS_UTF16, "UTF8_AS_UTF16",
           "a policy in UTF-8 behind the mark of UTF-16", Trouble::kPolicyDownload},
    Saying{Rule::kPolicyBody, v1::PolicyBody::PACKAGE_HASH, "PACKAGE_HASH", "a package hash that no content has",
           Trouble::kHashMismatch},
    Saying{Rule::kPolicyBody, v1::PolicyBody::PACKAGE_VERSION, "PACKAGE_VERSION",
           "a source version that no distribution point has", Trouble::kNoLocations},
    Saying{Rule::kLocations, v1::Locations::EMPTY, "EMPTY", "no distribution point", Trouble::kNoLocations},
    Saying{Rule::kLocations, v1::Locations::DEAD_DP, "DEAD_DP", "a distribution point where nobody listens",
           Trouble::kDeadLocation},
    Saying{Rule::kLocations, v1::Locations::WRONG_VERSION, "WRONG_VERSION",
           "distribution points that hold another version", Trouble::kHashMismatch},
    Saying{Rule::kLocations, v1::Locations::REORDERED, "REORDERED", "the last distribution point first",
           Trouble::kNone},
    Saying{Rule::kLocations, v1::Locations::NO_HASH, "NO_HASH", "locations without the content's hash", Trouble::kNone},
    Saying{Rule::kRegistration, v1::RegistrationAnswer::PENDING, "PENDING", "registration waits for approval",
           Trouble::kNone},
    Saying{Rule::kRegistration, v1::RegistrationAnswer::REJECTED, "REJECTED", "registration is refused",
           Trouble::kNone},
    Saying{Rule::kRegistration, v1::RegistrationAnswer::RESET, "RESET", "register anew, with a new identity",
           Trouble::kNone},
    Saying{Rule::kRefuse, 0, "", "the message is not taken: an error status, or an empty 200", Trouble::kBadStatus},
};

int how_of(const v1::FaultRule& rule) {
  switch (rule.effect_case()) {
    case Rule::kAssignments: return rule.assignments().how();
    case Rule::kPolicyBody: return rule.policy_body().how();
    case Rule::kLocations: return rule.locations().how();
    case Rule::kRegistration: return rule.registration().how();
    default: return 0;
  }
}
}  // namespace

std::span<const Saying> all_sayings() { return kSayings; }

const Saying* saying_of(const v1::FaultRule& rule) {
  const auto row = std::ranges::find_if(kSayings, [&](const Saying& saying) {
    return saying.effect == rule.effect_case() && saying.how == how_of(rule);
  });
  return row == kSayings.end() ? nullptr : &*row;
}

std::string wrong_hex(uint64_t seed, const v1::FaultRule& rule, std::string_view subject, const std::string& hex) {
  std::string wrong;
  for (uint64_t n = 0; wrong.size() < hex.size(); n++) {
    wrong += to_hex(Random(seed).bytes("wrong-hash", {rule.id(), subject}, n));
  }
  wrong.resize(hex.size());
  if (!hex.empty() && iequals(wrong, hex)) wrong[0] = wrong[0] == '0' ? '1' : '0';
  return wrong;
}

bool is_said_at(const v1::FaultRule& rule, const Occasion& occasion) {
  if (occasion.role != v1::FaultMatch::MP) return false;
  switch (rule.effect_case()) {
    case v1::FaultRule::kAssignments: return occasion.route == "policy_assignments";
    case v1::FaultRule::kPolicyBody: return occasion.route == "policy_body";
    case v1::FaultRule::kLocations: return occasion.route == "location";
    case v1::FaultRule::kRegistration: return occasion.route == "registration";
    default: return rule.has_refuse() && occasion.method == "CCM_POST";
  }
}

}  // namespace smslab::fault
