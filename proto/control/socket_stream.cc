#include "proto/control/socket_stream.h"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace smslab::control {
namespace {
constexpr size_t kStreamBuffer = size_t{16} << 10;
}

bool SocketStream::wait(Direction direction) const {
  pollfd one{fd_, static_cast<short>(direction == kRead ? POLLIN : POLLOUT), 0};
  int ready = 0;
  do {
    ready = ::poll(&one, 1, static_cast<int>(std::min<int64_t>(stall_.count(), INT32_MAX)));
  } while (ready < 0 && errno == EINTR);
  return ready > 0;
}

ssize_t SocketStream::fill() {
  in_.erase(0, at_);
  at_ = 0;
  const size_t before = in_.size();
  in_.resize(before + kStreamBuffer);
  ssize_t got = -1;
  while (wait(kRead)) {
    got = ::recv(fd_, in_.data() + before, kStreamBuffer, MSG_DONTWAIT);
    if (got >= 0 || (errno != EAGAIN && errno != EINTR)) break;
  }
  in_.resize(before + static_cast<size_t>(std::max<ssize_t>(got, 0)));
  return got;
}

ssize_t SocketStream::read(char* buffer, size_t size) {
  if (at_ == in_.size()) {
    if (const ssize_t got = fill(); got <= 0) return got;
  }
  const size_t some = std::min(size, in_.size() - at_);
  std::memcpy(buffer, in_.data() + at_, some);
  at_ += some;
  line_ = size == 1 && *buffer != '\n' ? line_ + 1 : 0;
  return line_ > kLongestLine ? -1 : static_cast<ssize_t>(some);
}

ssize_t SocketStream::write(const char* bytes, size_t size) {
  while (wait(kWrite)) {
    const ssize_t put = ::send(fd_, bytes, size, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (put >= 0 || (errno != EAGAIN && errno != EINTR)) return put;
  }
  return -1;
}

void SocketStream::get_remote_ip_and_port(std::string& ip, int& port) const {
  ip = peer_.host;
  port = peer_.port;
}

void SocketStream::get_local_ip_and_port(std::string& ip, int& port) const {
  ip = local_.host;
  port = local_.port;
}

}  // namespace smslab::control
