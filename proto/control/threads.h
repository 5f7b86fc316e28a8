// Threads: work for threads that are started when there is need, up to a number, and end when there has been none for a
// while.
//
//   Threads threads(64);
//   threads.run([] { ... }, Threads::Weight::kShort);
//
// Long work (a body that its sender may never end) gets at most half of them; what finds none waits, in order of its
// kind. Thread-safe. Where the system gives no more threads, the ones that there are do it all; the first is started at
// once.
#pragma once

#include <chrono>
#include <deque>
#include <functional>
#include <list>
#include <optional>
#include <thread>

#include "proto/base/mutex.h"

namespace smslab::control {

class Threads {
 public:
  enum class Weight { kShort, kLong };

  // One that has had nothing to do for `idle` ends, but for the last. std::system_error when the system has no thread
  // at all.
  explicit Threads(size_t most, std::chrono::milliseconds idle = std::chrono::seconds(10));
  ~Threads();  // does what waits, then ends

  void run(std::function<void()> work, Weight weight);
  size_t count() const;  // of threads

 private:
  using All = std::list<std::thread>;
  struct Piece {
    std::function<void()> work;
    bool is_long = false;
  };
  void begin() REQUIRES(mu_);
  void work(All::iterator self);
  std::optional<Piece> next(All::iterator self);  // none: this thread is to end
  bool may_begin_long() const REQUIRES(mu_) { return !long_.empty() && long_running_ * 2 < most_; }

  const size_t most_;
  const std::chrono::milliseconds idle_for_;
  mutable Mutex mu_;
  CondVar changed_;
  std::deque<std::function<void()>> short_ GUARDED_BY(mu_), long_ GUARDED_BY(mu_);
  size_t idle_ GUARDED_BY(mu_) = 0, long_running_ GUARDED_BY(mu_) = 0;
  bool stopping_ GUARDED_BY(mu_) = false;
  All threads_ GUARDED_BY(mu_), ended_ GUARDED_BY(mu_);  // ended: to be joined
};

}  // namespace smslab::control
