// Changes: "something was committed, look again", for requests that wait for a state (long polls).
//
//   uint64_t seen = site.changes->seen();
//   while (!good(read())) { if (!site.changes->wait_past(&seen, deadline)) break; }
//
// A waiter takes `seen` before it reads, so that no commit falls between. Thread-safe.
#pragma once

#include <cstdint>

#include "proto/base/clock.h"
#include "proto/base/mutex.h"

namespace smslab::mp {

class Changes {
 public:
  uint64_t seen() const;
  void notify();  // after a commit
  // Waits for a notify() after `*seen` and moves it there. False when the steady `deadline` passed or stop() was
  // called.
  bool wait_past(uint64_t* seen, SteadyTime deadline);
  void stop();  // every wait returns, now and later

 private:
  mutable Mutex mu_;
  CondVar changed_;
  uint64_t count_ GUARDED_BY(mu_) = 0;
  bool stopped_ GUARDED_BY(mu_) = false;
};

}  // namespace smslab::mp
