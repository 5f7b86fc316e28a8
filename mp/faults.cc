#include "mp/faults.h"

#include <algorithm>
#include <chrono>
#include <optional>
#include <span>
#include <utility>

#include "mp/commit.h"
#include "mp/dp_link.h"
#include "mp/packages.h"
#include "mp/saying_rules.h"
#include "mp/site_record.h"
#include "mp/store_faults.h"
#include "proto/base/digest.h"
#include "proto/base/hex.h"
#include "proto/base/text.h"
#include "proto/fault/damage.h"
#include "proto/fault/effects.h"
#include "proto/fault/oracle.h"
#include "proto/fault/plan.h"
#include "proto/fault/sayings.h"
#include "proto/schema/timestamp.h"
#include "store/manifest.h"
#include "store/tables.h"

namespace smslab::mp {
namespace {
// Damage is foretold by reading the whole file on the DP.
constexpr std::chrono::minutes kDamagePatience{10};

Result<store::Key> fault_key(const std::string& id) {
  const auto number = parse_u64(id);
  if (!number || *number == 0) return invalid_argument("'" + id + "' is not the number of a fault", "id");
  return store::Key{store::number_key(*number)};
}

bool is_pattern(std::string_view file) { return file.find_first_of("*?") != std::string_view::npos; }

// A rule is for what there is: a name nobody has would wait for ever.
Status check_client(const store::ReadTxn& txn, const std::string& name) {
  if (store::kClients.has(txn, {ascii_upper(name)})) return ok_status();
  bool member = false;
  RETURN_IF_ERROR(store::kCollections.each(txn, {}, [&](const store::Key&, const v1::Collection& collection) {
    member = std::ranges::any_of(collection.members(), [&](const std::string& one) { return iequals(one, name); });
    return !member;
  }));
  if (member) return ok_status();
  return not_found("the site knows no client " + name + "; declare it with `smslab client create`", "match.client");
}

// A certificate stands for the client that has it.
Status name_by_certificate(const store::ReadTxn& txn, v1::FaultMatch* match) {
  const std::string wanted = ascii_upper(match->certificate());
  std::string holder;
  RETURN_IF_ERROR(store::kClients.each(txn, {}, [&](const store::Key&, const v1::Client& client) {
    const std::string der = from_hex(client.certificate()).value_or("");
    const bool has =
        !der.empty() && (digest_hex(Algorithm::kSha1, der) == wanted || digest_hex(Algorithm::kSha256, der) == wanted);
    if (has) holder = client.name();
    return !has;
  }));
  if (holder.empty()) {
    return not_found("no client of the site has a certificate of this SHA-1 or SHA-256", "match.certificate");
  }
  if (!match->client().empty() && !iequals(match->client(), holder)) {
    return invalid_argument("it is the certificate of " + holder + ", not of " + match->client(), "match.certificate");
  }
  match->set_certificate(wanted);
  match->set_client(holder);
  return ok_status();
}

// Of positions in a file: one that no file has is never reached. `largest` is the size of the largest that fits.
Status check_positions(const v1::FaultRule& rule, uint64_t largest) {
  const v1::FaultMatch& match = rule.match();
  const bool of_files = iequals(match.route(), "content") || (match.route().empty() && !match.file().empty());
  if (!of_files) return ok_status();
  const auto past = [&](uint64_t position, const std::string& field) {
    return invalid_argument("the largest file that this is about has " + std::to_string(largest) + " bytes, so byte " +
                                std::to_string(position) + " is past the end",
                            field);
  };
  if (match.has_range() && match.range().first() >= largest) return past(match.range().first(), "match.range.first");
  const v1::LimitData& limit = rule.limit_data();
  if (limit.in() == v1::LimitData::BODY && limit.bytes() > largest) return past(limit.bytes(), "limitData.bytes");
  const v1::Corrupt& corrupt = rule.corrupt();
  if (corrupt.has_offset() && corrupt.offset() >= largest) return past(corrupt.offset(), "corrupt.offset");
  return ok_status();
}

Status check_file(const store::ReadTxn& txn, const v1::Package& package, const v1::FaultRule& rule) {
  const v1::FaultMatch& match = rule.match();
  const uint32_t version = match.version() == 0 ? package.source_version() : match.version();
  const auto manifest = store::load_manifest(txn, package.id(), version);
  if (!manifest.ok()) {
    return not_found("package " + package.id() + " has no version " + std::to_string(version), "match.version");
  }
  const auto fits = [&](const auto& entry) {
    return match.file().empty() || fault::glob_matches(match.file(), entry.path());
  };
  uint64_t largest = 0;
  bool there = match.file().empty() || std::ranges::any_of(manifest->folders(), fits);
  for (const auto& file : manifest->files()) {
    if (!fits(file)) continue;
    there = true;
    largest = std::max(largest, file.size());
  }
  if (there) return check_positions(rule, largest);
  return not_found("no file of " + package.id() + "." + std::to_string(version) + " fits '" + match.file() + "'",
                   "match.file");
}

// The flawed certificates are signed by the lab's CA, which clients of another certificate do not trust anyway.
Status check_certificate(const Site& site, const v1::FaultRule& rule) {
  const bool needs_lab_ca = rule.has_cert_expired() || rule.has_cert_not_yet_valid() || rule.has_cert_wrong_host() ||
                            rule.has_cert_bad_chain();
  if (!needs_lab_ca || !site.options.own_certificate) return ok_status();
  return failed_precondition(
      "the lab shows a certificate of yours, and has none that is like it but for this; start it "
      "without --tls-cert",
      rule.GetDescriptor()->FindFieldByNumber(rule.effect_case())->json_name());
}

// A distribution point, and whoever connects, knows a client by its address alone.
Status check_address(const Site& site, const v1::FaultRule& rule) {
  const v1::FaultMatch& match = rule.match();
  const bool by_address = match.role() == v1::FaultMatch::DP || !match.dp().empty() ||
                          fault::effect_of(rule)->stage == fault::Stage::kConnection;
  if (match.client().empty() || !by_address) return ok_status();
  const std::string shared = site.activity->shared_address(ascii_upper(match.client()));
  if (shared.empty()) return ok_status();
  return failed_precondition(match.client() + " asks from " + shared + ", as others do, and cannot be told from them " +
                                 "there; give it an address of its own, or name match.address",
                             "match.client");
}

// The request as a rule, with names as the site spells them. `read`: what is in packages is known.
Result<v1::FaultRule> spelled_rule(const Site& site, const DpDirectory& dps, const store::ReadTxn& txn,
                                   const v1::FaultRule& request, bool read) {
  v1::FaultRule rule = request;
  for (const char* made_here : {"id", "foretold", "created", "healed", "counts", "waiting"}) {
    rule.GetReflection()->ClearField(&rule, rule.GetDescriptor()->FindFieldByName(made_here));
  }
  v1::FaultMatch& match = *rule.mutable_match();
  if (!match.certificate().empty()) RETURN_IF_ERROR(name_by_certificate(txn, &match));
  RETURN_IF_ERROR(fault::check_rule(rule));
  if (!match.dp().empty()) {
    const auto dp = dps.find(match.dp());
    if (dp == nullptr) return not_found("the site has no distribution point '" + match.dp() + "'", "match.dp");
    match.set_dp(dp->name);
    if (dp->remote && !at_rest(rule)) {
      return failed_precondition(dp->name + " runs in a process of its own, where only damage at rest can be done; " +
                                     "one of `smslab serve` takes every fault",
                                 "match.dp");
    }
  } else if (at_rest(rule)) {
    return invalid_argument("damage at rest lies on one distribution point: name it", "match.dp");
  }
  if (!match.client().empty()) RETURN_IF_ERROR(check_client(txn, match.client()));
  RETURN_IF_ERROR(check_certificate(site, rule));
  RETURN_IF_ERROR(check_address(site, rule));
  if (match.package().empty()) {
    if (!at_rest(rule)) return rule;
    return invalid_argument("damage at rest lies in one package: name it", "match.package");
  }
  ASSIGN_OR_RETURN(const v1::Package package, get_package(txn, match.package(), "match.package"));
  match.set_package(package.id());
  if (read && fault::saying_of(rule) == nullptr) RETURN_IF_ERROR(check_file(txn, package, rule));
  return rule;
}

Result<v1::FaultRule> check_rule(const Site& site, const DpDirectory& dps, const store::ReadTxn& txn,
                                 const v1::FaultRule& request, bool read) {
  ASSIGN_OR_RETURN(v1::FaultRule rule, spelled_rule(site, dps, txn, request, read && !at_rest(request)));
  if (read) RETURN_IF_ERROR(check_saying(site, dps, txn, rule));
  return rule;
}

// Of bytes that are wrong in the reply of one file of one DP, as of damage at rest.
Result<v1::Foretold> foretell_corruption(const Site& site, const v1::FaultRule& rule) {
  const v1::FaultMatch& match = rule.match();
  v1::Foretold foretold;
  const bool known =
      !match.dp().empty() && !match.package().empty() && !match.file().empty() && !is_pattern(match.file());
  if (!known) return foretold;
  const store::ReadTxn txn = site.store.read();
  ASSIGN_OR_RETURN(const v1::Package package, store::kPackages.get(txn, {match.package()}));
  const uint32_t version = match.version() == 0 ? package.source_version() : match.version();
  ASSIGN_OR_RETURN(v1::Manifest manifest, store::load_manifest(txn, package.id(), version));
  const auto file = std::ranges::find_if(*manifest.mutable_files(), [&](const v1::FileEntry& one) {
    return fault::glob_matches(match.file(), one.path());
  });
  ASSIGN_OR_RETURN(const auto content, site.store.blobs().open(file->hash().sha256()));
  ASSIGN_OR_RETURN(const v1::FileDamage damage,
                   fault::plan_damage(rule.corrupt(), {site.random.seed(), rule.id(), match.dp(), package.id()}, *file,
                                      [&](uint64_t offset, std::span<char> into) -> Status {
                                        ASSIGN_OR_RETURN(const size_t got, content->pread(offset, into));
                                        if (got == into.size()) return ok_status();
                                        return Status(Code::kDataLoss, "the stored bytes are too few");
                                      }));
  *file->mutable_hash() = damage.hash();
  *foretold.mutable_file() = damage.hash();
  *foretold.mutable_package() = store::package_hash(manifest);
  foretold.set_first_wrong_offset(damage.extents(0).offset());
  return foretold;
}

// What clients will see: what follows from the rule alone, and what the site's records add. Absent when that is
// nothing.
Result<std::optional<v1::Foretold>> foretell(const Site& site, const v1::FaultRule& rule) {
  v1::Foretold foretold = fault::foretell_effect(rule, content_of(site, rule));
  const auto add = [&](const v1::Foretold& more) {
    if (more.has_client()) foretold.clear_client();
    foretold.MergeFrom(more);
  };
  if (fault::saying_of(rule) != nullptr) {
    ASSIGN_OR_RETURN(const v1::Foretold said, foretell_saying(site, rule));
    add(said);
  } else if (rule.has_corrupt()) {
    ASSIGN_OR_RETURN(const v1::Foretold corrupted, foretell_corruption(site, rule));
    add(corrupted);
  } else {
    ASSIGN_OR_RETURN(const auto stored, foretell_store_fault(site, site.store.read(), rule));
    if (stored) add(*stored);
  }
  return foretold.ByteSizeLong() == 0 ? std::nullopt : std::optional(std::move(foretold));
}

// Damage at rest is foretold by the DP that has it, but for what the client makes of it.
v1::Foretold with_symptom(const Site& site, const v1::FaultRule& rule, v1::Foretold foretold) {
  const v1::Foretold told = fault::foretell_effect(rule, content_of(site, rule));
  if (told.has_client()) *foretold.mutable_client() = told.client();
  return foretold;
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
Status take_back(Site& site, const DpDirectory& dps, const v1::FaultRule& rule) {
  ASSIGN_OR_RETURN(const store::Key key, fault_key(rule.id()));
  if (!at_rest(rule) || rule.waiting()) {
    RETURN_IF_ERROR(site.store.commit([&](store::WriteTxn& txn) { return store::kFaults.erase(txn, key); }));
    site.rules->take(rule.id());
    return ok_status();
  }
  v1::DamageRemovalReply left;
  if (const auto dp = dps.find(rule.match().dp()); dp != nullptr) {
    ASSIGN_OR_RETURN(left, DpLink(*dp, kDamagePatience).lift_damage(rule.id()));
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

// What the DP says of the damage that it has done.
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
}  // namespace

bool at_rest(const v1::FaultRule& rule) { return rule.has_corrupt() && rule.corrupt().where() == v1::Corrupt::STORE; }

Result<v1::FaultRule> add_fault(Site& site, const DpDirectory& dps, const v1::FaultRule& request) {
  ASSIGN_OR_RETURN(const v1::FaultRule checked, check_rule(site, dps, site.store.read(), request, true));
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

  const auto damaged = place_damage(site, dps, rule);
  if (!damaged.ok()) {
    // Whether a DP that did not answer carried it out is not known: it must say that it has not.
    const Status undone =
        damaged.status().code() == Code::kUnavailable ? take_back(site, dps, rule) : forget_rule(site, rule.id());
    if (undone.ok()) return damaged.status();
    return Status(damaged.status().code(), damaged.status().message() + "; fault " + rule.id() +
                                               " stays listed: delete it when " + rule.match().dp() + " answers again");
  }
  return record_damage(site, rule.id(), *damaged);
}

Status record_scenario_fault(store::WriteTxn& txn, Site& site, const DpDirectory& dps, const v1::FaultRule& request,
                             bool read) {
  ASSIGN_OR_RETURN(v1::FaultRule rule, check_rule(site, dps, txn, request, read));
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
    const auto damaged = place_damage(site, dps, rule);
    RETURN_IF_ERROR(damaged.status().prefixed("fault " + rule.id()));
    RETURN_IF_ERROR(record_damage(site, rule.id(), *damaged).status());
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
  for (const auto& rule : list.faults()) RETURN_IF_ERROR(take_back(site, dps, rule).prefixed("fault " + rule.id()));
  return ok_status();
}

Status put_rules_in_force(const Site& site) {
  return store::kFaults.each(site.store.read(), {}, [&](const store::Key&, const v1::FaultRule& rule) {
    if (!at_rest(rule) && !rule.healed()) site.rules->put(rule);
    return true;
  });
}

Status reconcile_faults(Site& site, const DpDirectory& dps) {
  ASSIGN_OR_RETURN(const v1::FaultList list, list_faults(site));
  for (const auto& rule : list.faults()) {
    if (rule.has_foretold() || rule.waiting() || !at_rest(rule)) continue;
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
