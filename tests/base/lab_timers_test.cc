#include "proto/base/lab_timers.h"

#include <gtest/gtest.h>

#include <atomic>
#include <memory>

#include "proto/base/time_text.h"

namespace smslab {
namespace {
using std::chrono::hours;
using std::chrono::minutes;

const LabTime kStart = *parse_rfc3339("2026-11-21T20:00:00Z");

class Timers : public testing::Test {
 protected:
  LabClock clock_{system_time_source(), LabClock::Frozen{kStart}};
  LabTimers timers_{clock_};
};

TEST_F(Timers, AFrozenClockFinishesWhatItsAdvancePasses) {
  EXPECT_EQ(timers_.after(LabDuration(0))->wait(), ok_status());
  const auto one = timers_.after(hours(1)), two = timers_.after(hours(2));
  // Shared: whoever waits may go on before the last of those who want to hear of it has.
  const auto over = std::make_shared<std::atomic<bool>>(false);
  two->on_done([over](const Status&) { *over = true; });
  clock_.advance(hours(1));
  EXPECT_EQ(one->wait(), ok_status());
  EXPECT_FALSE(*over);
  clock_.advance(hours(1));
  EXPECT_EQ(two->wait(), ok_status());
}

TEST_F(Timers, AClockThatIsSetBackFinishesWhatBeganLater) {
  const auto before = timers_.after(hours(48));
  const auto over = std::make_shared<std::atomic<bool>>(false);
  before->on_done([over](const Status&) { *over = true; });
  clock_.advance(hours(24));
  const auto first = timers_.after(minutes(1)), last = timers_.after(hours(30));
  clock_.restart();
  EXPECT_EQ(first->wait(), ok_status());
  EXPECT_EQ(last->wait(), ok_status());
  EXPECT_FALSE(*over);
  clock_.advance(hours(48));
  EXPECT_EQ(before->wait(), ok_status());
}

TEST(LabTimers, WhatStillWaitsIsAbortedAtTheEnd) {
  LabClock clock(system_time_source(), LabClock::Frozen{kStart});
  CompletionPtr waiting;
  {
    LabTimers timers(clock);
    waiting = timers.after(hours(1));
  }
  EXPECT_EQ(waiting->wait().code(), Code::kAborted);
  clock.advance(hours(1));  // the clock still has its listener
}

}  // namespace
}  // namespace smslab
