#include "tests/client/fake_server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cstdlib>

#include "proto/base/text.h"

namespace smslab::testing {
namespace {
bool receive(int fd, std::string* in) {
  char buffer[16384];
  const ssize_t got = ::recv(fd, buffer, sizeof buffer, 0);
  if (got <= 0) return false;
  in->append(buffer, static_cast<size_t>(got));
  return true;
}

bool send_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t put = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (put <= 0) return false;
    bytes.remove_prefix(static_cast<size_t>(put));
  }
  return true;
}

bool read_request(int fd, std::string* in, FakeRequest* request) {
  size_t end = 0;
  while ((end = in->find("\r\n\r\n")) == std::string::npos) {
    if (!receive(fd, in)) return false;
  }
  const auto lines = split(std::string_view(*in).substr(0, end), '\n');
  const auto start = split(trim(lines[0]), ' ');
  request->method = start[0];
  request->target = start[1];
  for (size_t i = 1; i < lines.size(); i++) {
    const size_t colon = lines[i].find(':');
    if (colon == std::string_view::npos) continue;
    request->fields.emplace_back(lines[i].substr(0, colon), trim(lines[i].substr(colon + 1)));
  }
  in->erase(0, end + 4);
  const size_t length = parse_u64(request->field("Content-Length")).value_or(0);
  while (in->size() < length) {
    if (!receive(fd, in)) return false;
  }
  request->body = in->substr(0, length);
  in->erase(0, length);
  return true;
}
}  // namespace

std::string FakeRequest::field(std::string_view name) const {
  for (const auto& [key, value] : fields) {
    if (iequals(key, name)) return value;
  }
  return {};
}

FakeServer::FakeServer(Handler handler) : handler_(std::move(handler)) {
  listener_.reset(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof at;
  auto* address = reinterpret_cast<sockaddr*>(&at);
  if (::bind(listener_.get(), address, size) != 0 || ::listen(listener_.get(), 64) != 0 ||
      ::getsockname(listener_.get(), address, &size) != 0) {
    std::abort();
  }
  port_ = ntohs(at.sin_port);
  acceptor_ = std::thread([this] { accept_all(); });
}

FakeServer::~FakeServer() {
  std::list<Link> links;
  {
    const MutexLock lock(mu_);
    ended_ = true;
    ::shutdown(listener_.get(), SHUT_RDWR);
    for (const Link& link : links_) ::shutdown(link.fd.get(), SHUT_RDWR);
  }
  acceptor_.join();
  {
    const MutexLock lock(mu_);
    links.swap(links_);
  }
  for (Link& link : links) link.thread.join();
}

void FakeServer::accept_all() {
  for (;;) {
    UniqueFd fd(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    const MutexLock lock(mu_);
    if (!fd || ended_) return;
    const int raw = fd.get();
    links_.push_back({std::move(fd), std::thread([this, raw] { serve(raw); })});
  }
}

void FakeServer::serve(int fd) {
  std::string in;
  for (;;) {
    FakeRequest request;
    if (!read_request(fd, &in, &request)) break;
    const FakeReply reply = handler_(request);
    std::string out = "HTTP/1.1 " + std::to_string(reply.status) + " Fake\r\n";
    for (const auto& [name, value] : reply.fields) out += name + ": " + value + "\r\n";
    const std::string length = reply.length.value_or(std::to_string(reply.body.size()));
    if (!length.empty()) out += "Content-Length: " + length + "\r\n";
    out += "\r\n";
    const std::string_view body = request.method == "HEAD" ? std::string_view() : reply.body;
    out += body.substr(0, reply.cut_after.value_or(body.size()));
    if (!send_all(fd, out) || reply.cut_after) break;
  }
  ::shutdown(fd, SHUT_RDWR);
}

}  // namespace smslab::testing
