// CannedServer: the bytes that a client sends, and answers that no HTTP library would give.
#pragma once

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <functional>
#include <string>
#include <thread>

#include "proto/base/fd.h"

namespace smslab::testing {

inline sockaddr_in loopback(uint16_t port) {
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_port = htons(port);
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return at;
}

inline void send_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (n <= 0) return;
    bytes.remove_prefix(static_cast<size_t>(n));
  }
}

// Until `enough` says so, or the end.
inline std::string receive(int fd, const std::function<bool(const std::string&)>& enough) {
  std::string out;
  char buffer[4096];
  while (!enough(out)) {
    const ssize_t n = ::recv(fd, buffer, sizeof buffer, 0);
    if (n <= 0) break;
    out.append(buffer, static_cast<size_t>(n));
  }
  return out;
}

// A server that takes one connection after the other, reads one request head and `body` bytes more, and answers with
// the next of its answers; then it ends the connection.
class CannedServer {
 public:
  struct Answer {
    std::string bytes;
    size_t body = 0;
  };

  explicit CannedServer(std::vector<Answer> answers) : answers_(std::move(answers)) {
    listener_ = UniqueFd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in at = loopback(0);
    socklen_t size = sizeof at;
    if (::bind(listener_.get(), reinterpret_cast<const sockaddr*>(&at), sizeof at) != 0 ||
        ::listen(listener_.get(), 8) != 0 ||
        ::getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&at), &size) != 0) {
      std::abort();
    }
    port_ = ntohs(at.sin_port);
    thread_ = std::thread([this] { serve(); });
  }
  ~CannedServer() {
    ::shutdown(listener_.get(), SHUT_RDWR);
    thread_.join();
  }

  std::string base() const { return "http://127.0.0.1:" + std::to_string(port_); }
  // After all answers were given.
  const std::vector<std::string>& requests() {
    ::shutdown(listener_.get(), SHUT_RDWR);
    if (thread_.joinable()) thread_.join();
    thread_ = std::thread([] {});
    return requests_;
  }
  const std::string& peer() const { return peer_; }

 private:
  void serve() {
    for (const Answer& answer : answers_) {
      sockaddr_in from{};
      socklen_t size = sizeof from;
      UniqueFd fd(::accept4(listener_.get(), reinterpret_cast<sockaddr*>(&from), &size, SOCK_CLOEXEC));
      if (fd.get() < 0) return;
      char text[INET_ADDRSTRLEN] = {};
      ::inet_ntop(AF_INET, &from.sin_addr, text, sizeof text);
      peer_ = text;
      requests_.push_back(receive(fd.get(), [&](const std::string& got) {
        const size_t end = got.find("\r\n\r\n");
        return end != std::string::npos && got.size() >= end + 4 + answer.body;
      }));
      // The end travels with the last byte: a client that has the answer knows that the connection is over.
      const int on = 1;
      ::setsockopt(fd.get(), IPPROTO_TCP, TCP_CORK, &on, sizeof on);
      send_all(fd.get(), answer.bytes);
      ::shutdown(fd.get(), SHUT_WR);
    }
  }

  const std::vector<Answer> answers_;
  UniqueFd listener_;
  uint16_t port_ = 0;
  std::vector<std::string> requests_;
  std::string peer_;
  std::thread thread_;
};

}  // namespace smslab::testing
