#include "mp/saying_rules.h"

#include "mp/policy_body.h"
#include "mp/spoilt_policy.h"
#include "proto/base/text.h"
#include "proto/fault/plan.h"
#include "proto/fault/sayings.h"
#include "store/tables.h"

namespace smslab::mp {
namespace {
using Rule = v1::FaultRule;

constexpr int kMostForetold = 100;  // policies

// Whether the rule is about this policy, for a client that it is about.
bool concerns(const Rule& rule, const PolicySet& policies, size_t place) {
  const std::string& id = policies.policy(place).id;
  if (rule.has_assignments()) {
    const std::string& wanted = rule.assignments().policy();
    return rule.assignments().how() == v1::Assignments::WRONG_HASH &&
           (wanted.empty() || fault::glob_matches(wanted, id));
  }
  if (!rule.has_policy_body()) return false;
  const v1::FaultMatch& match = rule.match();
  if (!match.file().empty() && !fault::glob_matches(match.file(), id)) return false;
  const v1::Package* package = policies.package_of(place);
  if (match.package().empty() && match.version() == 0) return true;
  return package != nullptr && (match.package().empty() || iequals(match.package(), package->id())) &&
         (match.version() == 0 || match.version() == package->source_version());
}

std::optional<v1::ForetoldPolicy> foretell_policy(const Site& site, const PolicySet& policies, size_t place,
                                                  const Rule& rule) {
  v1::ForetoldPolicy out;
  out.set_id(policies.policy(place).id);
  if (rule.has_assignments()) {
    const Policy& policy = policies.policy(place);
    out.set_policy_hash(policy.md5);
    out.set_policy_hash_ex(policy.sha1);
    spoil_hashes(site.rules->seed(), rule, policy.id, out.mutable_policy_hash(), out.mutable_policy_hash_ex());
    return out;
  }
  PolicyChange change;
  if (!spoil_policy(site, policies, place, rule, &change)) return std::nullopt;
  const Policy policy = policies.changed(place, change);
  out.set_policy_hash(policy.md5);
  out.set_policy_hash_ex(policy.sha1);
  if (change.package) {
    out.set_package_hash(told_package_hash(site.profile, *change.package));
    out.set_package_version(std::to_string(change.package->source_version()));
  }
  return out;
}

}  // namespace

std::string content_of(const Site& site, const Rule& rule) {
  if (rule.match().package().empty()) return {};
  auto package = store::kPackages.get(site.store.read(), {rule.match().package()});
  if (!package.ok()) return {};
  if (rule.has_policy_body() && about_package(rule)) spoil_package(site.rules->seed(), rule, &*package);
  const uint32_t version =
      rule.has_locations() && rule.match().version() != 0 ? rule.match().version() : package->source_version();
  return package->id() + "." + std::to_string(version);
}

Status check_saying(const Site& site, const DpDirectory& dps, const store::ReadTxn& txn, const Rule& rule) {
  if (rule.has_locations()) {
    const v1::Locations& effect = rule.locations();
    if (!effect.dp().empty() && dps.find(effect.dp()) == nullptr) {
      return not_found("the site has no distribution point '" + effect.dp() + "'", "locations.dp");
    }
    if (effect.how() == v1::Locations::NO_HASH && !site.profile.location_hashes) {
      return failed_precondition("in profile " + std::string(site.profile.name) + " locations have no hash anyway",
                                 "locations.how");
    }
  }
  if (rule.has_registration() && !site.profile.registration_needed) {
    return failed_precondition("in profile " + std::string(site.profile.name) + " nobody has to register",
                               "registration");
  }
  if (rule.has_policy_body() && about_package(rule)) {
    const std::string& id = rule.match().package();
    if (id.empty()) return ok_status();
    ASSIGN_OR_RETURN(v1::Package package, store::kPackages.get(txn, {id}));
    if (package.source_version() == 0) {
      return failed_precondition("package " + id + " has no content, so neither hash nor version", "match.package");
    }
    if (!spoil_package(site.rules->seed(), rule, &package)) {
      return invalid_argument("there is no version before the first", "policyBody.by");
    }
  }
  return ok_status();
}

Result<v1::Foretold> foretell_saying(const Site& site, const Rule& rule) {
  v1::Foretold foretold;
  const fault::Saying* saying = fault::saying_of(rule);
  if (saying == nullptr) return foretold;
  const bool silent = rule.has_refuse() && rule.refuse().code() == 0;
  const auto trouble = silent ? fault::Trouble::kNoReply : saying->trouble;
  if (trouble != fault::Trouble::kNone) {
    *foretold.mutable_client() = fault::symptom_of(trouble, content_of(site, rule));
  }
  ASSIGN_OR_RETURN(const auto policies, site.policies->current(site, site.store.read()));
  for (size_t place = policies->has_settings() ? 0 : 1; place < policies->size(); place++) {
    if (foretold.policies_size() == kMostForetold) break;
    if (!concerns(rule, *policies, place)) continue;
    if (auto told = foretell_policy(site, *policies, place, rule)) *foretold.add_policies() = *std::move(told);
  }
  return foretold;
}

}  // namespace smslab::mp
