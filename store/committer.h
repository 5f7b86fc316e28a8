// Committer: the one thread that writes a store's index. Group commit: changes that arrive while it commits share the
// next transaction and its one sync.
//
//   CompletionPtr done = committer.submit([=](WriteTxn& txn) { return kClients.put(txn, {name}, client); });
//   reply.after = done;                        // a wire handler: the connection waits, the worker does not
//   Status s = committer.commit(change);       // a thread that may block: submit and wait
//
// A change must be quick and touch only the index and the store's own files (Staging::publish); it may run twice when
// the map had to grow. It sees all changes before it: read, check and write in one change is atomic. In order: the
// commit is durable; after_commit actions run; the changes are destroyed; completions finish. Changes, actions and
// callbacks of completions run on the committer's thread, so none of them may wait for a commit. Thread-safe.
#pragma once

#include <cstdint>
#include <memory>
#include <thread>
#include <vector>

#include "proto/base/completion.h"
#include "proto/base/mutex.h"
#include "store/index.h"

namespace smslab::store {

class Committer {
 public:
  explicit Committer(Index& index);
  ~Committer();  // commits what was submitted, then stops

  CompletionPtr submit(Index::Change change);
  Status commit(Index::Change change) { return submit(std::move(change))->wait(); }
  // Returns when the after_commit actions of all that a reader can see by now have run. Not for the committer's thread.
  void settle();

 private:
  void run();

  Index& index_;
  Mutex mu_;
  CondVar wake_, settled_;
  bool stopping_ GUARDED_BY(mu_) = false;
  bool writing_ GUARDED_BY(mu_) = false;
  uint64_t rounds_ GUARDED_BY(mu_) = 0;  // transactions that are over
  std::vector<std::pair<Index::Change, CompletionPtr>> waiting_ GUARDED_BY(mu_);
  std::thread thread_;  // last: starts when all else is there
};

}  // namespace smslab::store
