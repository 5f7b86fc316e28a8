#include "proto/wire/listener.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <memory>

namespace smslab::wire {
namespace {
HostPort host_port(const sockaddr_storage& address) {
  char text[INET6_ADDRSTRLEN] = "";
  if (address.ss_family == AF_INET6) {
    sockaddr_in6 v6{};
    std::memcpy(&v6, &address, sizeof v6);
    ::inet_ntop(AF_INET6, &v6.sin6_addr, text, sizeof text);
    return {text, ntohs(v6.sin6_port)};
  }
  sockaddr_in v4{};
  std::memcpy(&v4, &address, sizeof v4);
  ::inet_ntop(AF_INET, &v4.sin_addr, text, sizeof text);
  return {text, ntohs(v4.sin_port)};
}

HostPort local_address(int fd) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size);
  return host_port(address);
}

void set_option(int fd, int level, int name) {
  const int on = 1;
  ::setsockopt(fd, level, name, &on, sizeof on);
}

Status cannot_listen(const HostPort& at, int error) {
  const std::string where = format_host_port(at);
  switch (error) {
    case EADDRINUSE: return {Code::kUnavailable, where + " is taken: another program listens there"};
    case EADDRNOTAVAIL: return {Code::kUnavailable, where + " is not an address of this machine"};
    case EACCES: return {Code::kUnavailable, where + " needs more rights than this program has"};
    default: return from_errno(error, "listen at " + where);
  }
}

UniqueFd open_spare() { return UniqueFd(::open("/dev/null", O_RDONLY | O_CLOEXEC)); }
}  // namespace

Listener::Listener(UniqueFd fd, HostPort bound) : fd_(std::move(fd)), bound_(std::move(bound)), spare_(open_spare()) {}

Result<std::unique_ptr<Listener>> Listener::open(const HostPort& at) {
  addrinfo hints{};
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (const int error = ::getaddrinfo(at.host.c_str(), std::to_string(at.port).c_str(), &hints, &found); error != 0) {
    return invalid_argument("'" + at.host + "' is not an address to listen at: " + ::gai_strerror(error));
  }
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> address(found, ::freeaddrinfo);
  UniqueFd fd(::socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd) return from_errno(errno, "socket");
  // Never SO_REUSEPORT: a second server on this port must be told, not given every other connection.
  set_option(fd.get(), SOL_SOCKET, SO_REUSEADDR);
  set_option(fd.get(), IPPROTO_TCP, TCP_NODELAY);  // which its connections inherit
  if (address->ai_family == AF_INET6) set_option(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY);
  if (::bind(fd.get(), address->ai_addr, address->ai_addrlen) != 0 || ::listen(fd.get(), SOMAXCONN) != 0) {
    return cannot_listen(at, errno);
  }
  HostPort bound{at.host, local_address(fd.get()).port};
  return std::unique_ptr<Listener>(new Listener(std::move(fd), std::move(bound)));
}

Result<std::optional<Accepted>> Listener::accept() {
  sockaddr_storage peer{};
  socklen_t size = sizeof peer;
  UniqueFd fd(::accept4(fd_.get(), reinterpret_cast<sockaddr*>(&peer), &size, SOCK_NONBLOCK | SOCK_CLOEXEC));
  if (!fd) {
    const int error = errno;
    if (error == EMFILE || error == ENFILE) shed();
    if (error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM) {
      return from_errno(error, "accept a connection");
    }
    return std::optional<Accepted>();  // none waits, it is gone again, or the door is closed
  }
  HostPort local = local_address(fd.get());
  return std::optional<Accepted>({std::move(fd), host_port(peer), std::move(local)});
}

void Listener::shed() {
  const MutexLock lock(mu_);
  spare_.reset();
  UniqueFd refused(::accept4(fd_.get(), nullptr, nullptr, SOCK_CLOEXEC));
  refused.reset();
  spare_ = open_spare();
}

// Shutting down a listening socket makes it refuse; closing it could hand its number to somebody else meanwhile.
void Listener::close_door() { ::shutdown(fd_.get(), SHUT_RDWR); }

// A port that the system chose is given back with that, and has to be taken again at once; one that was asked for is
// still bound (EINVAL).
Status Listener::shut_door() {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  ::getsockname(fd_.get(), reinterpret_cast<sockaddr*>(&address), &size);
  close_door();
  if (::bind(fd_.get(), reinterpret_cast<const sockaddr*>(&address), size) == 0 || errno == EINVAL) return {};
  return cannot_listen(bound_, errno);
}

Status Listener::open_door() { return ::listen(fd_.get(), SOMAXCONN) == 0 ? Status() : cannot_listen(bound_, errno); }

}  // namespace smslab::wire
