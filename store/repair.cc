#include "store/repair.h"

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <utility>

#include "store/check.h"
#include "store/fsck.h"
#include "store/manifest.h"

namespace smslab::store {
namespace {

constexpr std::string_view kUnknownNames = "a manifest is damaged, and what it names is not known";

// Another store, to copy from.
struct Donor {
  std::string folder;
  std::unique_ptr<FolderLock> lock;
  std::unique_ptr<Index> index;
  std::unique_ptr<Blobs> blobs;

  static std::optional<Donor> open(Env& env, const std::string& folder, const std::string& lab) {
    if (!posix_env().info(folder + "/index/data.mdb").ok()) return std::nullopt;
    auto lock = env.lock_folder(folder);
    auto index = Index::open(folder + "/index", lab, Index::Mode::kReadOnly);
    if (!lock.ok() || !index.ok()) return std::nullopt;
    auto blobs = std::make_unique<Blobs>(env, **index, folder);
    return Donor{folder, *std::move(lock), *std::move(index), std::move(blobs)};
  }
};

class Repair {
 public:
  Repair(Store& store, const std::vector<Donor>& donors) : store_(store), donors_(donors) {}

  Status run() {
    RETURN_IF_ERROR(look());
    for (const Damage& damage : std::vector(check_->damages())) {
      const bool manifest = damage.kind == Damage::Kind::kManifest || damage.kind == Damage::Kind::kContent;
      if (manifest) RETURN_IF_ERROR(mend_manifest(damage));
    }
    RETURN_IF_ERROR(look());  // the manifests say more now
    std::map<std::string, std::vector<const Damage*>> blobs;
    for (const Damage& damage : check_->damages()) {
      if (damage.kind == Damage::Kind::kBlob) blobs[damage.name].push_back(&damage);
    }
    for (const auto& [sha256, damages] : blobs) RETURN_IF_ERROR(mend_blob(sha256, damages));
    for (const Damage& damage : check_->damages()) {
      if (damage.kind == Damage::Kind::kPointer) RETURN_IF_ERROR(remove_pointer(damage));
      if (damage.kind == Damage::Kind::kOrphan) RETURN_IF_ERROR(remove_orphan(damage));
      if (damage.kind == Damage::Kind::kRecord) refuse(damage, "nothing else says what it said");
    }
    return store_.env().barrier(store_.folder());
  }

  // What is left, and what became of the rest.
  Result<v1::FsckReply> report() {
    RETURN_IF_ERROR(look());
    v1::FsckReply report = check_->report();
    for (std::string& problem : *report.mutable_problems()) {
      const bool unclear = !check_->all_manifests_known() && !problem.ends_with(kComesAgain);
      if (repaired_.erase(problem) > 0 || unclear) refused_.emplace(problem, kUnknownNames);
      if (const auto why = refused_.find(problem); why != refused_.end()) problem += "; not repaired: " + why->second;
    }
    for (const auto& [problem, how] : repaired_) report.add_repaired(problem + ": " + how);
    return report;
  }

 private:
  Status look() {
    check_ = std::make_unique<Check>(store_.env(), store_.index(), store_.blobs(), Check::Mode::kServed);
    return check_->run([&](const std::function<void(const ReadTxn&)>& read) {
      read(store_.read());
      return ok_status();
    });
  }
  void repaired(const Damage& damage, const std::string& how) { repaired_[damage.text] = how; }
  void refuse(const Damage& damage, std::string_view why) { refused_[damage.text] = why; }

  // ---- manifests
  // That this store has the same one: by the digest of what was installed, or by the package hash of its record.
  bool is_ours(const ReadTxn& txn, const Key& key, const v1::Manifest& manifest) const {
    if (manifest_key(manifest.package_id(), manifest.version()) != key || !check_manifest(manifest).ok()) return false;
    const auto content = kDpContents.get(txn, {key.front()});
    if (content.ok() && content->version() == manifest.version()) {
      return content->manifest_digest() == manifest_digest(manifest);
    }
    const auto package = kPackages.get(txn, {key.front()});
    return package.ok() && package->source_version() == manifest.version() &&
           package->hash().sha256() == manifest.hash().sha256();
  }

