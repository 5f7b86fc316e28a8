// Contents: what this DP serves, package by package, kept ready for clients.
//
//   ASSIGN_OR_RETURN(LoadedPtr package, contents.find("LON00001"));   // kNotFound: not on this DP
//   const store::Node* node = package->tree->find("sub/a.txt");
//   std::string etag = package->etag(*node->file);
//
// A Loaded is one state of one package, read in one index snapshot; it never changes, and whoever holds it sees no
// other. Every commit that changes a package calls forget() on the committer's thread, before its caller hears of it.
// Looking up what is loaded costs one short lock and no index access. Thread-safe.
#pragma once

#include <functional>
#include <list>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "dp/overlay.h"
#include "proto/base/mutex.h"
#include "proto/schema/site.pb.h"
#include "proto/wire/entity.h"
#include "store/store.h"
#include "store/tree.h"

namespace smslab::dp {

struct Loaded {
  v1::DpContent content;
  std::shared_ptr<const store::ContentTree> tree;
  std::map<std::string, Overlay> damages;  // by path as spelled in the manifest
  // Where the bytes are, by SHA-256, when it is not this DP's store (pretence.h).
  std::function<Result<std::shared_ptr<const ReadableFile>>(const std::string& sha256)> open;

  const v1::Manifest& manifest() const { return tree->manifest(); }
  const Overlay* damage(const v1::FileEntry& file) const;
  // Of the bytes that are served, so damage changes it and a refresh brings it back.
  const std::string& sha256(const v1::FileEntry& file) const;
  std::string etag(const v1::FileEntry& file) const;  // the same, quoted
};
using LoadedPtr = std::shared_ptr<const Loaded>;

class Contents {
 public:
  // What stays loaded; the least recently used goes first. One package is kept whatever its size.
  struct Limits {
    size_t packages = 256;
    size_t bytes = size_t{256} << 20;       // as far as estimated
    size_t targets = 512;                   // remembered; when there is more of one of these, all are dropped
    uint64_t memory = uint64_t{16} << 20;   // bytes of their bodies
    size_t files = share_of_descriptors();  // that they may hold open
  };
  static size_t share_of_descriptors();  // a sixteenth of what the process may have, 256 at most: others need them too
  explicit Contents(store::Store& store) : Contents(store, Limits()) {}
  Contents(store::Store& store, Limits limits) : store_(store), limits_(limits) {}

  Result<LoadedPtr> find(const std::string& package_id);
  void forget(const std::string& package_id);

  // The bytes that `package` serves for one of its files. kNotFound when the file is no longer stored: the package was
  // changed meanwhile, look it up again.
  Result<wire::Body> body(const Loaded& package, const v1::FileEntry& file) const;

  // What `target` named when it was last served, while no package has changed since: a client that asks again costs one
  // short lock, no look-up and no open file more. nullptr when it is not known.
  std::shared_ptr<const wire::Entity> recall(std::string_view target);
  // `as_of`: changes() before `entity` was looked up; it is not kept when something has changed meanwhile.
  void remember(std::string target, uint64_t as_of, std::shared_ptr<const wire::Entity> entity);
  // Forgets all targets, and closes their files but for those being sent; false when there was none.
  bool let_go();
  uint64_t changes();  // grows with each forget()

  // Everything installed, by package ID; from the index. Not what has lost a content: the site sends it again.
  Result<std::vector<v1::DpContent>> list() const;

 private:
  struct Kept {
    std::string package_id;
    LoadedPtr loaded;
    size_t bytes = 0;
  };
  Result<LoadedPtr> load(const std::string& package_id) const;
  static Result<bool> is_whole(const store::ReadTxn& txn, const v1::DpContent& content,
                               const std::set<std::string>& lost);
  void keep(const std::string& package_id, LoadedPtr loaded) REQUIRES(mu_);
  void drop(const std::string& package_id) REQUIRES(mu_);
  void forget_targets() REQUIRES(mu_);

  store::Store& store_;
  const Limits limits_;
  Mutex mu_;
  std::list<Kept> kept_ GUARDED_BY(mu_);  // most recently used first
  std::unordered_map<std::string, std::list<Kept>::iterator> by_package_ GUARDED_BY(mu_);
  size_t bytes_ GUARDED_BY(mu_) = 0;
  struct TargetHash {
    using is_transparent = void;
    size_t operator()(std::string_view target) const { return std::hash<std::string_view>()(target); }
  };
  std::unordered_map<std::string, std::shared_ptr<const wire::Entity>, TargetHash, std::equal_to<>> targets_
      GUARDED_BY(mu_);
  uint64_t target_bytes_ GUARDED_BY(mu_) = 0;  // of targets_, in memory
  size_t open_files_ GUARDED_BY(mu_) = 0;      // of targets_
  uint64_t changes_ GUARDED_BY(mu_) = 0;       // calls of forget(): what was read before one must not be kept after it
};

}  // namespace smslab::dp
