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
// Blobs::sweep removes it at the next start, by the intent list that make_durable wrote, without looking through the
// store. A blob without references is unlinked after the commit that dropped the last one (kGarbage remembers it across
// a crash). Blobs is thread-safe; a Staging has one user at a time, and publish runs on the committer's thread.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "proto/base/digest.h"
#include "proto/base/env.h"
#include "proto/base/mutex.h"
#include "store/tables.h"

namespace smslab::store {

struct StagedBlob {
  ContentDigests digests;
  uint64_t size = 0;
};

class Blobs;

class Staging {
 public:
  ~Staging();  // removes what was not published

  // Called with the bytes read so far of this staging; an error stops the import.
  using Progress = std::function<Status(uint64_t bytes)>;

  // Streams a file in. A content that the store or this staging has already is digested but not kept twice.
  Result<StagedBlob> add(const ReadableFile& file, const Progress& progress = {});

  // A blob that arrives in pieces from a peer: kDataLoss at finish() when it is not what `sha256` says.
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

  bool has(const std::string& sha256) const;  // staged here
  // After the last add: writes the intent list and makes contents and names durable with one barrier.
  Status make_durable();
  // On the committer's thread: moves every staged blob that `wanted` accepts (all when empty) into the store.
  Status publish(WriteTxn& txn, const std::function<bool(const std::string& sha256)>& wanted = {});

 private:
  friend class Blobs;
  Staging(Blobs& blobs, std::string folder);

  Blobs& blobs_;
  const std::string folder_;
  mutable Mutex mu_;
  std::map<std::string, StagedBlob> staged_ GUARDED_BY(mu_);  // by SHA-256
  uint64_t bytes_read_ = 0;
  uint64_t next_file_ GUARDED_BY(mu_) = 0;
};

class Blobs {
 public:
  Blobs(Env& env, Index& index, std::string folder);  // <folder>/blobs and <folder>/stage

  Result<std::unique_ptr<Staging>> stage();
  bool has(const ReadTxn& txn, const std::string& sha256) const;
  Result<std::shared_ptr<const ReadableFile>> open(const std::string& sha256) const;
  std::string path(const std::string& sha256) const;

  // One reference more, or less, for each distinct content of the manifest. refer: kAborted when a content is neither
  // in the store nor was published in this transaction (it was dropped meanwhile: import again).
  Status refer(WriteTxn& txn, const v1::Manifest& manifest);
  Status drop(WriteTxn& txn, const v1::Manifest& manifest);

  // At start, before anything else: removes what a crash left, by intent lists and kGarbage. Index changes go through
  // `txn`.
  Status sweep(WriteTxn& txn);

 private:
  friend class Staging;
  Env& env_;
  Index& index_;
  const std::string folder_;
  Mutex mu_;
  uint64_t next_stage_ GUARDED_BY(mu_) = 0;
};

}  // namespace smslab::store
