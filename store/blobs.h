// Blobs: immutable files named by their SHA-256, each stored once, and how new ones come in.
//
//   auto staging = blobs.stage();                           // <store>/stage/<n>/
//   ASSIGN_OR_RETURN(StagedBlob b, staging->add(*file));    // streamed, all digests in one pass
//   RETURN_IF_ERROR(staging->make_durable());               // one barrier for all of them
//   committer.commit([&](WriteTxn& txn) {
//     RETURN_IF_ERROR(staging->publish(txn));               // renames into blobs/, makes records of the new ones
//     return blobs.refer(txn, manifest); });                // + 1 reference for each content of the manifest
//
// Until that commit nothing exists. What a staging holds and never published is removed with it; after a crash
// Blobs::sweep removes it at the next start, by the intent lists that make_durable wrote, without looking through the
// store. A blob without references is unlinked after the commit that dropped the last one (kGarbage remembers it across
// a crash). Blobs is thread-safe; several threads may add to a Staging, and its Receivers may each have their own; it
// must live until its commit is done and not longer than Blobs, and publish runs on the committer's thread.
//
// Why one barrier is enough. Names must survive a power cut as surely as the index record that relies on them, but the
// renames of publish come after the barrier. The intent list makes that safe: it is a redo list as well. It and the
// contents are durable before the first rename, and a rename leaves the file under its old name or under its new one.
// So when the record exists and the file does not, sweep finds it where the list says and finishes the rename; when
// the record does not exist, sweep removes the file under either name. A list therefore stays until a later barrier
// has covered its renames: the next staging's, or that of ~Blobs.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "proto/base/digest.h"
#include "proto/base/env.h"
#include "proto/base/mutex.h"
#include "store/tables.h"

namespace smslab::store {

struct StagedBlob {
  ContentDigests digests;
  uint64_t size = 0;
};

bool is_sha256(std::string_view text);  // 64 upper-case hex digits, as every key and file name here

class Blobs;

class Staging {
 public:
  ~Staging();  // removes what was not published

  // Called with the bytes read so far of this staging, from every thread that adds; an error stops the import.
  using Progress = std::function<Status(uint64_t bytes)>;

  // Streams a file in, to where it ends now, not where it ended when it was opened. A content that the store or this
  // staging has already is digested but not kept twice; nor written, where the file is small, or `likely`, the SHA-256
  // of what it probably is, is right.
  Result<StagedBlob> add(const ReadableFile& file, const Progress& progress = {}, const std::string& likely = {});

  // A blob that arrives in pieces from a peer: kDataLoss at finish(), or at the byte too many, when it is not what
  // `sha256` and `size` say.
  class Receiver {
   public:
    ~Receiver();  // an unfinished one leaves nothing
    Status append(std::string_view bytes);
    Result<StagedBlob> finish();

   private:
    friend class Staging;
    struct Impl;
    explicit Receiver(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
  };
  Result<std::unique_ptr<Receiver>> receive(const std::string& sha256, uint64_t size);

  bool has(const std::string& sha256) const;  // staged here and not yet in the store
  bool is_empty() const;                      // nothing is
  // A content that was added: where it is staged, or in the store. kNotFound when it was only in the store and is gone.
  Result<std::shared_ptr<const ReadableFile>> open(const std::string& sha256) const;
  // After the last add: writes the intent list and makes contents and names durable with one barrier. Again after
  // further adds.
  Status make_durable();
  // On the committer's thread: moves every staged blob that `wanted` accepts (all when empty) into the store. When the
  // change does not hold, they are back in this staging. Each must find a reference (refer) in the same change.
  Status publish(WriteTxn& txn, const std::function<bool(const std::string& sha256)>& wanted = {});

 private:
  friend class Blobs;
  struct Incoming;
  struct Item {
    StagedBlob blob;
    std::string file;  // its name in folder_
    bool durable = false;
  };

