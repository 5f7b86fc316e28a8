// Busy: a few connections that ask for the same thing as fast as they are answered.
//
//   Busy busy(at, "/file", 16);
//   const Latencies seen = busy.run(std::chrono::seconds(2), [] { /* about every millisecond */ });
//   seen.at(0.99);                                     // microseconds
//
// One thread, epoll and a steady clock. Failures end the program, as in peer.h.
#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <vector>

#include "tests/bench/peer.h"

namespace smslab::bench {

// Every latency seen, in nanoseconds.
class Latencies {
 public:
  void add(std::chrono::nanoseconds one) { all_.push_back(one.count()); }
  void finish();                     // sorts; at() needs it
  double at(double quantile) const;  // microseconds
  size_t count() const { return all_.size(); }

 private:
  std::vector<int64_t> all_;
};

class Busy {
 public:
  Busy(const HostPort& at, const std::string& target, size_t connections);
  Latencies run(std::chrono::nanoseconds time, const std::function<void()>& meanwhile);

 private:
  struct Asker {
    Peer peer;
    ReplyMeter meter;
    std::chrono::steady_clock::time_point asked;
  };
  void ask(Asker& asker) const;

  const std::string request_;
  UniqueFd epoll_;
  std::vector<Asker> askers_;
};

}  // namespace smslab::bench
