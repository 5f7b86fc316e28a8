// DoorWatch: keeps a listener closed as long as a rule wants it closed, by the rules and by the lab's clock.
//
//   DoorWatch watch({.role = v1::FaultMatch::MP}, rules, clock, timers,
//                   [&](bool shut) { return gate.set_shut(bound, shut); });
//
// `set` is called when that changes: on the thread that changes the rules or the clock, before that call returns, or on
// the timers'; never twice at once, and never once the watch is gone. A call that fails is made again with the next
// change. Rules and clock may outlive the watch.
#pragma once

#include <functional>
#include <memory>

#include "proto/base/clock.h"
#include "proto/base/lab_timers.h"
#include "proto/fault/rules.h"

namespace smslab::fault {

class DoorWatch {
 public:
  using Set = std::function<Status(bool shut)>;
  DoorWatch(Place place, Rules& rules, LabClock& clock, LabTimers& timers, Set set);
  ~DoorWatch();

 private:
  class Watched;
  const std::shared_ptr<Watched> watched_;  // rules, clock and timers know it weakly
};

}  // namespace smslab::fault
