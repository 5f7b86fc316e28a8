#include "proto/base/clock.h"

#include <gtest/gtest.h>

#include "proto/base/time_text.h"

namespace smslab {
namespace {
using std::chrono::hours;
using std::chrono::milliseconds;

struct FakeTime {
  LabTime wall{milliseconds(1'000)};
  SteadyTime steady{};
  TimeSource source() {
    return {[this] { return wall; }, [this] { return steady; }};
  }
  void pass(milliseconds by) {
    wall += by;
    steady += by;
  }
};

TEST(LabClock, FollowsTheMachineFromWhereItStarted) {
  FakeTime time;
  LabClock clock(time.source(), LabClock::Wall{});
  time.pass(milliseconds(250));
  EXPECT_EQ(clock.now(), LabTime(milliseconds(1'250)));
}

TEST(LabClock, FrozenStandsStillUntilAdvanced) {
  FakeTime time;
  const LabTime start = *parse_rfc3339("2026-11-21T20:00:00Z");
  LabClock clock(time.source(), LabClock::Frozen{start});
  time.pass(hours(5));
  EXPECT_EQ(clock.now(), start);
  clock.advance(hours(24));
  EXPECT_EQ(clock.now(), start + hours(24));
  EXPECT_EQ(clock.steady(), time.steady) << "steady time cannot be frozen";
}

TEST(LabClock, RunsOnFromWhereItWasFrozen) {
  FakeTime time;
  const LabTime start = *parse_rfc3339("2026-11-21T20:00:00Z");
  LabClock clock(time.source(), LabClock::RunningFrom{start});
  time.pass(milliseconds(10));
  clock.freeze(clock.now());
  time.pass(milliseconds(10));
  clock.run();
  time.pass(milliseconds(5));
  EXPECT_EQ(clock.now(), start + milliseconds(15));
}

TEST(LabClock, TellsOfEveryChange) {
  FakeTime time;
  LabClock clock(time.source(), LabClock::Frozen{LabTime()});
  int changes = 0;
  clock.on_change([&] { changes++; });
  clock.advance(hours(1));
  clock.run();
  clock.freeze(LabTime());
  EXPECT_EQ(changes, 3);
}

TEST(LabClock, RestartsAsItWasMade) {
  FakeTime time;
  const LabTime start = *parse_rfc3339("2026-11-21T20:00:00Z");
  int changes = 0;
  LabClock frozen(time.source(), LabClock::Frozen{start});
  frozen.on_change([&] { changes++; });
  frozen.advance(hours(24));
  frozen.run();
  time.pass(milliseconds(5));
  const LabClock::State before = frozen.restart();
  EXPECT_TRUE(frozen.frozen());
  EXPECT_EQ(frozen.now(), start);
  time.pass(milliseconds(5));
  frozen.restore(before);
  EXPECT_FALSE(frozen.frozen());
  EXPECT_EQ(frozen.now(), start + hours(24) + milliseconds(10)) << "as if it had not been restarted";
  EXPECT_EQ(changes, 4);

  LabClock running(time.source(), LabClock::RunningFrom{start});
  time.pass(hours(1));
  running.freeze(start + hours(30));
  running.restart();
  EXPECT_EQ(running.now(), start);
  time.pass(milliseconds(5));
  EXPECT_EQ(running.now(), start + milliseconds(5));

  LabClock wall(time.source(), LabClock::Wall{});
  wall.advance(hours(1));
  wall.restart();
  EXPECT_EQ(wall.now(), time.wall);
}

}  // namespace
}  // namespace smslab
