// A connection's socket as conn_fuzz makes it up, with the events that a real one would give, and its time.
#pragma once

#include <sys/epoll.h>

#include <algorithm>
#include <string>
#include <string_view>

#include "proto/wire/link.h"
#include "tests/fuzz/fuzz.h"

namespace smslab::fuzz {

class StandingClock final : public Clock {
 public:
  LabTime now() const override { return {}; }
  SteadyTime steady() const override { return steady_; }
  void move_to(SteadyTime time) { steady_ = std::max(steady_, time); }

 private:
  SteadyTime steady_{};
};

// What has come and gone, and what the connection was told of it.
struct Network {
  std::string_view to_come;  // of what the peer sends
  std::string arrived;
  size_t read = 0;
  bool ended = false, broken = false;
  uint32_t news = 0;  // events since the connection was told

  std::string sent;  // by the server
  uint64_t room = UINT64_MAX;
  bool sending_ended = false, closed = false;
  mutable uint64_t unacknowledged = 0;  // each look finds one byte less

  void arrive(size_t bytes) {
    const size_t before = arrived.size();
    arrived += to_come.substr(0, bytes);
    to_come.remove_prefix(arrived.size() - before);
    if (arrived.size() > before) news |= EPOLLIN;
  }
  void end() {
    if (!ended) news |= EPOLLIN | EPOLLRDHUP;
    ended = true;
  }
  void break_off() {
    broken = true;
    news |= EPOLLIN | EPOLLHUP | EPOLLERR;
  }
  bool readable() const { return read < arrived.size() || ended || broken; }
  // Everything that holds, as an event tells that was asked for anew.
  uint32_t readiness() const {
    return (room > 0 ? EPOLLOUT : 0) | (readable() ? EPOLLIN : 0) | (ended ? EPOLLRDHUP : 0) |
           (broken ? EPOLLHUP | EPOLLERR : 0);
  }
};

class FakeLink final : public wire::Link {
 public:
  explicit FakeLink(Network& network) : network_(network) {}
  ~FakeLink() override { network_.closed = true; }

  int fd() const override { return -1; }
  UniqueFd release() override { return {}; }

  wire::IoResult read(std::span<char> buffer) override {
    if (network_.broken) return {wire::Io::kError};
    const size_t bytes = std::min(buffer.size(), network_.arrived.size() - network_.read);
    if (bytes == 0) return {network_.ended ? wire::Io::kEnd : wire::Io::kWantRead};
    if (network_.read == 0 && network_.arrived[0] == 0x16) return {wire::Io::kTls};
    network_.arrived.copy(buffer.data(), bytes, network_.read);
    network_.read += bytes;
    return {wire::Io::kOk, bytes, bytes < buffer.size()};
  }

  wire::IoResult write(std::span<const iovec> parts, bool) override {
    if (network_.broken) return {wire::Io::kError};
    MUST(!network_.sending_ended);
    size_t bytes = 0;
    for (const iovec& part : parts) {
      const auto taken = static_cast<size_t>(std::min<uint64_t>(part.iov_len, network_.room));
      network_.sent.append(static_cast<const char*>(part.iov_base), taken);
      network_.room -= taken;
      bytes += taken;
    }
    return bytes > 0 ? wire::IoResult{wire::Io::kOk, bytes} : wire::IoResult{wire::Io::kWantWrite};
  }

  wire::IoResult send_file(const ReadableFile& file, uint64_t offset, uint64_t size) override {
    char buffer[100];
    const auto got = file.pread(offset, {buffer, static_cast<size_t>(std::min<uint64_t>(size, sizeof buffer))});
    if (!got.ok() || *got == 0) return {wire::Io::kEnd};
    const iovec part{buffer, *got};
    return write({&part, 1}, false);
  }

  uint64_t unsent() const override { return network_.unacknowledged == 0 ? 0 : network_.unacknowledged--; }
  void end_sending() override { network_.sending_ended = true; }
  void reset() override { network_.sending_ended = true; }

 private:
  Network& network_;
};

}  // namespace smslab::fuzz
