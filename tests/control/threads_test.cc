#include "proto/control/threads.h"

#include <gtest/gtest.h>

#include <atomic>
#include <future>

namespace smslab::control {
namespace {
using Weight = Threads::Weight;

TEST(Threads, DoAllThatWaitsBeforeTheyEnd) {
  std::atomic<int> done = 0;
  {
    Threads threads(4);
    for (int n = 0; n < 1000; n++) threads.run([&] { done++; }, n % 3 == 0 ? Weight::kLong : Weight::kShort);
  }
  EXPECT_EQ(done, 1000);
}

// Work that never ends takes half of them, and no more.
TEST(Threads, LongWorkLeavesRoomForShort) {
  std::promise<void> end;
  const std::shared_future<void> ended = end.get_future().share();
  std::atomic<int> begun = 0, after = 0;
  {
    Threads threads(4);
    for (int n = 0; n < 10; n++) {
      threads.run(
          [&] {
            begun++;
            ended.wait();
          },
          Weight::kLong);
    }
    for (int n = 0; n < 10; n++) {
      std::promise<void> done;
      threads.run([&] { done.set_value(); }, Weight::kShort);
      done.get_future().wait();
    }
    EXPECT_LE(begun, 2);
    threads.run([&] { after++; }, Weight::kLong);
    end.set_value();
  }
  EXPECT_EQ(begun, 10);
  EXPECT_EQ(after, 1);
}

TEST(Threads, EndWhenThereIsNothingToDo) {
  Threads threads(8, std::chrono::milliseconds(1));
  for (int round = 0; round < 20; round++) {
    std::promise<void> end;
    const std::shared_future<void> ended = end.get_future().share();
    for (int n = 0; n < 8; n++) threads.run([&, ended] { ended.wait(); }, Weight::kShort);
    EXPECT_GT(threads.count(), 1u);
    end.set_value();
    while (threads.count() > 1) std::this_thread::yield();
  }
  std::promise<void> done;
  threads.run([&] { done.set_value(); }, Weight::kLong);
  done.get_future().wait();
}

}  // namespace
}  // namespace smslab::control
