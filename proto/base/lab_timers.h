// LabTimers: "when that much lab time has passed", for what must not hold a thread meanwhile.
//
//   LabTimers timers(clock);
//   CompletionPtr done = timers.after(std::chrono::milliseconds(250));
//
// A frozen clock finishes what its advance() passes, at once. A clock that is set back to before the wait began
// finishes it too: nobody waits for another life of the lab. One thread, from the first wait on. Thread-safe; the
// destructor finishes whatever still waits with kAborted.
#pragma once

#include <memory>

#include "proto/base/clock.h"
#include "proto/base/completion.h"

namespace smslab {

class LabTimers {
 public:
  explicit LabTimers(LabClock& clock);
  ~LabTimers();

  CompletionPtr after(LabDuration time);  // finished at once when `time` is not above zero

 private:
  class Waiting;
  const std::shared_ptr<Waiting> waiting_;  // the clock's listener outlives the timers
};

}  // namespace smslab
