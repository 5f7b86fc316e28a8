#include "tests/bench/busy.h"

#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>

namespace smslab::bench {
namespace {
using Steady = std::chrono::steady_clock;
constexpr std::chrono::milliseconds kMeanwhile{1};
}  // namespace

void Latencies::finish() {
  if (all_.empty()) die("nothing was answered");
  std::sort(all_.begin(), all_.end());
}

double Latencies::at(double quantile) const {
  const auto rank = static_cast<size_t>(quantile * static_cast<double>(all_.size()));
  return static_cast<double>(all_[std::min(rank, all_.size() - 1)]) / 1e3;
}

Busy::Busy(const HostPort& at, const std::string& target, size_t connections)
    : request_(get_request(target)), epoll_(::epoll_create1(EPOLL_CLOEXEC)) {
  for (size_t i = 0; i < connections; i++) {
    askers_.push_back({Peer(at), {}, {}});
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.u64 = i;
    if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, askers_.back().peer.fd(), &event) != 0) die("epoll_ctl");
  }
}

void Busy::ask(Asker& asker) const {
  asker.asked = Steady::now();
  asker.peer.send(request_);
}

Latencies Busy::run(std::chrono::nanoseconds time, const std::function<void()>& meanwhile) {
  std::array<char, size_t{64} * 1024> buffer;
  std::array<epoll_event, 16> events;
  Latencies seen;
  const auto end = Steady::now() + time;
  auto next = Steady::now();
  size_t waiting = askers_.size();
  for (Asker& asker : askers_) ask(asker);
  while (waiting > 0) {  // to the last reply, so that the connections can be used again
    const int ready = ::epoll_wait(epoll_.get(), events.data(), events.size(), 1'000);
    const auto now = Steady::now();
    if (ready <= 0 && now > end + std::chrono::seconds(20)) die("a busy connection is not answered");
    for (int i = 0; i < ready; i++) {
      Asker& asker = askers_[events[static_cast<size_t>(i)].data.u64];
      const ssize_t got = ::recv(asker.peer.fd(), buffer.data(), buffer.size(), 0);
      if (got <= 0) die("a busy connection was closed");
      if (!asker.meter.take({buffer.data(), static_cast<size_t>(got)})) continue;
      seen.add(Steady::now() - asker.asked);
      if (now < end) {
        ask(asker);
      } else {
        waiting--;
      }
    }
    if (now >= next) {
      meanwhile();
      next = now + kMeanwhile;
    }
  }
  seen.finish();
  return seen;
}

}  // namespace smslab::bench