  Status mend_manifest(const Damage& damage) {
    for (const Donor& donor : donors_) {
      const auto copy = kManifests.get(donor.index->read(), damage.key);
      if (!copy.ok() || !is_ours(store_.read(), damage.key, *copy)) continue;
      RETURN_IF_ERROR(store_.commit([&](WriteTxn& txn) { return kManifests.put(txn, damage.key, *copy); }));
      repaired(damage, "copied from " + donor.folder);
      return ok_status();
    }
    refuse(damage, "no other store here has it");
    return ok_status();
  }

  // ---- contents
  // What its record is to say: what manifests say, as far as they are known.
  std::optional<v1::BlobRecord> record_of(const std::string& sha256) const {
    auto stored = kBlobs.get(store_.read(), {sha256});
    if (!check_->all_manifests_known()) return stored.ok() ? std::optional(*std::move(stored)) : std::nullopt;
    v1::BlobRecord record;
    if (const auto named = check_->named().find(sha256); named != check_->named().end()) {
      record.set_size(named->second.file.size());
      record.set_sha1(named->second.file.hash().sha1());
      record.set_md5(named->second.file.hash().md5());
      record.set_references(named->second.manifests);
    } else if (stored.ok()) {
      record = *stored;
      record.set_references(0);
    }
    return record;
  }

  Status mend_blob(const std::string& sha256, const std::vector<const Damage*>& damages) {
    const auto known = record_of(sha256);
    if (!known || (known->references() > 0 && !is_sha256(sha256))) {
      for (const Damage* damage : damages) refuse(*damage, known ? "no content can have that name" : kUnknownNames);
      return ok_status();
    }
    v1::BlobRecord record = *known;
    if (!check_->all_manifests_known() && record.references() == 0) return ok_status();
    if (record.references() == 0) return let_go(sha256, record, damages);
    const auto whole = digests(sha256);
    if (whole) {
      record.set_size(whole->size);
      record.set_sha1(whole->digests.sha1);
      record.set_md5(whole->digests.md5);
    }
    const auto change = [&](WriteTxn& txn) -> Status {
      RETURN_IF_ERROR(kBlobs.put(txn, {sha256}, record));
      return whole ? kLost.erase(txn, {sha256}) : store_.blobs().mark_lost(txn, sha256);
    };
    RETURN_IF_ERROR(store_.commit(change));
    std::string how = "made anew from its bytes";
    if (!whole) {
      auto copied = copy(sha256);
      if (!copied.ok()) {
        for (const Damage* damage : damages) {
          refuse(*damage, copied.status().message());
          refused_[damage->text + std::string(kComesAgain)] = copied.status().message();  // as it is told from now on
        }
        return ok_status();
      }
      how = *std::move(copied);
    }
    for (const Damage* damage : damages) {
      if (!how.empty()) repaired(*damage, how);
    }
    return ok_status();
  }

  // Its bytes as they lie in this store, when they are what they should be.
  std::optional<StagedBlob> digests(const std::string& sha256) const {
    const auto file = store_.blobs().open(sha256);
    if (!file.ok()) return std::nullopt;
    ContentHasher hasher;
    StagedBlob blob;
    std::vector<char> buffer(size_t{256} << 10);
    while (true) {
      const auto n = (*file)->pread(blob.size, buffer);
      if (!n.ok()) return std::nullopt;
      if (*n == 0) break;
      hasher.update({buffer.data(), *n});
      blob.size += *n;
    }
    blob.digests = hasher.finish();
    return blob.digests.sha256 == sha256 ? std::optional(blob) : std::nullopt;
  }

