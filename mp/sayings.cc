#include "mp/sayings.h"

#include <algorithm>
#include <map>
#include <utility>

#include "mp/policy_body.h"
#include "mp/spoilt_policy.h"
#include "proto/base/text.h"
#include "proto/base/time_text.h"
#include "proto/base/uri.h"
#include "proto/codec/xml.h"
#include "proto/fault/pages.h"
#include "proto/fault/plan.h"
#include "proto/fault/sayings.h"

namespace smslab::mp {
namespace {
using fault::Hit;
using fault::Occasion;
using Rule = v1::FaultRule;

constexpr uint16_t kDeadPort = 9;  // discard: nobody listens there
constexpr const char* kSha256WithRsa = "1.2.840.113549.1.1.11";
constexpr const char* kSha256Id = "32780";  // what AlgID is on a real site is not known (assumed)
constexpr size_t kSignatureDigits = 512;

// ---- who asks for what
Occasion occasion_at(const Site& site, std::string method, const std::string& address) {
  Occasion occasion;
  occasion.role = v1::FaultMatch::MP;
  occasion.method = std::move(method);
  occasion.address = address;
  occasion.now = site.clock.now();
  return occasion;
}

Occasion occasion_of(const CcmServer& server, const wire::Topic& topic) {
  Occasion occasion = occasion_at(server.site, server.method, server.peer);
  occasion.route = topic.route;
  occasion.client = topic.client;
  occasion.smsid = topic.smsid;
  occasion.package = topic.package;
  occasion.version = topic.version;
  if (occasion.client.empty()) occasion.client = server.site.activity->client_at(server.peer);
  return occasion;
}

// A body is asked for without a name: whose address it is counts.
Occasion body_occasion(const Site& site, const PolicySet& policies, size_t place, std::string method,
                       const std::string& address) {
  Occasion occasion = occasion_at(site, std::move(method), address);
  occasion.route = "policy_body";
  occasion.client = site.activity->client_at(address);
  occasion.file = policies.policy(place).id;
  if (const v1::Package* package = policies.package_of(place); package != nullptr) {
    occasion.package = package->id();
    occasion.version = package->source_version();
  }
  return occasion;
}

// Carries the hits out in order; those that changed nothing are given back.
template <class Apply>
RuleIds carry_out(const Site& site, const std::vector<Hit>& hits, const Occasion& occasion, Apply apply) {
  RuleIds done;
  for (const Hit& hit : hits) {
    if (apply(*hit.rule)) {
      done.push_back(hit.rule->id());
    } else {
      site.rules->give_back(hit, occasion);
    }
  }
  return done;
}

// The body that this client will get when it asks next.
std::optional<Policy> next_body(const CcmServer& server, const PolicySet& policies, size_t place) {
  const Site& site = server.site;
  const auto hits = site.rules->next(Rule::kPolicyBody, body_occasion(site, policies, place, "GET", server.peer));
  PolicyChange change;
  bool changed = false;
  for (const Hit& hit : hits) changed = spoil_policy(site, policies, place, *hit.rule, &change) || changed;
  return changed ? std::optional<Policy>(policies.changed(place, change)) : std::nullopt;
}

// ---- assignments
bool is_about(const Rule& rule, const v1::PolicyAssignment& assignment) {
  const std::string& wanted = rule.assignments().policy();
  return wanted.empty() || fault::glob_matches(wanted, assignment.policy().policy_id());
}

// Another set of policies than the site's, so another cookie: who has it is told when the settings are there again.
bool leave_out_settings(LabTime cookie, v1::ReplyAssignments* reply) {
  auto* all = reply->mutable_assignments();
  const auto settings = std::ranges::find_if(
      *all, [](const v1::PolicyAssignment& one) { return iequals(one.policy().policy_id(), kSettingsPolicyId); });
  if (settings == all->end()) return false;
  all->erase(settings);
  reply->set_server_cookie(format_cookie(cookie - LabDuration(1)));
  return true;
}

bool repeat_each(const Rule& rule, v1::ReplyAssignments* reply) {
  v1::ReplyAssignments twice;
  for (const auto& one : reply->assignments()) {
    *twice.add_assignments() = one;
    if (is_about(rule, one)) *twice.add_assignments() = one;
  }
  const bool changed = twice.assignments_size() != reply->assignments_size();
  reply->mutable_assignments()->Swap(twice.mutable_assignments());
  return changed;
}

bool give_wrong_hashes(uint64_t seed, const Rule& rule, v1::ReplyAssignments* reply) {
  bool changed = false;
  for (auto& one : *reply->mutable_assignments()) {
    if (!is_about(rule, one)) continue;
    v1::PolicyLocation& location = *one.mutable_policy()->mutable_policy_location();
    spoil_hashes(seed, rule, one.policy().policy_id(), location.mutable_policy_hash(),
                 location.mutable_policy_hash_ex());
    changed = true;
  }
  return changed;
}

bool sign_wrongly(uint64_t seed, const Rule& rule, v1::ReplyAssignments* reply) {
  bool changed = false;
  for (const auto& one : reply->assignments()) {
    if (!is_about(rule, one)) continue;
    v1::AssignmentSignature& signature = *reply->mutable_signature()->add_references();
    signature.set_policy_assignment_id(one.policy_assignment_id());
    signature.mutable_algorithm()->set_alg_id(kSha256Id);
    signature.mutable_algorithm()->set_oid(kSha256WithRsa);
    signature.set_value(fault::wrong_hex(seed, rule, one.policy_assignment_id(), std::string(kSignatureDigits, '0')));
    changed = true;
  }
  return changed;
}

// False: there is nothing to change. EMPTY is the caller's.
bool change_assignments(const Site& site, LabTime cookie, const Rule& rule, v1::ReplyAssignments* reply) {
  const v1::Assignments& effect = rule.assignments();
  const uint64_t seed = site.rules->seed();
  switch (effect.how()) {
    case v1::Assignments::NO_SETTINGS: return leave_out_settings(cookie, reply);
    case v1::Assignments::DUPLICATE: return repeat_each(rule, reply);
    case v1::Assignments::REORDERED:
      std::ranges::reverse(*reply->mutable_assignments());
      return reply->assignments_size() > 1;
    case v1::Assignments::WRONG_HASH: return give_wrong_hashes(seed, rule, reply);
    case v1::Assignments::WRONG_SIGNATURE: return sign_wrongly(seed, rule, reply);
    case v1::Assignments::COOKIE_SKEW:
      reply->set_server_cookie(format_cookie(cookie + LabDuration(effect.by())));
      return true;
    default: return false;
  }
}

// ---- locations
bool is_dead(const v1::Locations& effect, const OfferedDp& one) {
  return effect.dp().empty() || iequals(effect.dp(), one.dp.name);
}

bool point_nowhere(const CcmServer& server, const v1::Locations& effect, Offer* offer) {
  bool changed = false;
  for (OfferedDp& one : offer->dps) {
    if (!is_dead(effect, one)) continue;
    const std::string host = host_of_url(reachable_url(one.dp.url, server.reached_at));
    one.dp.url = "http://" + (effect.at().empty() ? format_host_port({host, kDeadPort}) : effect.at());
    changed = true;
  }
  return changed;
}
}  // namespace

std::optional<wire::Reply> refusal(const CcmServer& server, const wire::Topic& topic, RuleIds* rules) {
  const auto hits = server.site.rules->hits(Rule::kRefuse, occasion_of(server, topic));
  if (hits.empty()) return std::nullopt;
  for (const Hit& hit : hits) rules->push_back(hit.rule->id());
  const uint32_t code = hits.back().rule->refuse().code();
  wire::Reply reply;
  if (code == 0) return reply;
  reply.status = static_cast<int>(code);
  if (auto page = fault::page_of(std::to_string(code))) {
    reply.set("Content-Type", "text/html");
    reply.body = wire::Body(*std::move(page));
  }
  return reply;
}

std::optional<CcmAnswer> say_assignments(const CcmServer& server, const ccm::Envelope& message,
                                         const PolicySet& policies, const PolicySet::Which& which,
                                         const std::string& client_id) {
  const Site& site = server.site;
  std::map<size_t, Policy> bodies;
  const auto look_at = [&](size_t place) {
    if (auto body = next_body(server, policies, place)) bodies.emplace(place, *std::move(body));
  };
  if (policies.has_settings()) look_at(0);
  for (const uint32_t n : which) look_at(n + 1);

  const Occasion occasion = occasion_of(server, topic_of(message));
  const auto hits = site.rules->hits(Rule::kAssignments, occasion);
  if (hits.empty() && bodies.empty()) return std::nullopt;
  v1::ReplyAssignments reply = policies.reply(which, client_id, bodies);
  bool empty = false;
  CcmAnswer answer;
  answer.rules = carry_out(site, hits, occasion, [&](const Rule& rule) {
    if (empty) return false;
    empty = rule.assignments().how() == v1::Assignments::EMPTY;
    return empty || change_assignments(site, policies.time(), rule, &reply);
  });
  if (!empty) answer.xml = codec::to_xml(reply);
  return answer;
}

std::optional<Policy> say_policy(const Site& site, const wire::Request& request, const PolicySet& policies,
                                 size_t place, RuleIds* rules) {
  const Occasion occasion = body_occasion(site, policies, place, request.method, request.peer.host);
  PolicyChange change;
  *rules = carry_out(site, site.rules->hits(Rule::kPolicyBody, occasion), occasion,
                     [&](const Rule& rule) { return spoil_policy(site, policies, place, rule, &change); });
  return rules->empty() ? std::nullopt : std::optional<Policy>(policies.changed(place, change));
}

RuleIds change_offer(const CcmServer& server, const ccm::Envelope& message, const v1::Package& package,
                     uint64_t version, const ClientPlace& place, Offer* offer) {
  wire::Topic topic = topic_of(message);
  topic.package = package.id();
  topic.version = static_cast<uint32_t>(version);
  const Occasion occasion = occasion_of(server, topic);
  return carry_out(server.site, server.site.rules->hits(Rule::kLocations, occasion), occasion,
                   [&](const Rule& rule) -> bool {
                     const v1::Locations& effect = rule.locations();
                     switch (effect.how()) {
                       case v1::Locations::EMPTY: {
                         const bool changed = !offer->dps.empty();
                         *offer = {};
                         return changed;
                       }
                       case v1::Locations::DEAD_DP: return point_nowhere(server, effect, offer);
                       case v1::Locations::WRONG_VERSION: {
                         auto stale = stale_dps(server, package, version, place);
                         if (stale.empty()) return false;
                         offer->dps = std::move(stale);
                         return true;
                       }
                       case v1::Locations::REORDERED: std::ranges::reverse(offer->dps); return offer->dps.size() > 1;
                       case v1::Locations::NO_HASH: return std::exchange(offer->with_hash, false);
                       default: return false;
                     }
                   });
}

std::optional<v1::Client::Approval> say_approval(const CcmServer& server, const ccm::Envelope& message,
                                                 RuleIds* rules) {
  const auto hits = server.site.rules->hits(Rule::kRegistration, occasion_of(server, topic_of(message)));
  if (hits.empty()) return std::nullopt;
  for (const Hit& hit : hits) rules->push_back(hit.rule->id());
  switch (hits.back().rule->registration().how()) {
    case v1::RegistrationAnswer::PENDING: return v1::Client::PENDING;
    case v1::RegistrationAnswer::RESET: return v1::Client::RESET;
    default: return v1::Client::REJECTED;
  }
}

}  // namespace smslab::mp
