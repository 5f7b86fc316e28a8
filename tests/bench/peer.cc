#include "tests/bench/peer.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "proto/base/text.h"

namespace smslab::bench {
namespace {
constexpr std::string_view kLength = "\r\nContent-Length: ";

void set_option(int fd, int level, int name, int value) { ::setsockopt(fd, level, name, &value, sizeof value); }
}  // namespace

void die(const std::string& why) {
  std::fprintf(stderr, "crowd: %s\n", why.c_str());
  std::exit(1);
}

std::string get_request(std::string_view target) {
  return "GET " + std::string(target) + " HTTP/1.1\r\nHost: crowd\r\n\r\n";
}

bool ReplyMeter::take(std::string_view bytes) {
  if (!in_body_) {
    head_ += bytes;
    const size_t end = head_.find("\r\n\r\n");
    if (end == std::string::npos) return false;
    const size_t length = head_.find(kLength);
    if (!head_.starts_with("HTTP/1.1 200 ") || length > end) die("unexpected reply: " + head_.substr(0, end));
    const size_t from = length + kLength.size();
    left_ = static_cast<size_t>(parse_u64(head_.substr(from, head_.find('\r', from) - from)).value_or(0));
    in_body_ = true;
    bytes.remove_prefix(bytes.size() - (head_.size() - end - 4));
  }
  if (bytes.size() > left_) die("more bytes than the reply has");
  left_ -= bytes.size();
  if (left_ > 0) return false;
  head_.clear();
  in_body_ = false;
  return true;
}

Peer::Peer(const HostPort& at, const PeerOptions& options) : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  if (!fd_) die(std::string("socket: ") + std::strerror(errno));
  const timeval limit{.tv_sec = 20, .tv_usec = 0};
  ::setsockopt(fd(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  ::setsockopt(fd(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
  if (options.receive_buffer > 0) set_option(fd(), SOL_SOCKET, SO_RCVBUF, options.receive_buffer);
  set_option(fd(), IPPROTO_TCP, TCP_NODELAY, 1);
  const linger reset{.l_onoff = 1, .l_linger = 0};
  ::setsockopt(fd(), SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(at.port);
  if (::inet_pton(AF_INET, at.host.c_str(), &to.sin_addr) != 1) die(at.host + " is not an IPv4 address");
  if (::connect(fd(), reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0) {
    die(std::string("connect: ") + std::strerror(errno));
  }
}

void Peer::send(std::string_view bytes) const {
  if (::send(fd(), bytes.data(), bytes.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(bytes.size())) {
    die(std::string("send: ") + std::strerror(errno));
  }
}

void Peer::read_reply() const {
  std::array<char, size_t{64} * 1024> buffer;
  ReplyMeter meter;
  while (true) {
    const ssize_t got = ::recv(fd(), buffer.data(), buffer.size(), 0);
    if (got <= 0) die("a reply does not come");
    if (meter.take({buffer.data(), static_cast<size_t>(got)})) return;
  }
}

void Peer::read_some(size_t bytes) const {
  std::string buffer(bytes, '\0');
  if (::recv(fd(), buffer.data(), buffer.size(), 0) <= 0) die("a reply does not begin");
}

bool Peer::try_read(size_t bytes) const {
  std::string buffer(bytes, '\0');
  const ssize_t got = ::recv(fd(), buffer.data(), buffer.size(), MSG_DONTWAIT);
  if (got == 0 || (got < 0 && errno != EAGAIN)) die("the server has cut a slow reader");
  return got > 0;
}

bool Peer::connected() const {
  char one = 0;
  return ::recv(fd(), &one, 1, MSG_PEEK | MSG_DONTWAIT) < 0 && errno == EAGAIN;
}

}  // namespace smslab::bench
