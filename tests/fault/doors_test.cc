// A listener that rules keep closed: when it is told to close and to open.
#include "proto/fault/doors.h"

#include <gtest/gtest.h>

#include <vector>

#include "proto/base/time_text.h"
#include "proto/codec/json.h"

namespace smslab::fault {
namespace {
using std::chrono::milliseconds;
using std::chrono::minutes;

const LabTime kStart = *parse_rfc3339("2026-11-21T20:00:00Z");

class Doors : public testing::Test {
 protected:
  void put(const std::string& json) {
    v1::FaultRule rule;
    ASSERT_TRUE(codec::from_json(json, &rule).ok());
    ASSERT_TRUE(check_rule(rule).ok());
    rules_.put(rule);
  }
  Status set(bool shut) {
    const MutexLock lock(mu_);
    if (failures_ > 0) {
      failures_--;
      return {Code::kUnavailable, "not now"};
    }
    told_.push_back(shut);
    changed_.notify_all();
    return ok_status();
  }
  std::vector<bool> told() {
    const MutexLock lock(mu_);
    return told_;
  }
  void wait_for(size_t changes) {
    MutexLock lock(mu_);
    while (told_.size() < changes) changed_.wait(lock);
  }
  void watch(const Place& place = {.role = v1::FaultMatch::DP, .dp = "LON-ONE"}) {
    watch_ = std::make_unique<DoorWatch>(place, rules_, clock_, timers_, [this](bool shut) { return set(shut); });
  }

  Mutex mu_;
  CondVar changed_;
  std::vector<bool> told_ GUARDED_BY(mu_);
  int failures_ GUARDED_BY(mu_) = 0;
  LabClock clock_{system_time_source(), LabClock::Frozen{kStart}};
  LabTimers timers_{clock_};
  Rules rules_{42};
  std::unique_ptr<DoorWatch> watch_;
};

using Told = std::vector<bool>;

TEST_F(Doors, CloseAndOpenWithTheRule) {
  watch();
  EXPECT_EQ(told(), Told{});
  put(R"({"id":"1","match":{"dp":"lon-one"},"down":{}})");
  EXPECT_EQ(told(), Told{true}) << "before put() returns";
  put(R"({"id":"2","match":{"role":"DP"},"down":{}})");
  rules_.take("1");
  EXPECT_EQ(told(), Told{true}) << "the other one wants it closed still";
  rules_.clear();
  EXPECT_EQ(told(), (Told{true, false}));
}

TEST_F(Doors, AreTheirPlacesAlone) {
  watch();
  put(R"({"id":"1","match":{"dp":"LON-TWO"},"down":{}})");
  put(R"({"id":"2","match":{"role":"MP"},"down":{}})");
  put(R"({"id":"3","match":{"dp":"LON-ONE"},"resetOnAccept":{}})");
  EXPECT_EQ(told(), Told{});
}

TEST_F(Doors, FollowTheClockWhereverItGoes) {
  watch();
  put(R"({"id":"1","when":{"from":"2026-11-21T20:10:00Z","until":"2026-11-21T20:20:00Z"},"down":{}})");
  EXPECT_EQ(told(), Told{});
  clock_.advance(minutes(10));
  EXPECT_EQ(told(), Told{true});
  clock_.advance(minutes(10));
  EXPECT_EQ(told(), (Told{true, false}));
  clock_.freeze(kStart + minutes(15));
  EXPECT_EQ(told(), (Told{true, false, true})) << "back to when it was closed";
}

TEST_F(Doors, OpenByThemselvesWhenTheClockRuns) {
  watch();
  put(R"({"id":"1","when":{"until":"2026-11-21T20:00:00.050Z"},"down":{}})");
  clock_.run();
  wait_for(2);
  EXPECT_EQ(told(), (Told{true, false}));
  EXPECT_GE(clock_.now(), kStart + milliseconds(50));
}

TEST_F(Doors, AreClosedFromTheStart) {
  put(R"({"id":"1","down":{}})");
  watch();
  EXPECT_EQ(told(), Told{true});
}

TEST_F(Doors, ThatStickAreTriedAgain) {
  watch();
  {
    const MutexLock lock(mu_);
    failures_ = 1;
  }
  put(R"({"id":"1","down":{}})");
  EXPECT_EQ(told(), Told{});
  clock_.advance(milliseconds(1));
  EXPECT_EQ(told(), Told{true});
}

TEST_F(Doors, NobodyWatchesAreLeft) {
  watch();
  watch_.reset();
  put(R"({"id":"1","down":{}})");
  clock_.advance(milliseconds(1));
  EXPECT_EQ(told(), Told{});
}

}  // namespace
}  // namespace smslab::fault
