// Clock: the two faces of time.
//
// Lab time (UTC, milliseconds) is what the site lives by: Date headers, schedules, expiry, ids, logs. It can be frozen
// and advanced. Steady time is for socket timeouts and cannot. Nothing else reads a clock.
//
//   LabClock clock(system_time_source(), LabClock::Frozen{parse_rfc3339("2026-11-21T20:00:00Z")});
//   clock.advance(std::chrono::hours(24));
//
// Thread-safe. Whoever waits for a lab time registers a listener and looks again when it is called.
#pragma once

#include <chrono>
#include <functional>
#include <variant>
#include <vector>

#include "proto/base/mutex.h"

namespace smslab {

using LabTime = std::chrono::sys_time<std::chrono::milliseconds>;
using LabDuration = std::chrono::milliseconds;
using SteadyTime = std::chrono::steady_clock::time_point;

class Clock {
 public:
  virtual ~Clock() = default;
  virtual LabTime now() const = 0;
  virtual SteadyTime steady() const = 0;
};

// The machine's two clocks; the only place that reads them is system_time_source().
struct TimeSource {
  std::function<LabTime()> wall;
  std::function<SteadyTime()> steady;
};
TimeSource system_time_source();

class LabClock final : public Clock {
 public:
  struct Wall {};  // lab time is the machine's
  struct Frozen {
    LabTime at;
  };  // stands still until advanced
  struct RunningFrom {
    LabTime at;
  };  // starts at `at` and runs
  using Start = std::variant<Wall, Frozen, RunningFrom>;

  LabClock(TimeSource source, Start start);

  LabTime now() const override;
  SteadyTime steady() const override;
  bool frozen() const;

  void freeze(LabTime at);
  void advance(LabDuration by);  // frozen or running; never backwards (by >= 0)
  void run();                    // goes on from now()

  // Back to how it was made; what it was before, for restore().
  struct State {
    bool frozen = false;
    LabTime at;
    SteadyTime base;
  };
  State restart();
  void restore(const State& state);

  // Called after each of these, on the thread that made it. Registered for the clock's whole life.
  void on_change(std::function<void()> listener);

 private:
  LabTime now_locked() const REQUIRES(mu_);
  void start_locked() REQUIRES(mu_);
  void changed() const;

  const TimeSource source_;
  const Start start_;
  mutable Mutex mu_;
  State state_ GUARDED_BY(mu_);  // frozen: `at` is now; running: it was now at `base`
  std::vector<std::function<void()>> listeners_ GUARDED_BY(mu_);
};

}  // namespace smslab
