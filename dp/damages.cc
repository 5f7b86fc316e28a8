#include "dp/damages.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "proto/base/ids.h"
#include "proto/base/random.h"
#include "proto/base/text.h"
#include "proto/fault/damage.h"
#include "store/manifest.h"

namespace smslab::dp {
namespace {

using store::kDamages;
using store::kDpContents;
using store::number_key;
using store::WriteTxn;

// A plan reads a file without holding anything; when the package changed meanwhile it is made again.
constexpr int kAttempts = 5;
Status changed_meanwhile(const std::string& package_id) {
  return {Code::kAborted, "package " + package_id + " changed meanwhile; try again"};
}
template <class Action>
auto retry(Action action) {
  auto done = action();
  const auto code = [](const auto& outcome) {
    if constexpr (requires { outcome.code(); })
      return outcome.code();
    else
      return outcome.status().code();
  };
  for (int attempt = 1; attempt < kAttempts && code(done) == Code::kAborted; attempt++) done = action();
  return done;
}

Result<uint64_t> parse_rule(const std::string& rule_id) {
  const auto rule = parse_u64(rule_id);
  if (!rule || *rule == 0 || rule_id != std::to_string(*rule))
    return invalid_argument("'" + rule_id + "' is not a rule ID", "rule_id");
  return *rule;
}

// The damage of one package, or with an empty prefix all of this DP; in order of package and rule.
Result<std::vector<v1::DamageRecord>> records_of(const store::ReadTxn& txn, const store::Key& prefix) {
  std::vector<v1::DamageRecord> records;
  RETURN_IF_ERROR(kDamages.each(txn, prefix, [&](const store::Key&, const v1::DamageRecord& record) {
    records.push_back(record);
    return true;
  }));
  return records;
}

bool overlap(const v1::FileDamage& a, const v1::FileDamage& b) {
  for (const auto& x : a.extents()) {
    for (const auto& y : b.extents()) {
      if (x.offset() < y.offset() + y.bytes().size() && y.offset() < x.offset() + x.bytes().size()) return true;
    }
  }
  return false;
}

Result<const v1::FileEntry*> choose_file(const Loaded& package, const v1::DamageRequest& request,
                                         const std::string& dp) {
  const v1::FaultMatch& match = request.match();
  if (!match.file().empty()) {
    const store::Node* node = package.tree->find(match.file());
    if (node && !node->folder) return node->file;
    return not_found("no file '" + match.file() + "' in " + package.content.package_id(), "match.file");
  }
  const v1::Corrupt& corrupt = request.corrupt();
  const uint64_t offset = corrupt.has_offset() ? corrupt.offset() : 0;
  const uint64_t length = std::max<uint64_t>(corrupt.has_length() ? corrupt.length() : 1, 1);
  std::vector<const v1::FileEntry*> files;
  for (const auto& file : package.manifest().files()) {
    if (file.size() > offset && file.size() - offset >= length) files.push_back(&file);
  }
  if (files.empty()) {
    return invalid_argument("no file of " + package.content.package_id() + " is long enough for this corruption",
                            corrupt.has_offset()   ? "corrupt.offset"
                            : corrupt.has_length() ? "corrupt.length"
                                                   : "match.package");
  }
  return files[Random(request.seed())
                   .below(files.size(), "corrupt-file", {request.rule_id(), dp, package.content.package_id()})];
}

}  // namespace

Result<v1::DamageReply> Damages::place(const v1::DamageRequest& request) {
  ASSIGN_OR_RETURN(const uint64_t rule, parse_rule(request.rule_id()));
  {
    const MutexLock lock(mu_);
    if (!placing_.emplace(rule, false).second) {
      return already_exists("rule " + request.rule_id() + " is being placed on this distribution point", "rule_id");
    }
  }
  auto placed = retry([&] { return place_once(request, rule); });
  const MutexLock lock(mu_);
  placing_.erase(rule);
  return placed;
}

Result<v1::DamageRemovalReply> Damages::lift(const v1::DamageRemoval& removal) {
  ASSIGN_OR_RETURN(const uint64_t rule, parse_rule(removal.rule_id()));
  bool under_way = false;
  {
    const MutexLock lock(mu_);
    if (const auto found = placing_.find(rule); found != placing_.end()) under_way = found->second = true;
  }
  // Behind a change that may have begun before it could know.
  if (under_way) RETURN_IF_ERROR(store_.commit([](WriteTxn&) { return ok_status(); }));
  return retry([&] { return lift_once(rule); });
}

bool Damages::is_taken_back(uint64_t rule) const {
  const MutexLock lock(mu_);
  const auto found = placing_.find(rule);
  return found != placing_.end() && found->second;
}

Result<v1::DamageReply> Damages::place_once(const v1::DamageRequest& request, uint64_t rule) {
  const v1::FaultMatch& match = request.match();
  if (!match.dp().empty() && !iequals(match.dp(), dp_name_)) {
    return not_found("this is " + dp_name_ + ", not " + match.dp(), "match.dp");
  }
  ASSIGN_OR_RETURN(const std::string package_id, parse_package_id(match.package(), "match.package"));
  const auto found = contents_.find(package_id);
  if (found.status().code() == Code::kNotFound) return not_found(found.status().message(), "match.package");
  ASSIGN_OR_RETURN(const LoadedPtr package, found);
  if (match.version() != 0 && match.version() != package->content.version()) {
    return not_found("version " + std::to_string(package->content.version()) + " of " + package_id +
                         " is installed, not " + std::to_string(match.version()),
                     "match.version");
  }
  ASSIGN_OR_RETURN(const v1::FileEntry* file, choose_file(*package, request, dp_name_));

  auto bytes = contents_.body(*package, *file);
  if (bytes.status().code() == Code::kNotFound) return changed_meanwhile(package_id);
  RETURN_IF_ERROR(bytes.status());
  ASSIGN_OR_RETURN(v1::FileDamage damage,
                   fault::plan_damage(request.corrupt(), {request.seed(), request.rule_id(), dp_name_, package_id},
                                      *file, reader(*std::move(bytes))));
  std::vector<v1::DamageRecord> put;
  ASSIGN_OR_RETURN(std::vector<v1::DamageRecord> records, records_of(store_.read(), {}));
  for (v1::DamageRecord& record : records) {
    if (record.rule_id() == request.rule_id()) {
      return already_exists("rule " + record.rule_id() + " is placed on this distribution point already", "rule_id");
    }
    if (record.package_id() != package_id || record.damage().path() != damage.path()) continue;
    if (overlap(record.damage(), damage)) {
      return failed_precondition("rule " + record.rule_id() + " has damaged these bytes of '" + damage.path() +
                                     "' already; choose others or clear it",
                                 "corrupt.offset");
    }
    *record.mutable_damage()->mutable_hash() = damage.hash();
    put.push_back(std::move(record));
  }
  v1::DamageRecord& record = put.emplace_back();
  record.set_rule_id(request.rule_id());
  record.set_package_id(package_id);
  record.set_version(package->content.version());
  *record.mutable_damage() = damage;
  RETURN_IF_ERROR(store_change(*package, put, [&](WriteTxn&) {
    if (!is_taken_back(rule)) return ok_status();
    return failed_precondition("rule " + request.rule_id() + " was taken back meanwhile", "rule_id");
  }));

  log_.info("damaged " + package_id + " version " + std::to_string(record.version()) + " by rule " + record.rule_id() +
            ": " + std::to_string(damage.extents(0).bytes().size()) + " bytes at " +
            std::to_string(damage.extents(0).offset()) + " of '" + damage.path() + "'");
  v1::DamageReply reply;
  ASSIGN_OR_RETURN(const auto live, foretell(package_id));
  for (const v1::LiveDamage& one : live) {
    if (one.rule_id() == request.rule_id()) *reply.mutable_foretold() = one.foretold();
    *reply.add_live() = one;
  }
  reply.set_version(package->content.version());
  *reply.mutable_damage() = std::move(damage);
  return reply;
}

Result<v1::DamageRemovalReply> Damages::lift_once(uint64_t rule) {
  const auto is_lifted = [rule](const v1::DamageRecord& record) { return record.rule_id() == std::to_string(rule); };
  ASSIGN_OR_RETURN(const std::vector<v1::DamageRecord> everywhere, records_of(store_.read(), {}));
  const auto found = std::ranges::find_if(everywhere, is_lifted);
  if (found == everywhere.end()) return v1::DamageRemovalReply();
  const std::string package_id = found->package_id(), path = found->damage().path();

  // The package first, then its records: if they are newer than it, store_change() finds out.
  const auto loaded = contents_.find(package_id);
  if (loaded.status().code() == Code::kNotFound) return changed_meanwhile(package_id);
  ASSIGN_OR_RETURN(const LoadedPtr package, loaded);
  ASSIGN_OR_RETURN(std::vector<v1::DamageRecord> rest, records_of(store_.read(), {package_id}));
  std::erase_if(rest,
                [&](const v1::DamageRecord& record) { return is_lifted(record) || record.damage().path() != path; });
  if (!rest.empty()) {
    const store::Node* node = package->tree->find(path);
    if (!node || node->folder) return changed_meanwhile(package_id);
    Overlay overlay;
    for (const v1::DamageRecord& record : rest) overlay.add(record.damage());
    const uint64_t size = node->file->size();
    auto file = store_.blobs().open(node->file->hash().sha256());
    if (file.status().code() == Code::kNotFound) return changed_meanwhile(package_id);
    RETURN_IF_ERROR(file.status());
    ASSIGN_OR_RETURN(const v1::Hash hash,
                     fault::hash_file(size, reader(lay_over(*std::move(file), size, overlay.extents))));
    for (v1::DamageRecord& record : rest) *record.mutable_damage()->mutable_hash() = hash;
  }
  RETURN_IF_ERROR(store_change(*package, rest, [&](WriteTxn& txn) {
    return kDamages.erase(txn, {package_id, number_key(rule)});
  }));
  log_.info("lifted the damage of rule " + std::to_string(rule) + " from " + package_id);
  v1::DamageRemovalReply reply;
  ASSIGN_OR_RETURN(const auto live, foretell(package_id));
  for (const v1::LiveDamage& one : live) *reply.add_live() = one;
  return reply;
}

Result<std::vector<v1::LiveDamage>> Damages::foretell(const std::string& package_id) {
  const auto found = contents_.find(package_id);
  if (found.status().code() == Code::kNotFound) return changed_meanwhile(package_id);
  ASSIGN_OR_RETURN(const LoadedPtr package, found);
  v1::Manifest served = package->manifest();
  for (auto& file : *served.mutable_files()) {
    if (const Overlay* overlay = package->damage(file)) *file.mutable_hash() = overlay->hash;
  }
  const v1::Hash package_hash = store::package_hash(served);

  std::vector<v1::LiveDamage> live;
  ASSIGN_OR_RETURN(const std::vector<v1::DamageRecord> records, records_of(store_.read(), {package_id}));
  for (const v1::DamageRecord& record : records) {
    const auto overlay = package->damages.find(record.damage().path());
    if (overlay == package->damages.end()) return changed_meanwhile(package_id);
    v1::LiveDamage& damage = live.emplace_back();
    damage.set_rule_id(record.rule_id());
    *damage.mutable_foretold()->mutable_file() = overlay->second.hash;
    *damage.mutable_foretold()->mutable_package() = package_hash;
    damage.mutable_foretold()->set_first_wrong_offset(overlay->second.extents.front().offset);
  }
  return live;
}

Status Damages::store_change(const Loaded& planned, const std::vector<v1::DamageRecord>& put,
                             const std::function<Status(WriteTxn& txn)>& before) {
  const std::string& package_id = planned.content.package_id();
  return store_.commit([&](WriteTxn& txn) -> Status {
    auto content = kDpContents.get(txn, {package_id});
    if (!content.ok() || content->generation() != planned.content.generation()) {
      return changed_meanwhile(package_id);
    }
    RETURN_IF_ERROR(before(txn));
    for (const v1::DamageRecord& record : put) {
      RETURN_IF_ERROR(kDamages.put(txn, {package_id, number_key(*parse_rule(record.rule_id()))}, record));
    }
    content->set_generation(content->generation() + 1);
    txn.after_commit([this, package_id] { contents_.forget(package_id); });
    return kDpContents.put(txn, {package_id}, *content);
  });
}

}  // namespace smslab::dp
