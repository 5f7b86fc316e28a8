#include "mp/faults.h"

#include <chrono>
#include <utility>

#include "mp/commit.h"
#include "mp/dp_link.h"
#include "mp/packages.h"
#include "mp/site_record.h"
#include "proto/base/text.h"
#include "proto/schema/timestamp.h"
#include "store/tables.h"

namespace smslab::mp {
namespace {
// Damage is foretold by reading the whole file on the DP.
constexpr std::chrono::minutes kPatience{10};

Result<store::Key> fault_key(const std::string& id) {
  const auto number = parse_u64(id);
  if (!number || *number == 0) return invalid_argument("'" + id + "' is not the number of a fault", "id");
  return store::Key{store::number_key(*number)};
}

Result<v1::FaultRule> check_rule(const Site& site, const DpDirectory& dps, const v1::FaultRule& request) {
  v1::FaultRule rule;
  *rule.mutable_match() = request.match();
  if (request.effect_case() == v1::FaultRule::EFFECT_NOT_SET) {
    return invalid_argument("a fault needs exactly one effect, as \"corrupt\": {}", "corrupt");
  }
  *rule.mutable_corrupt() = request.corrupt();
  if (rule.match().dp().empty()) {
    return invalid_argument("damage at rest lies on one distribution point: name it", "match.dp");
  }
  const auto dp = dps.find(rule.match().dp());
  if (dp == nullptr) return not_found("the site has no distribution point '" + rule.match().dp() + "'", "match.dp");
  rule.mutable_match()->set_dp(dp->name);
  if (rule.match().package().empty()) {
    return invalid_argument("damage at rest lies in one package: name it", "match.package");
  }
  ASSIGN_OR_RETURN(const v1::Package package, get_package(site.store.read(), rule.match().package(), "match.package"));
  rule.mutable_match()->set_package(package.id());
  return rule;
}

// What one rule's coming or going makes of the others in its package.
Status foretell_anew(store::WriteTxn& txn, const google::protobuf::RepeatedPtrField<v1::LiveDamage>& live) {
  for (const auto& damage : live) {
    ASSIGN_OR_RETURN(const store::Key key, fault_key(damage.rule_id()));
    auto rule = store::kFaults.get(txn, key);
    if (rule.status().code() == Code::kNotFound) continue;  // taken back at the same time
    RETURN_IF_ERROR(rule.status());
    *rule->mutable_foretold() = damage.foretold();
    RETURN_IF_ERROR(store::kFaults.put(txn, key, *rule));
  }
  return ok_status();
}

// A rule that never came into being: its number is the next one's again, if it was the last.
Status forget_rule(Site& site, const std::string& id) {
  ASSIGN_OR_RETURN(const store::Key key, fault_key(id));
  return site.store.commit([&](store::WriteTxn& txn) -> Status {
    RETURN_IF_ERROR(store::kFaults.erase(txn, key));
    return give_back_rule_id(txn, *parse_u64(id));
  });
}

// The DP forgets the rule, then the site. A DP that the lab no longer has took its damage along.
Status take_back(Site& site, const DpDirectory& dps, const v1::FaultRule& rule) {
  ASSIGN_OR_RETURN(const store::Key key, fault_key(rule.id()));
  v1::DamageRemovalReply left;
  if (const auto dp = dps.find(rule.match().dp()); dp != nullptr) {
    ASSIGN_OR_RETURN(left, DpLink(*dp, kPatience).lift_damage(rule.id()));
  }
  return site.store.commit([&](store::WriteTxn& txn) -> Status {
    RETURN_IF_ERROR(foretell_anew(txn, left.live()));
    return store::kFaults.erase(txn, key);
  });
}

Result<v1::DamageReply> place_damage(const DpDirectory& dps, const v1::DamageRequest& order) {
  const auto dp = dps.find(order.match().dp());
  if (dp == nullptr) return not_found("the site has lost distribution point " + order.match().dp(), "match.dp");
  return DpLink(*dp, kPatience).damage(order);
}
}  // namespace

Result<v1::FaultRule> add_fault(Site& site, const DpDirectory& dps, const v1::FaultRule& request) {
  ASSIGN_OR_RETURN(const v1::FaultRule checked, check_rule(site, dps, request));
  ASSIGN_OR_RETURN(v1::FaultRule rule, commit_result(site, [&](store::WriteTxn& txn) -> Result<v1::FaultRule> {
                     v1::FaultRule recorded = checked;
                     ASSIGN_OR_RETURN(const uint64_t id, next_rule_id(txn));
                     recorded.set_id(std::to_string(id));
                     *recorded.mutable_created() = to_timestamp(site.clock.now());
                     RETURN_IF_ERROR(store::kFaults.put(txn, {store::number_key(id)}, recorded));
                     return recorded;
                   }));

  v1::DamageRequest order;
  order.set_rule_id(rule.id());
  *order.mutable_match() = rule.match();
  *order.mutable_corrupt() = rule.corrupt();
  order.set_seed(site.random.seed());
  const auto damaged = place_damage(dps, order);
  if (!damaged.ok()) {
    // Whether a DP that did not answer carried it out is not known: it must say that it has not.
    const Status undone =
        damaged.status().code() == Code::kUnavailable ? take_back(site, dps, rule) : forget_rule(site, rule.id());
    if (undone.ok()) return damaged.status();
    return Status(damaged.status().code(), damaged.status().message() + "; fault " + rule.id() +
                                               " stays listed: delete it when " + rule.match().dp() + " answers again");
  }
  return commit_result(site, [&](store::WriteTxn& txn) -> Result<v1::FaultRule> {
    ASSIGN_OR_RETURN(const store::Key key, fault_key(rule.id()));
    RETURN_IF_ERROR(foretell_anew(txn, damaged->live()));
    ASSIGN_OR_RETURN(v1::FaultRule now, store::kFaults.get(txn, key));  // healed meanwhile, maybe
    *now.mutable_foretold() = damaged->foretold();
    now.mutable_match()->set_version(damaged->version());
    now.mutable_match()->set_file(damaged->damage().path());
    RETURN_IF_ERROR(store::kFaults.put(txn, key, now));
    return now;
  });
}

Result<v1::FaultRule> show_fault(const Site& site, const std::string& id) {
  ASSIGN_OR_RETURN(const store::Key key, fault_key(id));
  auto rule = store::kFaults.get(site.store.read(), key);
  if (rule.status().code() == Code::kNotFound) return not_found("there is no fault " + id, "id");
  return rule;
}

Result<v1::FaultList> list_faults(const Site& site) {
  v1::FaultList list;
  RETURN_IF_ERROR(store::kFaults.each(site.store.read(), {}, [&](const store::Key&, const v1::FaultRule& rule) {
    *list.add_faults() = rule;
    return true;
  }));
  return list;
}

Status delete_fault(Site& site, const DpDirectory& dps, const std::string& id) {
  ASSIGN_OR_RETURN(const v1::FaultRule rule, show_fault(site, id));
  return take_back(site, dps, rule);
}

Status delete_faults(Site& site, const DpDirectory& dps) {
  ASSIGN_OR_RETURN(const v1::FaultList list, list_faults(site));
  for (const auto& rule : list.faults()) RETURN_IF_ERROR(take_back(site, dps, rule).prefixed("fault " + rule.id()));
  return ok_status();
}

Status reconcile_faults(Site& site, const DpDirectory& dps) {
  ASSIGN_OR_RETURN(const v1::FaultList list, list_faults(site));
  for (const auto& rule : list.faults()) {
    if (rule.has_foretold()) continue;
    if (const Status done = take_back(site, dps, rule); !done.ok()) {
      site.log.warning("fault " + rule.id() +
                       " was never carried out and cannot be taken back now: " + done.to_string());
    }
  }
  return ok_status();
}

Status mark_healed(store::WriteTxn& txn, const std::vector<std::string>& rules) {
  for (const auto& id : rules) {
    ASSIGN_OR_RETURN(const store::Key key, fault_key(id));
    auto rule = store::kFaults.get(txn, key);
    if (rule.status().code() == Code::kNotFound) continue;  // taken back at the same time
    RETURN_IF_ERROR(rule.status());
    rule->set_healed(true);
    RETURN_IF_ERROR(store::kFaults.put(txn, key, *rule));
  }
  return ok_status();
}

}  // namespace smslab::mp
