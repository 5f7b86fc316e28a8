// What the management point says. The replies are changed where they are composed, in the site's room; here stands only
// which rules make sense.
#include <algorithm>
#include <array>

#include "proto/base/text.h"
#include "proto/base/uri.h"
#include "proto/fault/sayings.h"

namespace smslab::fault {
namespace {
// Of what is asked for, as far as the reply in question knows it.
struct Known {
  std::string_view route;
  bool package = false;  // and version
  bool file = false;
  bool smsid = true;
};

Status check_match(const v1::FaultMatch& match, const Known& known) {
  if (match.role() == v1::FaultMatch::DP) {
    return invalid_argument("this is said by the management point, no distribution point", "match.role");
  }
  if (!match.dp().empty()) {
    return invalid_argument("this is said by the management point, whatever distribution point it names", "match.dp");
  }
  if (!known.route.empty() && !match.route().empty() && !iequals(match.route(), known.route)) {
    return invalid_argument("this is said on route " + std::string(known.route) + " alone", "match.route");
  }
  if (!known.package && (!match.package().empty() || match.version() != 0)) {
    return invalid_argument("what is asked for is not one package",
                            match.package().empty() ? "match.version" : "match.package");
  }
  if (!known.file && !match.file().empty()) return invalid_argument("what is asked for is no file", "match.file");
  if (!known.smsid && !match.smsid().empty()) {
    return invalid_argument("who asks for a policy body is known by name or address alone", "match.smsid");
  }
  if (match.has_range()) return invalid_argument("a reply is made whole, whatever part of it leaves", "match.range");
  return ok_status();
}

// Routes whose requests are messages, which the site takes or does not.
constexpr std::array<std::string_view, 8> kMessages = {
    "registration", "policy_assignments", "location",          "status", "state",
    "ddr",          "hardware_inventory", "software_inventory"};

std::string message_routes() {
  std::string out;
  for (const std::string_view one : kMessages) out += (out.empty() ? "" : ", ") + std::string(one);
  return out;
}

template <class Message>
Status check_how(const Message& message, const std::string& field) {
  if (message.how() != Message::UNSET) return ok_status();
  return invalid_argument("say how", field + ".how");
}
}  // namespace

Status check_assignments(const v1::FaultRule& rule) {
  const v1::Assignments& effect = rule.assignments();
  RETURN_IF_ERROR(check_how(effect, "assignments"));
  const bool skew = effect.how() == v1::Assignments::COOKIE_SKEW;
  if (skew && effect.by() == 0) return invalid_argument("by 0 would change nothing", "assignments.by");
  if (!skew && effect.by() != 0) return invalid_argument("this is of COOKIE_SKEW alone", "assignments.by");
  switch (effect.how()) {
    case v1::Assignments::DUPLICATE:
    case v1::Assignments::WRONG_HASH:
    case v1::Assignments::WRONG_SIGNATURE: break;
    default:
      if (!effect.policy().empty()) return invalid_argument("this is about the whole reply", "assignments.policy");
  }
  const v1::FaultMatch& match = rule.match();
  if (!match.package().empty()) {
    return invalid_argument("a client asks for the policies of all packages; assignments.policy chooses among them",
                            "match.package");
  }
  return check_match(match, {.route = "policy_assignments"});
}

Status check_policy_body(const v1::FaultRule& rule) {
  const v1::PolicyBody& effect = rule.policy_body();
  RETURN_IF_ERROR(check_how(effect, "policyBody"));
  if (effect.by() != 0 && effect.how() != v1::PolicyBody::PACKAGE_VERSION) {
    return invalid_argument("this is of PACKAGE_VERSION alone", "policyBody.by");
  }
  return check_match(rule.match(), {.route = "policy_body", .package = true, .file = true, .smsid = false});
}

Status check_locations(const v1::FaultRule& rule) {
  const v1::Locations& effect = rule.locations();
  RETURN_IF_ERROR(check_how(effect, "locations"));
  if (effect.how() != v1::Locations::DEAD_DP) {
    if (!effect.dp().empty()) return invalid_argument("this is of DEAD_DP alone", "locations.dp");
    if (!effect.at().empty()) return invalid_argument("this is of DEAD_DP alone", "locations.at");
  }
  if (!effect.at().empty()) {
    if (const auto at = parse_host_port(effect.at(), "locations.at"); !at.ok()) return at.status();
  }
  return check_match(rule.match(), {.route = "location", .package = true});
}

Status check_registration(const v1::FaultRule& rule) {
  RETURN_IF_ERROR(check_how(rule.registration(), "registration"));
  return check_match(rule.match(), {.route = "registration"});
}

Status check_refuse(const v1::FaultRule& rule) {
  const uint32_t code = rule.refuse().code();
  const std::string& route = rule.match().route();
  const auto is = [&](std::string_view one) { return iequals(one, route); };
  if (!route.empty() && std::ranges::none_of(kMessages, is)) {
    return invalid_argument("a message can be refused: " + message_routes() + "; for others there is status",
                            "match.route");
  }
  if (code != 0 && (code < 400 || code > 599)) {
    return invalid_argument("a status from 400 to 599, or none for an empty 200", "refuse.code");
  }
  return check_match(rule.match(), {.route = ""});
}

}  // namespace smslab::fault
