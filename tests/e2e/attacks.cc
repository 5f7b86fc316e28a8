#include "tests/e2e/attacks.h"

#include <netinet/in.h>
#include <poll.h>

#include <thread>

#include "proto/base/utf16.h"
#include "proto/ccm/mime.h"
#include "proto/ccm/zlib.h"
#include "tests/support/tls_probe.h"

namespace smslab::test {
namespace {
constexpr int kBetweenPieces = 20;  // milliseconds in which an answer may come

bool has_event(const HttpProbe& probe, short events, int milliseconds) {
  pollfd wait{.fd = probe.fd(), .events = events, .revents = 0};
  return ::poll(&wait, 1, milliseconds) > 0;
}

std::string post(const ccm::Multipart& envelope) {
  return "CCM_POST /ccm_system/request HTTP/1.1\r\nHost: a\r\nContent-Type: " + envelope.content_type +
         "\r\nContent-Length: " + std::to_string(envelope.body.size()) + "\r\n\r\n" + envelope.body;
}

std::string say(const HostPort& at, const std::string& bytes) {
  HttpProbe probe(at);
  probe.send(bytes);
  return outcome(probe);
}
}  // namespace

std::string repeat(std::string_view text, size_t times) {
  std::string all;
  all.reserve(text.size() * times);
  for (size_t i = 0; i < times; i++) all += text;
  return all;
}

std::string outcome(HttpProbe& probe) {
  const HttpProbe::Reply reply = probe.read_reply();
  if (reply.status == 0) {
    const std::string rest = probe.read_rest();
    if (!probe.at_end()) return "silence";
    return rest.empty() ? "closed" : "no HTTP, closed";
  }
  const std::string status = std::to_string(reply.status) + ", ";
  if (reply.status == 100) return status + outcome(probe);
  if (reply.field("Connection") == "close") {
    probe.end_sending();
    return status + (probe.at_end() ? "closed" : "more");
  }
  return status + (probe.ask("GET", "/nothing").status == 404 ? "open" : "more");
}

Attack to_mp(std::string bytes) {
  return [bytes = std::move(bytes)](const Victim& victim) { return say(victim.mp, bytes); };
}

Attack to_dp(std::string bytes) {
  return [bytes = std::move(bytes)](const Victim& victim) { return say(victim.dp, bytes); };
}

Attack trickle(std::string start, std::string piece) {
  return [start = std::move(start), piece = std::move(piece)](const Victim& victim) {
    HttpProbe probe(victim.mp);
    probe.send(start);
    while (!has_event(probe, POLLIN, kBetweenPieces) && probe.send(piece)) {
    }
    return outcome(probe);
  };
}

Attack flood(std::string start, std::string piece) {
  return [start = std::move(start), piece = std::move(piece)](const Victim& victim) {
    constexpr size_t kMost = size_t{64} << 20;
    HttpProbe probe(victim.mp);
    probe.send(start);
    size_t sent = 0;
    while (sent < kMost && has_event(probe, POLLIN | POLLOUT, -1) && !has_event(probe, POLLIN, 0)) {
      const ssize_t put = ::send(probe.fd(), piece.data(), piece.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
      if (put > 0) sent += static_cast<size_t>(put);
    }
    return outcome(probe) + (sent < kMost ? "" : ", all taken");
  };
}

Attack crowd(size_t count, std::string start) {
  return [count, start = std::move(start)](const Victim& victim) {
    std::vector<std::unique_ptr<HttpProbe>> probes;
    for (size_t i = 0; i < count; i++) {
      probes.push_back(std::make_unique<HttpProbe>(victim.mp, "127.0.2.1"));
      probes.back()->send(start);
    }
    std::string all;
    for (const auto& probe : probes) {
      const std::string one = outcome(*probe);
      if (all.empty()) all = one;
      if (one != all) return all.append(" and ").append(one);
    }
    return all;
  };
}

Attack deaf(std::string target) {
  return [target = std::move(target)](const Victim& victim) {
    HttpProbe probe(victim.dp);
    probe.send("GET " + target + " HTTP/1.1\r\nHost: a\r\n\r\n");
    const bool told = has_event(probe, POLLRDHUP, 20'000);
    return std::string(told ? "cut" : "still open");
  };
}

std::string ccm_post(std::string_view msg, std::string_view payload) {
  return post(ccm::write_parts("\xFF\xFE" + utf16le_from_utf8(msg), utf16le_from_utf8(payload), ""));
}

std::string ccm_bomb(std::string_view begin, std::string_view unit, size_t times, std::string_view end) {
  const std::string_view msg =
      "<Msg><TargetEndpoint>StatusReceiver</TargetEndpoint><Hooks><Hook3 Name=\"zlib-compress\"/></Hooks></Msg>";
  const std::string payload =
      utf16le_from_utf8(begin) + repeat(utf16le_from_utf8(unit), times) + utf16le_from_utf8(end);
  return post(ccm::write_parts("\xFF\xFE" + utf16le_from_utf8(msg), ccm::deflate(payload), ""));
}

std::string client_hello(const std::string& trusted) {
  const UniqueFd door(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* const at = reinterpret_cast<sockaddr*>(&address);
  if (::bind(door.get(), at, size) != 0 || ::listen(door.get(), 1) != 0) return {};
  if (::getsockname(door.get(), at, &size) != 0) return {};
  std::thread client([port = ntohs(address.sin_port), trusted] { const TlsProbe probe({"127.0.0.1", port}, trusted); });
  UniqueFd came(::accept4(door.get(), nullptr, nullptr, SOCK_CLOEXEC));
  std::string hello(4096, '\0');
  const ssize_t got = ::recv(came.get(), hello.data(), hello.size(), 0);
  hello.resize(got > 0 ? static_cast<size_t>(got) : 0);
  came.reset();
  client.join();
  return hello;
}

}  // namespace smslab::test
