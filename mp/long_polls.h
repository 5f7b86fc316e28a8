// LongPolls: requests that wait for a state, bounded so that they cannot eat the control server's threads.
//
//   return polls.wait<v1::Package>(wait_ms, [&] { return show_package(site, id); }, settled);
//
// Waiting requests hold a thread each; beyond kMaxLongPolls of a site, or kMaxLongPollsOfAll of the sites on one
// control server, they are refused with kUnavailable. Thread-safe.
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <memory>
#include <utility>

#include "mp/site.h"

namespace smslab::mp {

constexpr int kMaxLongPolls = 8, kMaxLongPollsOfAll = 240;
constexpr std::chrono::milliseconds kMaxWait{60'000};

class LongPolls {
 public:
  // `of_all`: the count of all sites; null: there is one.
  explicit LongPolls(const Site& site, std::shared_ptr<std::atomic<int>> of_all = nullptr)
      : site_(site), of_all_(of_all ? std::move(of_all) : std::make_shared<std::atomic<int>>(0)) {}

  // Reads until `good(value)`, `wait` (of the machine's time) has passed, or the site stops; then the last value, good
  // or not. An error of `read` ends it. What the site writes down beside its records once a change is durable, such as
  // the lines of its logs, is written for all that the value shows.
  template <class T, class Read, class Good>
  Result<T> wait(std::chrono::milliseconds wait, Read read, Good good) {
    uint64_t seen = site_.changes->seen();
    Result<T> value = read();
    if (!value.ok() || wait <= std::chrono::milliseconds(0)) return value;
    if (!good(*value)) {
      const Slot slot(waiting_, kMaxLongPolls), of_all(*of_all_, kMaxLongPollsOfAll);
      if (!slot.granted || !of_all.granted) return too_many();
      const SteadyTime deadline = site_.clock.steady() + std::min(wait, kMaxWait);
      while (site_.changes->wait_past(&seen, deadline)) {
        value = read();
        if (!value.ok() || good(*value)) break;
      }
    }
    site_.store.committer().settle();
    return value;
  }

  // The same for what waits by itself, `time` at most.
  template <class T, class Wait>
  Result<T> hold(std::chrono::milliseconds time, Wait wait) {
    if (time <= std::chrono::milliseconds(0)) return wait(time);
    const Slot slot(waiting_, kMaxLongPolls), of_all(*of_all_, kMaxLongPollsOfAll);
    if (!slot.granted || !of_all.granted) return too_many();
    return wait(std::min(time, kMaxWait));
  }

 private:
  static Status too_many() {
    return {Code::kUnavailable, "too many requests are waiting; ask again without wait_ms, or later"};
  }
  struct Slot {
    Slot(std::atomic<int>& count, int most) : waiting(count), granted(++count <= most) {}
    ~Slot() { --waiting; }
    Slot(const Slot&) = delete;
    Slot& operator=(const Slot&) = delete;

    std::atomic<int>& waiting;
    const bool granted;
  };

  const Site& site_;
  const std::shared_ptr<std::atomic<int>> of_all_;
  std::atomic<int> waiting_ = 0;
};

}  // namespace smslab::mp
