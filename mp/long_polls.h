// LongPolls: requests that wait for a state, bounded so that they cannot eat the control server's threads.
//
//   return polls.wait<v1::Package>(wait_ms, [&] { return show_package(site, id); }, settled);
//
// Waiting requests hold a thread each; beyond kMaxLongPolls they are refused with kUnavailable. Thread-safe.
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>

#include "mp/site.h"

namespace smslab::mp {

constexpr int kMaxLongPolls = 8;
constexpr std::chrono::milliseconds kMaxWait{60'000};

class LongPolls {
 public:
  explicit LongPolls(const Site& site) : site_(site) {}

  // Reads until `good(value)`, `wait` (of the machine's time) has passed, or the site stops; then the last value, good
  // or not. An error of `read` ends it.
  template <class T, class Read, class Good>
  Result<T> wait(std::chrono::milliseconds wait, Read read, Good good) {
    uint64_t seen = site_.changes->seen();
    Result<T> value = read();
    if (!value.ok() || good(*value) || wait <= std::chrono::milliseconds(0)) return value;
    const Slot slot(waiting_);
    if (!slot.granted) {
      return too_many();
    }
    const SteadyTime deadline = site_.clock.steady() + std::min(wait, kMaxWait);
    while (site_.changes->wait_past(&seen, deadline)) {
      value = read();
      if (!value.ok() || good(*value)) break;
    }
    return value;
  }

  // The same for what waits by itself, `time` at most.
  template <class T, class Wait>
  Result<T> hold(std::chrono::milliseconds time, Wait wait) {
    if (time <= std::chrono::milliseconds(0)) return wait(time);
    const Slot slot(waiting_);
    if (!slot.granted) return too_many();
    return wait(std::min(time, kMaxWait));
  }

 private:
  static Status too_many() {
    return {Code::kUnavailable, "too many requests are waiting; ask again without wait_ms, or later"};
  }
  struct Slot {
    explicit Slot(std::atomic<int>& count) : waiting(count), granted(++count <= kMaxLongPolls) {}
    ~Slot() { --waiting; }
    Slot(const Slot&) = delete;
    Slot& operator=(const Slot&) = delete;

    std::atomic<int>& waiting;
    const bool granted;
  };

  const Site& site_;
  std::atomic<int> waiting_ = 0;
};

}  // namespace smslab::mp
