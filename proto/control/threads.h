// Threads: work for threads that are started when there is need, up to a number, and then stay.
//
//   Threads threads(64);
//   threads.run([] { ... }, Threads::Weight::kShort);
//
// Long work (a body that its sender may never end) gets at most half of them; what finds none waits, in order of its
// kind. Thread-safe. Where the system gives no more threads, the ones that there are do it all; the first is started at
// once.
#pragma once

#include <deque>
#include <functional>
#include <thread>
#include <vector>

#include "proto/base/mutex.h"

namespace smslab::control {

class Threads {
 public:
  enum class Weight { kShort, kLong };

  explicit Threads(size_t most);  // std::system_error when the system has no thread at all
  ~Threads();                     // does what waits, then ends

  void run(std::function<void()> work, Weight weight);

 private:
  void work();
  bool may_begin_long() const REQUIRES(mu_) { return !long_.empty() && long_running_ * 2 < most_; }

  const size_t most_;
  Mutex mu_;
  CondVar changed_;
  std::deque<std::function<void()>> short_ GUARDED_BY(mu_), long_ GUARDED_BY(mu_);
  size_t idle_ GUARDED_BY(mu_) = 0, long_running_ GUARDED_BY(mu_) = 0;
  bool stopping_ GUARDED_BY(mu_) = false;
  std::vector<std::thread> threads_ GUARDED_BY(mu_);
};

}  // namespace smslab::control
