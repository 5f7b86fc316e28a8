#include "mp/faults.h"

#include <google/protobuf/util/message_differencer.h>

#include <chrono>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "mp/commit.h"
#include "mp/dp_link.h"
#include "mp/fault_checks.h"
#include "mp/fault_foresight.h"
#include "mp/site_record.h"
#include "mp/store_faults.h"
#include "proto/base/text.h"
#include "proto/base/time_text.h"
#include "proto/fault/damage.h"
#include "proto/schema/timestamp.h"
#include "store/tables.h"

namespace smslab::mp {
namespace {
using fault::at_rest;
using google::protobuf::util::MessageDifferencer;

// Damage is foretold by reading the whole file on the DP.
constexpr std::chrono::minutes kDamagePatience{10};
constexpr std::chrono::seconds kUnfinishedPatience{5};  // at the start, which others wait for

Result<store::Key> fault_key(const std::string& id) {
  const auto number = parse_u64(id);
  if (!number || *number == 0) return invalid_argument("'" + id + "' is not the number of a fault", "id");
  return store::Key{store::number_key(*number)};
}

// A window that is past never opens, unless somebody sets the clock back. Scenarios may have such rules: they say what
// was in force, at whatever time.
Status check_window(const v1::FaultRule& rule, LabTime now) {
  if (!rule.when().has_until() || from_timestamp(rule.when().until()) > now) return ok_status();
  return invalid_argument("that is past: the lab's clock says " + format_rfc3339(now), "when.until");
}

// What one rule's coming or going makes of the others in its package.
Status foretell_anew(store::WriteTxn& txn, const Site& site,
                     const google::protobuf::RepeatedPtrField<v1::LiveDamage>& live) {
  for (const auto& damage : live) {
    ASSIGN_OR_RETURN(const store::Key key, fault_key(damage.rule_id()));
    auto rule = store::kFaults.get(txn, key);
    if (rule.status().code() == Code::kNotFound) continue;  // taken back at the same time
    RETURN_IF_ERROR(rule.status());
    *rule->mutable_foretold() = with_symptom(site, *rule, damage.foretold());
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
Status take_back(Site& site, const DpDirectory& dps, const v1::FaultRule& rule,
                 std::chrono::milliseconds patience = kDamagePatience) {
  ASSIGN_OR_RETURN(const store::Key key, fault_key(rule.id()));
  if (!at_rest(rule) || rule.waiting()) {
    RETURN_IF_ERROR(site.store.commit([&](store::WriteTxn& txn) { return store::kFaults.erase(txn, key); }));
    site.rules->take(rule.id());
    return ok_status();
  }
  v1::DamageRemovalReply left;
  if (const auto dp = dps.find(rule.match().dp()); dp != nullptr) {
    ASSIGN_OR_RETURN(left, DpLink(*dp, patience).lift_damage(rule.id()));
  }
  return site.store.commit([&](store::WriteTxn& txn) -> Status {
    RETURN_IF_ERROR(foretell_anew(txn, site, left.live()));
    return store::kFaults.erase(txn, key);
  });
}

Result<v1::DamageReply> place_damage(const Site& site, const DpDirectory& dps, const v1::FaultRule& rule) {
  const auto dp = dps.find(rule.match().dp());
  if (dp == nullptr) return not_found("the site has lost distribution point " + rule.match().dp(), "match.dp");
  v1::DamageRequest order;
  order.set_rule_id(rule.id());
  *order.mutable_match() = rule.match();
  *order.mutable_corrupt() = rule.corrupt();
  order.set_seed(site.random.seed());
  return DpLink(*dp, kDamagePatience).damage(order);
}

// What the DP says of the damage that it has done. kNotFound: the rule was taken back meanwhile.
Result<v1::FaultRule> record_damage(Site& site, const std::string& id, const v1::DamageReply& damaged) {
  return commit_result(site, [&](store::WriteTxn& txn) -> Result<v1::FaultRule> {
    ASSIGN_OR_RETURN(const store::Key key, fault_key(id));
    RETURN_IF_ERROR(foretell_anew(txn, site, damaged.live()));
    ASSIGN_OR_RETURN(v1::FaultRule now, store::kFaults.get(txn, key));  // healed meanwhile, maybe
    *now.mutable_foretold() = with_symptom(site, now, damaged.foretold());
    now.mutable_match()->set_version(damaged.version());
    now.mutable_match()->set_file(damaged.damage().path());
    now.clear_waiting();
    RETURN_IF_ERROR(store::kFaults.put(txn, key, now));
    return now;
  });
}

Result<v1::FaultRule> do_damage(Site& site, const DpDirectory& dps, const v1::FaultRule& rule) {
  ASSIGN_OR_RETURN(const v1::DamageReply damaged, place_damage(site, dps, rule));
  auto recorded = record_damage(site, rule.id(), damaged);
  if (recorded.status().code() != Code::kNotFound) return recorded;
  RETURN_IF_ERROR(take_back(site, dps, rule));
  return Status(Code::kAborted, "fault " + rule.id() + " was taken back while " + rule.match().dp() + " was at it");
}
}  // namespace

Result<v1::FaultRule> add_fault(Site& site, const DpDirectory& dps, const v1::FaultRule& request) {
  ASSIGN_OR_RETURN(const v1::FaultRule checked, checked_rule(site, dps, site.store.read(), request, true));
  RETURN_IF_ERROR(check_window(checked, site.clock.now()));
  ASSIGN_OR_RETURN(v1::FaultRule rule, commit_result(site, [&](store::WriteTxn& txn) -> Result<v1::FaultRule> {
                     v1::FaultRule recorded = checked;
                     ASSIGN_OR_RETURN(const uint64_t id, next_rule_id(txn));
                     recorded.set_id(std::to_string(id));
                     *recorded.mutable_created() = to_timestamp(site.clock.now());
                     if (!at_rest(recorded)) {
                       ASSIGN_OR_RETURN(const auto foretold, foretell(site, recorded));
                       if (foretold) *recorded.mutable_foretold() = *foretold;
                     }
                     RETURN_IF_ERROR(store::kFaults.put(txn, {store::number_key(id)}, recorded));
                     return recorded;
                   }));
  if (!at_rest(rule)) {
    site.rules->put(rule);
    return rule;
  }

  auto damaged = do_damage(site, dps, rule);
  if (!damaged.ok()) {
    // Whether a DP that did not answer carried it out is not known: it must say that it has not.
    const Status undone =
        damaged.status().code() == Code::kUnavailable ? take_back(site, dps, rule) : forget_rule(site, rule.id());
    if (undone.ok()) return damaged.status();
    return Status(damaged.status().code(), damaged.status().message() + "; fault " + rule.id() +
                                               " stays listed: delete it when " + rule.match().dp() + " answers again");
  }
  return damaged;
}

Status record_scenario_fault(store::WriteTxn& txn, Site& site, const DpDirectory& dps, const v1::FaultRule& request,
                             bool read) {
  ASSIGN_OR_RETURN(v1::FaultRule rule, checked_rule(site, dps, txn, request, read));
  ASSIGN_OR_RETURN(const uint64_t id, next_rule_id(txn));
  rule.set_id(std::to_string(id));
  *rule.mutable_created() = to_timestamp(site.clock.now());
  if (at_rest(rule)) {
    rule.set_waiting(true);
  } else {
    if (read && !rule.has_corrupt()) RETURN_IF_ERROR(foretell_store_fault(site, txn, rule).status());
    txn.after_commit([rules = site.rules, rule] { rules->put(rule); });
  }
  return store::kFaults.put(txn, {store::number_key(id)}, rule);
}

Status foretell_recorded(Site& site) {
  ASSIGN_OR_RETURN(const v1::FaultList list, list_faults(site));
  for (const auto& rule : list.faults()) {
    if (at_rest(rule) || rule.has_foretold()) continue;
    ASSIGN_OR_RETURN(const auto foretold, foretell(site, rule));
    if (!foretold) continue;
    const Status recorded = site.store.commit([&](store::WriteTxn& txn) -> Status {
      ASSIGN_OR_RETURN(const store::Key key, fault_key(rule.id()));
      auto now = store::kFaults.get(txn, key);
      if (now.status().code() == Code::kNotFound) return ok_status();  // taken back meanwhile
      RETURN_IF_ERROR(now.status());
      *now->mutable_foretold() = *foretold;
      return store::kFaults.put(txn, key, *now);
    });
    RETURN_IF_ERROR(recorded);
  }
  return ok_status();
}

Status do_waiting_damage(Site& site, const DpDirectory& dps, const std::string& package, const std::string& dp) {
  ASSIGN_OR_RETURN(const v1::FaultList list, list_faults(site));
  for (const auto& rule : list.faults()) {
    const bool here = rule.waiting() && rule.match().package() == package && rule.match().dp() == dp;
    if (!here) continue;
    const Status done = do_damage(site, dps, rule).status();
    if (done.code() != Code::kAborted) RETURN_IF_ERROR(done.prefixed("fault " + rule.id()));
  }
  return ok_status();
}

Result<v1::FaultRule> show_fault(const Site& site, const std::string& id) {
  ASSIGN_OR_RETURN(const store::Key key, fault_key(id));
  auto rule = store::kFaults.get(site.store.read(), key);
  if (rule.status().code() == Code::kNotFound) return not_found("there is no fault " + id, "id");
  if (rule.ok()) *rule->mutable_counts() = site.rules->counts(rule->id());
  return rule;
}

Result<v1::FaultList> list_faults(const Site& site) {
  v1::FaultList list;
  RETURN_IF_ERROR(store::kFaults.each(site.store.read(), {}, [&](const store::Key&, const v1::FaultRule& rule) {
    *list.add_faults() = rule;
    *list.mutable_faults()->rbegin()->mutable_counts() = site.rules->counts(rule.id());
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
  Status first;
  for (const auto& rule : list.faults()) {
    const Status gone = take_back(site, dps, rule);
    if (first.ok() && !gone.ok()) first = gone.prefixed("fault " + rule.id());
  }
  return first;
}

Status put_rules_in_force(const Site& site) {
  return store::kFaults.each(site.store.read(), {}, [&](const store::Key&, const v1::FaultRule& rule) {
    if (!at_rest(rule) && !rule.healed()) site.rules->put(rule);
    return true;
  });
}

Result<v1::FaultList> unfinished_faults(const Site& site) {
  v1::FaultList unfinished;
  RETURN_IF_ERROR(store::kFaults.each(site.store.read(), {}, [&](const store::Key&, const v1::FaultRule& rule) {
    if (at_rest(rule) && !rule.has_foretold() && !rule.waiting()) *unfinished.add_faults() = rule;
    return true;
  }));
  return unfinished;
}

void take_back_unfinished(Site& site, const DpDirectory& dps, const v1::FaultList& unfinished) {
  std::set<std::string> silent;
  for (const auto& rule : unfinished.faults()) {
    if (silent.contains(rule.match().dp())) continue;
    // Somebody else may have taken it back, and a reset given its number to another.
    const auto now = store::kFaults.get(site.store.read(), *fault_key(rule.id()));
    if (!now.ok() || !MessageDifferencer::Equals(*now, rule)) continue;
    const Status done = take_back(site, dps, rule, kUnfinishedPatience);
    if (done.ok()) continue;
    if (done.code() == Code::kUnavailable) silent.insert(rule.match().dp());
    site.log.warning("fault " + rule.id() + " was never carried out and cannot be taken back now: " + done.to_string());
  }
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
