#include "store/import.h"

#include <algorithm>
#include <atomic>
#include <functional>
#include <map>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "proto/base/at_once.h"
#include "proto/base/mutex.h"
#include "proto/base/names.h"
#include "proto/schema/timestamp.h"
#include "store/manifest.h"

namespace smslab::store {
namespace {

Status refuse(const std::string& why) { return invalid_argument(why, "source"); }

// The same error, as one of the source.
Status of_source(const Status& why) { return {why.code(), why.message(), "source"}; }

// Everything below a source, by folded path: looked at and found possible, not yet read.
class Walk {
 public:
  struct Found {
    std::string path;    // relative, as spelled
    std::string opened;  // where its bytes are: elsewhere in the source for a link
    bool folder = false;
    LabTime modified;
  };

  Walk(Env& env, std::string root) : env_(env), root_(std::move(root)) {}

  // `folder` is relative; "" is the root. No deeper than a path may be long (check_content_path).
  Status visit(const std::string& folder) {
    const auto entries = env_.list(folder.empty() ? root_ : root_ + "/" + folder);
    if (!entries.ok()) return of_source(entries.status());
    for (const auto& entry : *entries) {
      Found found;
      found.path = folder.empty() ? entry.name : folder + "/" + entry.name;
      RETURN_IF_ERROR(check_content_path(found.path));
      found.opened = root_ + "/" + found.path;
      RETURN_IF_ERROR(look_at(entry.type, &found));
      const std::string path = found.path;
      const bool is_folder = found.folder;
      const auto [at, fresh] = found_.try_emplace(fold_name(path), std::move(found));
      if (!fresh) {
        return refuse("the paths '" + at->second.path + "' and '" + path + "' differ only in case; rename one");
      }
      if (is_folder) RETURN_IF_ERROR(visit(path));
    }
    return ok_status();
  }

  const std::map<std::string, Found>& found() const { return found_; }

 private:
  Status look_at(FileType type, Found* found) {
    if (type == FileType::kLink) RETURN_IF_ERROR(follow(found));
    const auto info = env_.info(found->opened);
    if (!info.ok()) return of_source(info.status());
    found->modified = info->modified;
    found->folder = info->type == FileType::kFolder;
    if (found->folder && type == FileType::kLink) {
      return refuse("'" + found->path + "' is a link to a folder; copy the folder instead");
    }
    if (info->type == FileType::kOther) return refuse("'" + found->path + "' is neither file nor folder");
    return ok_status();
  }

  Status follow(Found* found) {
    auto target = env_.real_path(found->opened);
    if (!target.ok()) return refuse("'" + found->path + "' is a link that leads nowhere");
    if (!target->starts_with(root_ + "/"))
      return refuse("'" + found->path + "' is a link that leads out of the source");
    found->opened = *std::move(target);
    return ok_status();
  }

  Env& env_;
  const std::string root_;
  std::map<std::string, Found> found_;
};

Result<std::string> source_root(Env& env, const std::string& source) {
  const auto info = env.info(source);
  if (source.empty() || info.status().code() == Code::kNotFound) {
    return refuse("the source folder '" + source + "' does not exist");
  }
  if (!info.ok()) return Status(info.status().code(), info.status().message(), "source");
  if (info->type != FileType::kFolder) return refuse("the source '" + source + "' is not a folder");
  auto root = env.real_path(source);
  if (root.ok() && *root == "/") return refuse("the source is the whole file system");
  return root;
}

using Found = Walk::Found;

// What a file probably is: as in the version before.
class Likely {
 public:
  explicit Likely(const v1::Manifest* before) {
    if (before == nullptr) return;
    for (const auto& file : before->files()) files_.emplace(file.path(), &file);
  }
  std::string sha256(const std::string& path, uint64_t size) const {
    const auto found = files_.find(path);
    return found != files_.end() && found->second->size() == size ? found->second->hash().sha256() : "";
  }

