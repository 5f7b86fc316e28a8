// Check: one look through a whole store, and what is wrong with it. Changes nothing.
//
//   Check check(env, index, blobs, Check::Mode::kAtRest);
//   RETURN_IF_ERROR(check.run(settled));
//   for (const Damage& damage : check.damages()) ...
//
// Records of every table are parsed; each manifest's contents, digests and tree hashes, each blob's bytes against its
// name and record, reference counts, rows that only point at others, and files that no record names. What a crash left
// for the next start to finish or to remove is no damage. One owner.
#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "proto/base/env.h"
#include "proto/schema/control.pb.h"
#include "store/blobs.h"

namespace smslab::store {

struct Damage {
  enum class Kind {
    kBlob,      // of `name`: file, record or count is wrong, or there is no record
    kManifest,  // row `key`: undecodable, altered, or another's
    kContent,   // manifest `key` is missing, or another than the one that was installed
    kPointer,   // row `key` of `name`: what it points at is not there
    kRecord,    // row `key` of `name`: undecodable
    kOrphan,    // file `name`
  };
  Kind kind;
  std::string name;  // SHA-256, table or path
  Key key;
  std::string text;  // "blob 5891...: its file is missing"
};

// Ends what is said of a content that is marked lost.
inline constexpr std::string_view kComesAgain = "; a refresh or an update that holds it brings it again";

class Check {
 public:
  // A store that is served has imports under way, and makes new ones meanwhile.
  enum class Mode { kAtRest, kServed };
  Check(Env& env, const Index& index, const Blobs& blobs, Mode mode)
      : env_(env), index_(index), blobs_(blobs), mode_(mode) {}

  // `settled` runs a function while no change is half done.
  using Settled = std::function<Status(const std::function<void(const ReadTxn&)>&)>;
  Status run(const Settled& settled);

  const std::vector<Damage>& damages() const { return damages_; }
  v1::FsckReply report() const;

  // What the manifests say of a content.
  struct Named {
    v1::FileEntry file;  // one that has it
    uint64_t manifests = 0;
  };
  const std::map<std::string, Named>& named() const { return named_; }  // by SHA-256
  bool all_manifests_known() const { return manifests_known_; }         // else named() lacks some, or says too much

 private:
  using RawVisit = std::function<void(const Key& key, std::string_view bytes)>;
  Status each_row(const ReadTxn& txn, std::string_view table, const RawVisit& visit) const;
  void found(Damage::Kind kind, std::string name, Key key, std::string text);
  Status look_for_leftovers();
  Status parse_everything(const ReadTxn& txn);
  Status follow_pointers(const ReadTxn& txn);
  Status read_records(const ReadTxn& txn);
  Status read_manifests(const ReadTxn& txn);
  void read_manifest(const Key& key, const v1::Manifest& manifest);
  Status read_contents(const ReadTxn& txn);
  Status read_packages(const ReadTxn& txn);
  void count_references();
  Status check_manifest_alone(const Key& key);
  void check_blob(const std::string& sha256, const v1::BlobRecord& record);
  std::string what_is_wrong(const std::string& sha256, const v1::BlobRecord& record);
  Status find_orphans(const Settled& settled);
  bool known(const std::string& sha256) const;

  Env& env_;
  const Index& index_;
  const Blobs& blobs_;
  const Mode mode_;
  std::vector<Damage> damages_;
  v1::FsckReply counts_;                           // and leftovers
  std::map<std::string, v1::BlobRecord> records_;  // by SHA-256
  std::set<std::string> unreadable_records_;       // of blobs
  std::set<std::string> garbage_, lost_;
  std::map<std::string, std::string> staged_;  // intents: SHA-256 -> path
  std::vector<Key> manifests_;
  std::map<Key, std::string> digests_;  // of the manifests' bytes
  std::map<std::string, Named> named_;
  bool manifests_known_ = true;
  std::vector<char> buffer_;
};

}  // namespace smslab::store
