// Store: one role's data folder, opened. Index, blobs and committer belong together; each role has its own.
//
//   ASSIGN_OR_RETURN(auto store, Store::open(env, "/data/site", "default"));
//   store->index().read();  store->commit(change);  store->blobs().stage();
//
//   <folder>/lock   one server a folder       <folder>/index/   LMDB
//   <folder>/blobs/AB/AB12...  contents       <folder>/stage/   imports under way; swept at the next start
//
// After any crash the next open finds the old state or the new one. Thread-safe; outlives its transactions and
// stagings. One lab a folder: the records of each have their prefix, the blobs are shared and counted for one.
#pragma once

#include <memory>
#include <string>
#include <utility>

#include "store/blobs.h"
#include "store/committer.h"
#include "store/index.h"

namespace smslab::store {

// kDataLoss for a folder with contents and without their index, where a new one would make garbage of them all.
Status check_index_is_there(Env& env, const std::string& folder);

class Store {
 public:
  static Result<std::unique_ptr<Store>> open(Env& env, const std::string& folder, const std::string& lab = "default");
  ~Store();

  Env& env() { return env_; }
  const std::string& folder() const { return folder_; }
  Index& index() { return *index_; }
  Blobs& blobs() { return *blobs_; }
  Committer& committer() { return *committer_; }
  ReadTxn read() const { return index_->read(); }
  CompletionPtr submit(Index::Change change) { return committer_->submit(std::move(change)); }
  Status commit(Index::Change change) { return committer_->commit(std::move(change)); }

 private:
  Store(Env& env, std::string folder) : env_(env), folder_(std::move(folder)) {}

  Env& env_;
  const std::string folder_;
  std::unique_ptr<FolderLock> lock_;  // released last
  std::unique_ptr<Index> index_;
  std::unique_ptr<Blobs> blobs_;
  std::unique_ptr<Committer> committer_;  // stopped first
};

}  // namespace smslab::store
