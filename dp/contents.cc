#include "dp/contents.h"

#include <unistd.h>

#include <algorithm>

#include "store/manifest.h"

namespace smslab::dp {

const Overlay* Loaded::damage(const v1::FileEntry& file) const {
  const auto found = damages.find(file.path());
  return found == damages.end() ? nullptr : &found->second;
}

const std::string& Loaded::sha256(const v1::FileEntry& file) const {
  const Overlay* overlay = damage(file);
  return (overlay ? overlay->hash : file.hash()).sha256();
}
std::string Loaded::etag(const v1::FileEntry& file) const { return '"' + sha256(file) + '"'; }

Result<LoadedPtr> Contents::find(const std::string& package_id) {
  uint64_t changes = 0;
  {
    const MutexLock lock(mu_);
    if (const auto found = by_package_.find(package_id); found != by_package_.end()) {
      kept_.splice(kept_.begin(), kept_, found->second);
      return found->second->loaded;
    }
    changes = changes_;
  }
  ASSIGN_OR_RETURN(LoadedPtr loaded, load(package_id));
  const MutexLock lock(mu_);
  if (changes == changes_) keep(package_id, loaded);
  return loaded;
}

void Contents::forget(const std::string& package_id) {
  const MutexLock lock(mu_);
  changes_++;
  drop(package_id);
  forget_targets();
}

void Contents::forget_targets() {
  targets_.clear();
  target_bytes_ = 0;
  open_files_ = 0;
}

bool Contents::let_go() {
  const MutexLock lock(mu_);
  const bool had = open_files_ > 0;
  forget_targets();
  return had;
}

size_t Contents::share_of_descriptors() {
  constexpr size_t kShare = 16, kMost = 256;
  const long may = ::sysconf(_SC_OPEN_MAX);
  return std::min(kMost, static_cast<size_t>(std::max(may, 0L)) / kShare);
}

std::shared_ptr<const wire::Entity> Contents::recall(std::string_view target) {
  const MutexLock lock(mu_);
  const auto found = targets_.find(target);
  return found == targets_.end() ? nullptr : found->second;
}

void Contents::remember(std::string target, uint64_t as_of, std::shared_ptr<const wire::Entity> entity) {
  const MutexLock lock(mu_);
  const auto pieces = entity->body.pieces();
  const bool open = std::any_of(pieces.begin(), pieces.end(), [](const wire::Piece& piece) { return piece.file; });
  if (as_of != changes_ || (open && limits_.files == 0)) return;
  const uint64_t bytes = open ? 0 : entity->body.size();
  if (targets_.size() >= limits_.targets || target_bytes_ + bytes > limits_.memory ||
      (open && open_files_ >= limits_.files)) {
    forget_targets();
  }
  if (!targets_.try_emplace(std::move(target), std::move(entity)).second) return;
  target_bytes_ += bytes;
  if (open) open_files_++;
}

uint64_t Contents::changes() {
  const MutexLock lock(mu_);
  return changes_;
}

Result<wire::Body> Contents::body(const Loaded& package, const v1::FileEntry& file) const {
  if (file.size() == 0) return wire::Body();
  const std::string& sha256 = file.hash().sha256();
  ASSIGN_OR_RETURN(std::shared_ptr<const ReadableFile> bytes,
                   package.open ? package.open(sha256) : store_.blobs().open(sha256));
  if (bytes->size() != file.size()) {
    return Status(Code::kDataLoss, "the stored bytes of '" + file.path() + "' are not all there; run smslab fsck");
  }
  const Overlay* overlay = package.damage(file);
  return lay_over(std::move(bytes), file.size(), overlay ? overlay->extents : std::vector<Extent>());
}

Result<std::vector<v1::DpContent>> Contents::list() const {
  const store::ReadTxn txn = store_.read();
  ASSIGN_OR_RETURN(const auto lost, store_.blobs().lost(txn));
  std::vector<v1::DpContent> all;
  Status status;
  RETURN_IF_ERROR(store::kDpContents.each(txn, {}, [&](const store::Key&, const v1::DpContent& content) {
    if (content.version() == 0) return true;
    const auto whole = is_whole(txn, content, lost);
    if (whole.ok() && *whole) all.push_back(content);
    status = whole.status();
    return status.ok();
  }));
  RETURN_IF_ERROR(status);
  return all;
}

Result<bool> Contents::is_whole(const store::ReadTxn& txn, const v1::DpContent& content,
                                const std::set<std::string>& lost) {
  if (lost.empty()) return true;
  ASSIGN_OR_RETURN(const v1::Manifest manifest, store::load_manifest(txn, content.package_id(), content.version()));
  return std::none_of(manifest.files().begin(), manifest.files().end(),
                      [&](const v1::FileEntry& file) { return lost.contains(file.hash().sha256()); });
}

Result<LoadedPtr> Contents::load(const std::string& package_id) const {
  const store::ReadTxn txn = store_.read();
  auto content = store::kDpContents.get(txn, {package_id});
  if (!content.ok() && content.status().code() != Code::kNotFound) return content.status();
  if (!content.ok() || content->version() == 0) {
    return not_found("package " + package_id + " is not on this distribution point");
  }
  auto loaded = std::make_shared<Loaded>();
  loaded->content = *std::move(content);
  ASSIGN_OR_RETURN(v1::Manifest manifest, store::load_manifest(txn, package_id, loaded->content.version()));
  loaded->tree = store::ContentTree::build(std::move(manifest));
  RETURN_IF_ERROR(store::kDamages.each(txn, {package_id}, [&](const store::Key&, const v1::DamageRecord& record) {
    loaded->damages[record.damage().path()].add(record.damage());
    return true;
  }));
  return LoadedPtr(std::move(loaded));
}

void Contents::keep(const std::string& package_id, LoadedPtr loaded) {
  drop(package_id);  // two threads may have loaded it
  // The tree beside the manifest is about three times its encoded size.
  size_t bytes = loaded->manifest().ByteSizeLong() * 4;
  for (const auto& [path, overlay] : loaded->damages) {
    for (const Extent& extent : overlay.extents) bytes += extent.bytes->size();
  }
  bytes_ += bytes;
  kept_.push_front({package_id, std::move(loaded), bytes});
  by_package_[package_id] = kept_.begin();
  while (kept_.size() > 1 && (kept_.size() > limits_.packages || bytes_ > limits_.bytes)) {
    drop(std::string(kept_.back().package_id));
  }
}

void Contents::drop(const std::string& package_id) {
  const auto found = by_package_.find(package_id);
  if (found == by_package_.end()) return;
  bytes_ -= found->second->bytes;
  kept_.erase(found->second);
  by_package_.erase(found);
}

}  // namespace smslab::dp