 private:
  std::map<std::string_view, const v1::FileEntry*> files_;
};

Status read_one(Env& env, const Found& found, const Likely& likely, Staging& staging, const Staging::Progress& progress,
                v1::FileEntry* entry) {
  const auto file = env.open(found.opened);
  if (!file.ok()) return of_source(file.status());
  if (const Status shared = (*file)->share(); !shared.ok()) return of_source(shared);
  ASSIGN_OR_RETURN(StagedBlob blob, staging.add(**file, progress, likely.sha256(found.path, (*file)->size())));
  entry->set_path(found.path);
  entry->set_size(blob.size);
  *entry->mutable_modified() = to_timestamp(found.modified);
  entry->set_hidden(found.path[found.path.rfind('/') + 1] == '.');
  entry->mutable_hash()->set_md5(std::move(blob.digests.md5));
  entry->mutable_hash()->set_sha1(std::move(blob.digests.sha1));
  entry->mutable_hash()->set_sha256(std::move(blob.digests.sha256));
  return ok_status();
}

// Calls it for 0 ... count - 1, taken in order by so many threads, until one fails: the first of those that did, which
// is the same whoever was faster, for all before it were taken.
Status for_each(size_t count, unsigned threads, const std::function<Status(size_t)>& act) {
  std::atomic<bool> over = false;
  Mutex mu;
  size_t failed = count;
  Status why;
  at_once(count, threads, [&](size_t i) {
    if (over) return;
    const Status done = act(i);
    if (done.ok()) return;
    const MutexLock lock(mu);
    over = true;
    if (i < failed) why = done;
    failed = std::min(failed, i);
  });
  return why;
}

Status read_files(Env& env, const Walk& walk, const ImportRequest& request, Staging& staging,
                  const Staging::Progress& progress, v1::Manifest* manifest) {
  std::vector<const Found*> files;
  for (const auto& [folded, found] : walk.found()) {
    if (found.folder) {
      auto& folder = *manifest->add_folders();
      folder.set_path(found.path);
      *folder.mutable_modified() = to_timestamp(found.modified);
    } else {
      files.push_back(&found);
      manifest->add_files();
    }
  }
  const Likely likely(request.before);
  RETURN_IF_ERROR(for_each(files.size(), request.threads, [&](size_t i) {
    return read_one(env, *files[i], likely, staging, progress, manifest->mutable_files(static_cast<int>(i)));
  }));
  uint64_t size = 0;
  for (const auto& file : manifest->files()) size += file.size();
  manifest->set_size(size);
  return ok_status();
}

}  // namespace

unsigned usual_import_threads() { return std::clamp(std::thread::hardware_concurrency(), 2U, 8U); }

Result<Snapshot> import_folder(Env& env, Blobs& blobs, const ImportRequest& request,
                               const Staging::Progress& progress) {
  ASSIGN_OR_RETURN(const std::string root, source_root(env, request.source));
  // The whole walk comes first, so that what is refused is refused before a byte is copied.
  Walk walk(env, root);
  RETURN_IF_ERROR(walk.visit(""));

  Snapshot snapshot;
  snapshot.manifest.set_package_id(request.package_id);
  snapshot.manifest.set_version(request.version);
  ASSIGN_OR_RETURN(snapshot.staging, blobs.stage());
  RETURN_IF_ERROR(read_files(env, walk, request, *snapshot.staging, progress, &snapshot.manifest));
  *snapshot.manifest.mutable_hash() = package_hash(snapshot.manifest);
  RETURN_IF_ERROR(snapshot.staging->make_durable());
  return snapshot;
}

Status Snapshot::publish(WriteTxn& txn, Blobs& blobs) const {
  const Key key = manifest_key(manifest.package_id(), manifest.version());
  if (kManifests.has(txn, key)) {
    return already_exists(manifest.package_id() + " version " + std::to_string(manifest.version()) +
                          " is there already");
  }
  RETURN_IF_ERROR(staging->publish(txn));
  RETURN_IF_ERROR(blobs.refer(txn, manifest));
  return kManifests.put(txn, key, manifest);
}

}  // namespace smslab::store
