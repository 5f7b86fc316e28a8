// HttpProbe: a plain, blocking HTTP connection for tests that care about bytes. Sends what it is told, reads one reply.
//
//   HttpProbe probe(at);                                    // or HttpProbe probe(at, "127.0.0.2")
//   probe.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
//   HttpProbe::Reply reply = probe.read_reply();
//   EXPECT_EQ(reply.status, 200);
//   EXPECT_TRUE(probe.at_end());                            // the server has closed
//
// Nothing waits longer than 20 seconds. A reply that does not come whole has status 0. One owner. TlsProbe is the same
// over TLS.
#pragma once

#include <netdb.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <cerrno>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "proto/base/fd.h"
#include "proto/base/text.h"
#include "proto/base/uri.h"

namespace smslab::test {

class HttpProbe {
 public:
  struct Reply {
    int status = 0;
    std::string head;  // as it came, with the blank line
    std::vector<std::pair<std::string, std::string>> fields;
    std::string body;

    // First value of `name`, any letter case; "" when absent.
    std::string field(std::string_view name) const {
      for (const auto& [key, value] : fields) {
        if (iequals(key, name)) return value;
      }
      return {};
    }
  };

  explicit HttpProbe(const HostPort& to, const std::string& bind_to = {}) : host_(format_host_port(to)) {
    const auto address = resolve(to);
    if (!address) return;
    fd_.reset(::socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const timeval limit{.tv_sec = 20, .tv_usec = 0};
    ::setsockopt(fd_.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    ::setsockopt(fd_.get(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    const int on = 1;  // what is sent goes out now, whatever of the handshake the server has not yet acknowledged
    ::setsockopt(fd_.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (!bind_to.empty()) {
      const auto own = resolve({bind_to, 0});
      if (!own || ::bind(fd_.get(), own->ai_addr, own->ai_addrlen) != 0) fd_.reset();
    }
    if (fd_ && ::connect(fd_.get(), address->ai_addr, address->ai_addrlen) != 0) fd_.reset();
  }

  virtual ~HttpProbe() = default;
  HttpProbe(const HttpProbe&) = delete;
  HttpProbe& operator=(const HttpProbe&) = delete;

  bool connected() const { return static_cast<bool>(fd_); }
  int fd() const { return fd_.get(); }

  // False when the server has gone.
  bool send(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t put = write_some(bytes);
      if (put <= 0) return false;
      bytes.remove_prefix(static_cast<size_t>(put));
    }
    return true;
  }
  virtual void end_sending() { ::shutdown(fd_.get(), SHUT_WR); }
  void close() { fd_.reset(); }

  // The next reply, also a 1xx one. `to_head`: it answers HEAD and has no body.
  Reply read_reply(bool to_head = false) {
    Reply reply;
    size_t end = 0;
    while ((end = in_.find("\r\n\r\n")) == std::string::npos) {
      if (!fill()) return reply;
    }
    reply.head = in_.substr(0, end + 4);
    in_.erase(0, end + 4);
    const int status = parse(&reply);
    const std::string length = reply.field("Content-Length");
    if (to_head || status < 200 || status == 204 || status == 304) {
      reply.status = status;
    } else if (length.empty()) {
      reply.body = read_rest();
      reply.status = status;
    } else {
      const auto size = static_cast<size_t>(parse_u64(length).value_or(0));
      while (in_.size() < size) {
        if (!fill()) return reply;
      }
      reply.body = in_.substr(0, size);
      in_.erase(0, size);
      reply.status = status;
    }
    return reply;
  }

  // A whole exchange on this connection. `fields` are lines with their CR LF.
  Reply ask(std::string_view method, std::string_view target, std::string_view fields = {},
            std::string_view body = {}) {
    std::string request = std::string(method) + " " + std::string(target) + " HTTP/1.1\r\nHost: " + host_ + "\r\n";
    request += fields;
    if (!body.empty()) request += "Content-Length: " + std::to_string(body.size()) + "\r\n";
    request += "\r\n";
    request += body;
    send(request);
    return read_reply(method == "HEAD");
  }

  // So many bytes, or what came of them before the server closed.
  std::string read_exactly(size_t size) {
    while (in_.size() < size && fill()) {
    }
    std::string bytes = in_.substr(0, size);
    in_.erase(0, bytes.size());
    return bytes;
  }
  // Everything until the server closes.
  std::string read_rest() {
    while (fill()) {
    }
    return std::exchange(in_, {});
  }
  // Whether the server closes (or resets) without sending anything more.
  bool at_end() { return in_.empty() && !fill() && !timed_out_; }
  // How the last read ended: by a reset rather than in order.
  bool was_reset() const { return reset_; }

 protected:
  // As send(2) and recv(2).
  virtual ssize_t write_some(std::string_view bytes) {
    return ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
  }
  virtual ssize_t read_some(char* buffer, size_t size) { return ::recv(fd_.get(), buffer, size, 0); }

 private:
  using Address = std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)>;
  static Address resolve(const HostPort& at) {
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    addrinfo* found = nullptr;
    if (::getaddrinfo(at.host.c_str(), std::to_string(at.port).c_str(), &hints, &found) != 0) found = nullptr;
    return {found, ::freeaddrinfo};
  }

  bool fill() {
    char buffer[64 * 1024];
    const ssize_t got = read_some(buffer, sizeof buffer);
    if (got > 0) in_.append(buffer, static_cast<size_t>(got));
    timed_out_ = got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
    reset_ = got < 0 && errno == ECONNRESET;
    return got > 0;
  }

  static int parse(Reply* reply) {
    const auto lines = split(reply->head, '\n');
    for (size_t i = 1; i < lines.size(); i++) {
      const auto colon = lines[i].find(':');
      if (colon == std::string_view::npos) continue;
      reply->fields.emplace_back(lines[i].substr(0, colon), trim(lines[i].substr(colon + 1)));
    }
    const auto space = lines.front().find(' ');
    return static_cast<int>(parse_u64(lines.front().substr(space + 1, 3)).value_or(0));
  }

  const std::string host_;
  UniqueFd fd_;
  std::string in_;  // received, not yet read
  bool timed_out_ = false;
  bool reset_ = false;
};

}  // namespace smslab::test
