#include "mp/fault_checks.h"

#include <algorithm>

#include "mp/packages.h"
#include "mp/saying_rules.h"
#include "proto/base/digest.h"
#include "proto/base/hex.h"
#include "proto/base/text.h"
#include "proto/fault/damage.h"
#include "proto/fault/effects.h"
#include "proto/fault/plan.h"
#include "proto/fault/rules.h"
#include "proto/fault/sayings.h"
#include "store/manifest.h"
#include "store/tables.h"

namespace smslab::mp {
namespace {
constexpr uint64_t kMostHead = 4096;  // bytes of a reply's head, with room to spare

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

// The files that a rule may be about.
struct Files {
  bool any = false;
  uint64_t largest = 0;  // bytes

  void add(const v1::Manifest& manifest, const std::string& pattern) {
    const auto fits = [&](const auto& entry) { return pattern.empty() || fault::glob_matches(pattern, entry.path()); };
    any = any || pattern.empty() || std::ranges::any_of(manifest.folders(), fits);
    for (const auto& file : manifest.files()) {
      if (!fits(file)) continue;
      any = true;
      largest = std::max(largest, file.size());
    }
  }
};

// Of positions in a file: one that no file has is never reached.
Status check_positions(const v1::FaultRule& rule, uint64_t largest) {
  const v1::FaultMatch& match = rule.match();
  const auto past = [&](uint64_t position, const std::string& field) {
    return invalid_argument("the largest file that this is about has " + std::to_string(largest) + " bytes, so byte " +
                                std::to_string(position) + " is past the end",
                            field);
  };
  if (match.has_range() && match.range().first() >= largest) return past(match.range().first(), "match.range.first");
  const v1::LimitData& limit = rule.limit_data();
  const uint64_t head = limit.in() == v1::LimitData::STREAM ? kMostHead : 0;
  if (limit.bytes() > largest + head) return past(limit.bytes(), "limitData.bytes");
  const v1::Corrupt& corrupt = rule.corrupt();
  if (corrupt.has_offset() && corrupt.offset() >= largest) return past(corrupt.offset(), "corrupt.offset");
  if (rule.has_truncate_body_at_fraction() && largest == 0) {
    return invalid_argument("what this is about is empty, and has no first part", "truncateBodyAtFraction");
  }
  return ok_status();
}

// The files of the one package that the rule names, or of all. `match.file` may also be a policy's ID, "{...}".
Status check_files(const store::ReadTxn& txn, const v1::FaultRule& rule) {
  const v1::FaultMatch& match = rule.match();
  const bool of_one_package = !match.package().empty();
  const bool of_files = iequals(match.route(), "content") ||
                        (match.route().empty() && !match.file().empty() && !match.file().starts_with('{'));
  if (!of_one_package && (!of_files || fault::is_glob(match.file()))) return ok_status();
  Files files;
  std::string where = "a package";
  if (of_one_package) {
    uint32_t version = match.version();
    if (version == 0) {
      ASSIGN_OR_RETURN(const v1::Package package, store::kPackages.get(txn, {match.package()}));
      version = package.source_version();
    }
    where = match.package() + "." + std::to_string(version);
    const auto manifest = store::load_manifest(txn, match.package(), version);
    if (!manifest.ok()) {
      return not_found("package " + match.package() + " has no version " + std::to_string(version), "match.version");
    }
    files.add(*manifest, match.file());
  } else {
    RETURN_IF_ERROR(store::kManifests.each(txn, {}, [&](const store::Key&, const v1::Manifest& manifest) {
      files.add(manifest, match.file());
      return true;
    }));
  }
  if (!files.any) return not_found("no file of " + where + " fits '" + match.file() + "'", "match.file");
  return of_files ? check_positions(rule, files.largest) : ok_status();
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

// The request as a rule, with names as the site spells them.
Result<v1::FaultRule> spelled_rule(const Site& site, const DpDirectory& dps, const store::ReadTxn& txn,
                                   const v1::FaultRule& request) {
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
    if (dp->remote && !fault::at_rest(rule)) {
      return failed_precondition(dp->name + " runs in a process of its own, where only damage at rest can be done; " +
                                     "one of `smslab serve` takes every fault",
                                 "match.dp");
    }
  } else if (fault::at_rest(rule)) {
    return invalid_argument("damage at rest lies on one distribution point: name it", "match.dp");
  }
  if (!match.client().empty()) RETURN_IF_ERROR(check_client(txn, match.client()));
  RETURN_IF_ERROR(check_certificate(site, rule));
  RETURN_IF_ERROR(check_address(site, rule));
  if (match.package().empty()) {
    if (!fault::at_rest(rule)) return rule;
    return invalid_argument("damage at rest lies in one package: name it", "match.package");
  }
  ASSIGN_OR_RETURN(const v1::Package package, get_package(txn, match.package(), "match.package"));
  match.set_package(package.id());
  return rule;
}
}  // namespace

Result<v1::FaultRule> checked_rule(const Site& site, const DpDirectory& dps, const store::ReadTxn& txn,
                                   const v1::FaultRule& request, bool read) {
  ASSIGN_OR_RETURN(v1::FaultRule rule, spelled_rule(site, dps, txn, request));
  if (!read) return rule;
  // Of damage at rest the DP says what it has not; of what the management point says, its own check.
  if (!fault::at_rest(rule) && fault::saying_of(rule) == nullptr) RETURN_IF_ERROR(check_files(txn, rule));
  RETURN_IF_ERROR(check_saying(site, dps, txn, rule));
  return rule;
}

}  // namespace smslab::mp