  // Of a lost one: "copied from ..."; empty when nobody has it whole.
  Result<std::string> copy(const std::string& sha256) {
    ASSIGN_OR_RETURN(const auto staging, store_.blobs().stage());
    for (const Donor& donor : donors_) {
      const auto file = donor.blobs->open(sha256);
      if (!file.ok()) continue;
      ASSIGN_OR_RETURN(const auto receiver, staging->receive(sha256, (*file)->size()));
      std::vector<char> buffer(size_t{256} << 10);
      uint64_t at = 0;
      Result<size_t> n = size_t{0};
      while ((n = (*file)->pread(at, buffer)).ok() && *n > 0) {
        const Status kept = receiver->append({buffer.data(), *n});
        if (kept.code() == Code::kDataLoss) break;
        RETURN_IF_ERROR(kept);
        at += *n;
      }
      if (!n.ok() || *n > 0 || !receiver->finish().ok()) continue;
      RETURN_IF_ERROR(staging->make_durable());
      RETURN_IF_ERROR(store_.commit([&](WriteTxn& txn) { return staging->publish(txn); }));
      return "copied from " + donor.folder;
    }
    return std::string();
  }

  // No manifest names it: as Blobs::drop leaves one.
  Status let_go(const std::string& sha256, const v1::BlobRecord& record, const std::vector<const Damage*>& damages) {
    const auto change = [&](WriteTxn& txn) -> Status {
      RETURN_IF_ERROR(kGarbage.put(txn, {sha256}, record));
      RETURN_IF_ERROR(kLost.erase(txn, {sha256}));
      return kBlobs.erase(txn, {sha256});
    };
    RETURN_IF_ERROR(store_.commit(change));
    for (const Damage* damage : damages) repaired(*damage, "removed");
    return ok_status();
  }

  // ---- rows and files
  Status remove_pointer(const Damage& damage) {
    RETURN_IF_ERROR(store_.commit([&](WriteTxn& txn) { return txn.erase(join_key(damage.name, damage.key)); }));
    repaired(damage, "removed");
    return ok_status();
  }

  Status remove_orphan(const Damage& damage) {
    const std::string name = damage.name.substr(damage.name.rfind('/') + 1);
    if (damage.name == store_.blobs().path(name) && kBlobs.has(store_.read(), {name})) {
      repaired(damage, "it has its record again");
      return ok_status();
    }
    if (!check_->all_manifests_known()) {
      refuse(damage, kUnknownNames);
      return ok_status();
    }
    ASSIGN_OR_RETURN(const auto lost, store_.blobs().lost(store_.read()));
    if (!lost.empty()) {
      refuse(damage, "contents are missing, and this may be one of them");
      return ok_status();
    }
    RETURN_IF_ERROR(store_.env().remove_tree(damage.name));
    repaired(damage, "removed");
    return ok_status();
  }

  Store& store_;
  const std::vector<Donor>& donors_;
  std::unique_ptr<Check> check_;
  std::map<std::string, std::string> repaired_, refused_;  // problem -> how, why not
};

}  // namespace

Result<v1::FsckReply> repair(Env& env, const std::string& folder, const std::vector<std::string>& others,
                             const std::string& lab) {
  ASSIGN_OR_RETURN(const v1::FsckReply before, fsck(env, folder, lab));
  if (before.problems().empty() && before.leftovers().empty()) return before;
  v1::FsckReply report;
  {
    std::vector<Donor> donors;
    for (const std::string& other : others) {
      if (auto donor = Donor::open(env, other, lab)) donors.push_back(*std::move(donor));
    }
    ASSIGN_OR_RETURN(const auto store, Store::open(env, folder, lab));  // which sweeps
    Repair repair(*store, donors);
    RETURN_IF_ERROR(repair.run());
    ASSIGN_OR_RETURN(report, repair.report());
  }
  for (const std::string& leftover : before.leftovers()) report.add_repaired(leftover + ": swept");
  // Once more, for what the repair itself made garbage.
  RETURN_IF_ERROR(Store::open(env, folder, lab).status());
  return report;
}

}  // namespace smslab::store