  Staging(Blobs& blobs, std::string folder);
  Result<std::unique_ptr<Incoming>> incoming();
  using Sink = std::function<Status(std::string_view bytes)>;
  Result<std::optional<StagedBlob>> add_small(const ReadableFile& file, const Progress& progress);
  Result<StagedBlob> read_through(const ReadableFile& file, const Progress& progress, const Sink& sink);
  Result<StagedBlob> keep(Incoming& incoming, ContentDigests digests, const std::string& expected = {});
  Status move_in(const std::string& sha256, const std::string& file);
  void take_back(const std::string& sha256, const std::string& file);

  Blobs& blobs_;
  const std::string folder_;
  mutable Mutex mu_;
  std::map<std::string, Item> staged_ GUARDED_BY(mu_);  // by SHA-256
  uint64_t next_file_ GUARDED_BY(mu_) = 0;
  uint64_t next_list_ GUARDED_BY(mu_) = 0;
  bool moved_ GUARDED_BY(mu_) = false;    // something went into the store's folder, if only for a moment
  bool stuck_ GUARDED_BY(mu_) = false;    // and could not be taken back: the next start must
  std::atomic<uint64_t> bytes_read_ = 0;  // by add
};

class Blobs {
 public:
  Blobs(Env& env, Index& index, std::string folder);  // <folder>/blobs and <folder>/stage
  ~Blobs();

  // The blobs folders of other stores of this file system: a content that one of them has too, byte for byte, is kept
  // as another name of the same file. Before anything is staged.
  void share_with(std::vector<std::string> folders) { others_ = std::move(folders); }

  Result<std::unique_ptr<Staging>> stage();
  bool has(const ReadTxn& txn, const std::string& sha256) const;  // and not lost
  // Contents whose bytes are damaged here (fsck marks them, repair.h). Manifests name them and their files may be
  // there, but whoever brings one is welcome: it is staged, sent and published as a new one is, and is whole again.
  Result<std::set<std::string>> lost(const ReadTxn& txn) const;
  Status mark_lost(WriteTxn& txn, const std::string& sha256);
  Result<bool> is_whole(const std::string& sha256) const;                             // reads it; an absent one is not
  Result<std::shared_ptr<const ReadableFile>> open(const std::string& sha256) const;  // kNotFound
  std::string path(const std::string& sha256) const;

  // One reference more, or less, for each distinct content of the manifest. refer: kAborted when a content is neither
  // in the store nor was published in this transaction (it was dropped meanwhile: import again); kInvalidArgument when
  // the manifest says another size or digest than the content has. drop: an absent content is fine.
  Status refer(WriteTxn& txn, const v1::Manifest& manifest);
  Status drop(WriteTxn& txn, const v1::Manifest& manifest);

  // At start, before anything else: finishes and removes what a crash left, by intent lists and kGarbage. Index changes
  // go through `txn`.
  Status sweep(WriteTxn& txn);

  // What the intent lists on disk say: a blob, and where it was staged.
  struct Intent {
    std::string sha256;
    std::string staged;
  };
  Result<std::vector<Intent>> intents() const;
  std::string blobs_folder() const { return folder_ + "/blobs"; }
  std::string stage_folder() const { return folder_ + "/stage"; }

 private:
  friend class Staging;
  void share(const std::string& file, const std::string& sha256, uint64_t size) const;
  Status settle();
  Result<bool> is_there(const std::string& file) const;
  Result<bool> holds(const std::string& file, const std::string& sha256) const;
  Status restore(const Intent& intent);
  void collect(const std::vector<std::string>& garbage);
  Status erase_collected(WriteTxn& txn);

  Env& env_;
  Index& index_;
  const std::string folder_;
  std::vector<std::string> others_;  // constant once something is staged
  Mutex mu_;
  uint64_t next_stage_ GUARDED_BY(mu_) = 0;
  std::vector<std::string> settling_ GUARDED_BY(mu_);  // stage folders whose lists wait for a barrier
  // Garbage whose file is unlinked: its row goes once a barrier has covered the unlinking. The number tells one
  // unlinking of a content from the next.
  struct Unlinked {
    uint64_t number;
    bool durable;
  };
  std::map<std::string, Unlinked> unlinked_ GUARDED_BY(mu_);
  uint64_t next_unlinked_ GUARDED_BY(mu_) = 0;
};

}  // namespace smslab::store
