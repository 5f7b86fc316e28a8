// Lane: one thread that does jobs one after another, in the order posted.
//
//   Lane lane;
//   lane.post([] { copy(); });
//   if (lane.quiet_for(now) > kPatience) ...   // a job is under way and has shown no sign of life for so long
//   lane.stop();                               // after the job under way; what waits is dropped
//
// A job calls moved() whenever it gets on. Thread-safe; times are steady.
#pragma once

#include <deque>
#include <functional>
#include <thread>

#include "proto/base/clock.h"
#include "proto/base/mutex.h"

namespace smslab::mp {

class Lane {
 public:
  using Job = std::function<void()>;
  explicit Lane(const Clock& clock) : clock_(clock) {}
  ~Lane() { stop(); }

  void post(Job job);
  void moved();
  // Zero while nothing is under way.
  SteadyTime::duration quiet_for(SteadyTime now) const;
  bool stop_within(std::chrono::milliseconds patience);  // false: the job under way still is; what waits is gone
  void stop();

 private:
  void run();

  const Clock& clock_;
  mutable Mutex mu_;
  CondVar changed_;
  std::deque<Job> jobs_ GUARDED_BY(mu_);
  bool busy_ GUARDED_BY(mu_) = false;
  bool stopped_ GUARDED_BY(mu_) = false;
  SteadyTime moved_ GUARDED_BY(mu_);
  std::thread thread_;  // the poster's; begun with the first job
};

}  // namespace smslab::mp
