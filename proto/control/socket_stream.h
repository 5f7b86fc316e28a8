// SocketStream: httplib's end of a connected socket, for the server and the client. What is read first may be in memory
// already.
//
//   SocketStream stream(fd, peer, local, &in, kStall);
//
// Non-blocking sockets and others; waits by poll, `stall` at most for each read and write. httplib reads lines (of
// heads and between chunks) byte by byte and keeps them however long they are: a line beyond kLongestLine is an error
// here. One thread.
#pragma once

#include <httplib.h>

#include <chrono>
#include <string>

#include "proto/base/uri.h"

namespace smslab::control {

inline constexpr size_t kLongestLine = size_t{16} << 10;

class SocketStream : public httplib::Stream {
 public:
  // `in` is read first, and keeps what was read ahead and not used.
  SocketStream(int fd, HostPort peer, HostPort local, std::string* in, std::chrono::milliseconds stall)
      : fd_(fd), peer_(std::move(peer)), local_(std::move(local)), in_(*in), stall_(stall) {}

  bool is_readable() const override { return at_ < in_.size() || wait(kRead); }
  bool is_writable() const override { return wait(kWrite); }
  ssize_t read(char* buffer, size_t size) override;
  ssize_t write(const char* bytes, size_t size) override;
  void get_remote_ip_and_port(std::string& ip, int& port) const override;
  void get_local_ip_and_port(std::string& ip, int& port) const override;
  socket_t socket() const override { return fd_; }
  ~SocketStream() override { in_.erase(0, at_); }
  SocketStream(const SocketStream&) = delete;
  SocketStream& operator=(const SocketStream&) = delete;

 protected:
  ssize_t fill();  // more into in_: how much; 0 at the end, -1 at an error or when nothing came for too long
  std::string_view waiting() const { return std::string_view(in_).substr(at_); }

 private:
  enum Direction { kRead, kWrite };
  bool wait(Direction direction) const;

  const int fd_;
  const HostPort peer_, local_;
  std::string& in_;
  size_t at_ = 0;    // of in_: used
  size_t line_ = 0;  // bytes that were read one by one since the last end of a line
  const std::chrono::milliseconds stall_;
};

}  // namespace smslab::control
