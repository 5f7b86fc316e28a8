// PackageQueue: packages that wait for the distribution manager, each once, in the order queued.
//
//   txn.after_commit([queue = site.queue, id] { queue->push(id); });        // whoever makes work
//   while (!queue.stopped()) { auto id = queue.pop(deadline); ... }         // the distribution manager
//
// The clock wakes it (wake_with), for the manager waits for times of the lab. Only a hint: what is to be done stands in
// the index, and the manager looks there at its start. Thread-safe.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>

#include "proto/base/clock.h"
#include "proto/base/mutex.h"

namespace smslab::mp {

class PackageQueue {
 public:
  void push(const std::string& package);
  void wake();     // the pop under way, or the next, returns
  void stop();     // every pop returns, now and later
  void restart();  // after stop(): empty, as it was made
  bool stopped() const;
  // The next package; nullopt when woken, stopped, or at the steady `deadline`.
  std::optional<std::string> pop(std::optional<SteadyTime> deadline);

 private:
  mutable Mutex mu_;
  CondVar changed_;
  std::deque<std::string> waiting_ GUARDED_BY(mu_);
  bool woken_ GUARDED_BY(mu_) = false;
  bool stopped_ GUARDED_BY(mu_) = false;
};

// The clock keeps its listeners for life: this one does not keep the queue.
inline void wake_with(LabClock& clock, const std::shared_ptr<PackageQueue>& queue) {
  clock.on_change([weak = std::weak_ptr<PackageQueue>(queue)] {
    if (const auto live = weak.lock()) live->wake();
  });
}

}  // namespace smslab::mp
