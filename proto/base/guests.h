// Guests: who is inside something that is about to go, and when the last has left.
//
//   const Guests::Pass pass = guests.enter();   // null once it is closed
//   if (!pass) return gone();
//   ...                                          // until the last copy of the pass goes
//   guests.close();                              // nobody comes in any more
//   guests.wait_empty();
//
// Thread-safe. A pass may outlive the Guests.
#pragma once

#include <cstddef>
#include <memory>

#include "proto/base/clock.h"
#include "proto/base/mutex.h"

namespace smslab {

class Guests {
 public:
  using Pass = std::shared_ptr<const void>;

  Pass enter() {
    const MutexLock lock(house_->mu);
    if (house_->closed) return nullptr;
    house_->inside++;
    return {house_.get(), [house = house_](const void*) { house->leave(); }};
  }
  void close() {
    const MutexLock lock(house_->mu);
    house_->closed = true;
  }
  // False when the steady `deadline` passed before the last had left.
  bool wait_empty(SteadyTime deadline) {
    MutexLock lock(house_->mu);
    while (house_->inside > 0) {
      if (!house_->left.wait_until(lock, deadline)) return house_->inside == 0;
    }
    return true;
  }
  void wait_empty() {
    MutexLock lock(house_->mu);
    while (house_->inside > 0) house_->left.wait(lock);
  }

 private:
  struct House {
    void leave() {
      const MutexLock lock(mu);
      if (--inside == 0) left.notify_all();
    }
    Mutex mu;
    CondVar left;
    size_t inside GUARDED_BY(mu) = 0;
    bool closed GUARDED_BY(mu) = false;
  };
  const std::shared_ptr<House> house_ = std::make_shared<House>();
};

}  // namespace smslab
