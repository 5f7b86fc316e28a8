// Completion: "this will be durable; here is how to hear of it". Made by whoever promises, kept by whoever waits.
//
//   auto done = store.submit(change);          // the store's committer finishes it
//   done->on_done([](const Status& s) {...});  // runs at once if it is finished, else on the finisher's thread
//   Status s = done->wait();                   // for threads that may block; never a wire worker
//
// Thread-safe. finish() counts once. Callbacks must be short and must not block.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "proto/base/mutex.h"
#include "proto/base/status.h"

namespace smslab {

class Completion {
 public:
  void finish(Status status) {
    std::vector<std::function<void(const Status&)>> waiting;
    {
      const MutexLock lock(mu_);
      if (status_) return;
      status_ = std::move(status);
      waiting.swap(waiting_);
      finished_.notify_all();
    }
    for (const auto& callback : waiting) callback(*status_);
  }

  void on_done(std::function<void(const Status&)> callback) {
    {
      const MutexLock lock(mu_);
      if (!status_) {
        waiting_.push_back(std::move(callback));
        return;
      }
    }
    callback(*status_);
  }

  Status wait() {
    MutexLock lock(mu_);
    while (!status_) finished_.wait(lock);
    return *status_;
  }

 private:
  Mutex mu_;
  CondVar finished_;
  std::optional<Status> status_;  // written once, under mu_; read without it only after finish()
  std::vector<std::function<void(const Status&)>> waiting_ GUARDED_BY(mu_);
};

using CompletionPtr = std::shared_ptr<Completion>;

}  // namespace smslab
