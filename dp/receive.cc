#include "dp/receive.h"

#include <algorithm>
#include <unordered_set>
#include <utility>

#include "proto/base/ids.h"
#include "proto/base/text.h"
#include "proto/schema/timestamp.h"
#include "store/manifest.h"

namespace smslab::dp {
namespace {

using store::drop_manifest;
using store::kDamages;
using store::kDpContents;
using store::kManifests;
using store::manifest_key;
using store::WriteTxn;

constexpr uint64_t kBlockBytes = 4096;             // what a file takes of a disk is so rounded, nearly everywhere
constexpr uint64_t kBookkeepingBytes = 256 << 10;  // for intent lists, folders and the index

// The record of a package, with version 0 when it is not installed. It outlives a removal, so that its generation never
// comes again.
Result<v1::DpContent> content_of(const store::ReadTxn& txn, const std::string& package_id) {
  auto content = kDpContents.get(txn, {package_id});
  if (content.ok() || content.status().code() != Code::kNotFound) return content;
  v1::DpContent none;
  none.set_package_id(package_id);
  return none;
}

// What the site sent must be whole and true in itself before anything is taken from it.
Status check_manifest(const v1::Manifest& manifest) {
  const auto package_id = parse_package_id(manifest.package_id(), "manifest.package_id");
  if (!package_id.ok()) return package_id.status();
  if (*package_id != manifest.package_id()) {
    return invalid_argument("the package ID '" + manifest.package_id() + "' is not in upper case",
                            "manifest.package_id");
  }
  if (manifest.version() == 0) return invalid_argument("versions begin with 1", "manifest.version");
  const Status checked = store::check_manifest(manifest);
  return checked.ok() ? checked : invalid_argument(checked.message(), "manifest");
}

// SHA-256 of each, once.
std::unordered_set<std::string> contents_of(const v1::Manifest& manifest) {
  std::unordered_set<std::string> contents;
  for (const auto& file : manifest.files()) contents.insert(file.hash().sha256());
  return contents;
}

// Takes away what is installed of a package, if anything; the rule IDs of the damage that went with it.
Result<std::vector<std::string>> clear(WriteTxn& txn, store::Blobs& blobs, const v1::DpContent& content) {
  std::vector<std::string> healed;
  if (content.version() == 0) return healed;
  RETURN_IF_ERROR(drop_manifest(txn, blobs, manifest_key(content.package_id(), content.version())));
  std::vector<store::Key> damages;
  RETURN_IF_ERROR(kDamages.each(txn, {content.package_id()}, [&](const store::Key& at, const v1::DamageRecord& record) {
    damages.push_back(at);
    healed.push_back(record.rule_id());
    return true;
  }));
  for (const store::Key& at : damages) RETURN_IF_ERROR(kDamages.erase(txn, at));
  return healed;
}

}  // namespace

Result<v1::OfferReply> Receiver::offer(const v1::Offer& offer) {
  RETURN_IF_ERROR(check_manifest(offer.manifest()));
  ASSIGN_OR_RETURN(const auto staged, staging());
  ASSIGN_OR_RETURN(std::vector<std::string> absent, missing(offer.manifest(), *staged));
  std::optional<Room> room;
  if (room_for_ && !absent.empty()) room = room_for_(offer.manifest().package_id(), offer.manifest().version());
  ration(absent, room);
  if (const Status fits = check_space(offer.manifest(), absent, room); !fits.ok()) {
    give_up(staged);
    return fits;
  }
  v1::OfferReply reply;
  for (std::string& sha256 : absent) reply.add_missing(std::move(sha256));
  return reply;
}

Status Receiver::put(const std::string& sha256, uint64_t size, const std::function<Status(const Sink&)>& read) {
  ASSIGN_OR_RETURN(const auto staged, staging());
  ASSIGN_OR_RETURN(const auto receiver, staged->receive(ascii_upper(sha256), size));
  // The rest is read all the same: a site that is still sending would not see the answer.
  Status kept;
  const Ration left = ration_of(ascii_upper(sha256));
  RETURN_IF_ERROR(read([&](std::string_view piece) {
    if (kept.ok()) kept = receiver->append(piece);
    const auto bytes = static_cast<int64_t>(piece.size());
    if (kept.ok() && left && left->fetch_sub(bytes) < bytes) {
      kept = Status(Code::kNoSpace, "no space left on the disk of the distribution point");
    }
    return ok_status();
  }));
  if (kept.ok()) kept = receiver->finish().status();
  if (kept.code() == Code::kNoSpace) give_up(staged);
  return kept;
}

void Receiver::give_up(const std::shared_ptr<store::Staging>& staged) {
  const MutexLock lock(mu_);
  if (staging_ == staged) staging_.reset();
}

// With it go the lists of what was staged.
void Receiver::let_go(const std::shared_ptr<store::Staging>& staged) {
  const MutexLock lock(mu_);
  const bool mine_alone = staging_ == staged && staged.use_count() == 2;
  if (mine_alone && staged->is_empty()) staging_.reset();
}

// Marks what is not what it was when it came.
Status Receiver::look_through(const v1::Manifest& manifest, const store::Staging& staging) {
  std::vector<std::string> spoilt;
  for (const std::string& sha256 : contents_of(manifest)) {
    if (staging.has(sha256) || !store_.blobs().has(store_.read(), sha256)) continue;
    ASSIGN_OR_RETURN(const bool whole, store_.blobs().is_whole(sha256));
    if (!whole) spoilt.push_back(sha256);
  }
  if (spoilt.empty()) return ok_status();
  log_.warning(std::to_string(spoilt.size()) + " contents of " + manifest.package_id() +
               " have been damaged on this disk: they are wanted again");
  return store_.commit([&](WriteTxn& txn) -> Status {
    for (const auto& sha256 : spoilt) RETURN_IF_ERROR(store_.blobs().mark_lost(txn, sha256));
    return ok_status();
  });
}

Result<v1::CommitReply> Receiver::commit(const v1::Commit& commit) {
  const v1::Manifest& manifest = commit.manifest();
  RETURN_IF_ERROR(check_manifest(manifest));
  ASSIGN_OR_RETURN(const auto staged, staging());
  if (commit.overwrite()) RETURN_IF_ERROR(look_through(manifest, *staged));
  const MutexLock committing(committing_);
  ASSIGN_OR_RETURN(const auto absent, missing(manifest, *staged));
  if (!absent.empty()) {
    return failed_precondition(std::to_string(absent.size()) + " contents of " + manifest.package_id() + " version " +
                               std::to_string(manifest.version()) + " have not arrived; offer the manifest again");
  }
  if (const Status durable = staged->make_durable(); !durable.ok()) {
    if (durable.code() == Code::kNoSpace) give_up(staged);
    return durable;
  }

  const std::unordered_set<std::string> wanted = contents_of(manifest);
  const std::string digest = store::manifest_digest(manifest);
  const LabTime now = clock_.now();
  v1::CommitReply reply;
  bool installed = false;
  const auto change = [&](WriteTxn& txn) -> Status {
    reply.Clear();
    ASSIGN_OR_RETURN(v1::DpContent content, content_of(txn, manifest.package_id()));
    ASSIGN_OR_RETURN(const auto lost, store_.blobs().lost(txn));
    const bool heals =
        std::any_of(lost.begin(), lost.end(), [&](const auto& sha256) { return wanted.contains(sha256); });
    installed =
        commit.overwrite() || heals || content.version() != manifest.version() || content.manifest_digest() != digest;
    if (installed) {
      // First, so that it runs before the contents that nobody refers to any more are unlinked.
      txn.after_commit([this, id = manifest.package_id()] { contents_.forget(id); });
      RETURN_IF_ERROR(staged->publish(txn, [&](const std::string& sha256) { return wanted.contains(sha256); }));
      RETURN_IF_ERROR(store_.blobs().refer(txn, manifest));
      ASSIGN_OR_RETURN(const auto healed, clear(txn, store_.blobs(), content));
      reply.mutable_healed_rules()->Assign(healed.begin(), healed.end());
      content.set_version(manifest.version());
      content.set_manifest_digest(digest);
      content.set_generation(content.generation() + 1);
      content.set_size(manifest.size());
      *content.mutable_installed() = to_timestamp(now);
      RETURN_IF_ERROR(kManifests.put(txn, manifest_key(manifest.package_id(), manifest.version()), manifest));
      RETURN_IF_ERROR(kDpContents.put(txn, {manifest.package_id()}, content));
    }
    *reply.mutable_content() = std::move(content);
    return ok_status();
  };
  RETURN_IF_ERROR(store_.commit(change));
  let_go(staged);
  if (installed) {
    log_.info("installed " + manifest.package_id() + " version " + std::to_string(manifest.version()) + ": " +
              std::to_string(manifest.files_size()) + " files, " + std::to_string(manifest.size()) + " bytes");
  }
  return reply;
}

Result<v1::RemovalReply> Receiver::remove(const v1::Removal& removal) {
  ASSIGN_OR_RETURN(const std::string package_id, parse_package_id(removal.package_id(), "package_id"));
  v1::RemovalReply reply;
  uint32_t version = 0;
  const auto change = [&](WriteTxn& txn) -> Status {
    reply.Clear();
    ASSIGN_OR_RETURN(const v1::DpContent content, content_of(txn, package_id));
    const bool meant = removal.generation() == 0 || removal.generation() == content.generation();
    version = meant ? content.version() : 0;
    if (version == 0) return ok_status();
    txn.after_commit([this, package_id] { contents_.forget(package_id); });
    ASSIGN_OR_RETURN(const auto healed, clear(txn, store_.blobs(), content));
    reply.mutable_healed_rules()->Assign(healed.begin(), healed.end());
    v1::DpContent gone;
    gone.set_package_id(package_id);
    gone.set_generation(content.generation() + 1);
    return kDpContents.put(txn, {package_id}, gone);
  };
  RETURN_IF_ERROR(store_.commit(change));
  if (version != 0) log_.info("removed " + package_id + " version " + std::to_string(version));
  return reply;
}

void Receiver::ration(const std::vector<std::string>& absent, const std::optional<Room>& room) {
  const Ration left =
      room && !room->known
          ? std::make_shared<std::atomic<int64_t>>(static_cast<int64_t>(std::min<uint64_t>(room->bytes, INT64_MAX)))
          : nullptr;
  const MutexLock lock(mu_);
  for (const std::string& sha256 : absent) {
    if (left) {
      rations_[sha256] = left;
    } else {
      rations_.erase(sha256);
    }
  }
}

Receiver::Ration Receiver::ration_of(const std::string& sha256) {
  const MutexLock lock(mu_);
  const auto found = rations_.find(sha256);
  return found == rations_.end() ? nullptr : found->second;
}

// Better now than after gigabytes.
Status Receiver::check_space(const v1::Manifest& manifest, const std::vector<std::string>& absent,
                             const std::optional<Room>& room) const {
  std::unordered_set<std::string_view> wanted(absent.begin(), absent.end());
  uint64_t bytes = 0;
  for (const auto& file : manifest.files()) {
    if (wanted.erase(file.hash().sha256()) > 0) bytes += (file.size() + kBlockBytes - 1) / kBlockBytes * kBlockBytes;
  }
  if (bytes > 0) bytes += kBookkeepingBytes;
  ASSIGN_OR_RETURN(uint64_t free, store_.env().free_bytes(store_.folder()));
  if (room && room->known) free = room->bytes;
  if (bytes <= free) return ok_status();
  return {Code::kNoSpace, "not enough space on the disk of the distribution point: " + manifest.package_id() +
                              " version " + std::to_string(manifest.version()) + " needs " + std::to_string(bytes) +
                              " bytes more, and " + std::to_string(free) + " are free"};
}

Result<std::shared_ptr<store::Staging>> Receiver::staging() {
  const MutexLock lock(mu_);
  if (!staging_) {
    ASSIGN_OR_RETURN(staging_, store_.blobs().stage());
  }
  return staging_;
}

Result<std::vector<std::string>> Receiver::missing(const v1::Manifest& manifest, const store::Staging& staging) const {
  const store::ReadTxn txn = store_.read();
  std::vector<std::string> absent;
  std::unordered_set<std::string_view> seen;
  for (const auto& file : manifest.files()) {
    const std::string& sha256 = file.hash().sha256();
    if (!seen.insert(sha256).second) continue;
    if (!store_.blobs().has(txn, sha256) && !staging.has(sha256)) absent.push_back(sha256);
  }
  return absent;
}

}  // namespace smslab::dp
