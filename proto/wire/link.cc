#include "proto/wire/link.h"

#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

namespace smslab::wire {
namespace {
constexpr char kTlsHandshake = 0x16;

IoResult from_errno_of(Io want) {
  if (errno == EAGAIN || errno == EWOULDBLOCK) return {want};
  return {Io::kError};
}

class PlainLink final : public Link {
 public:
  PlainLink(UniqueFd fd, bool near) : fd_(std::move(fd)), near_(near) {}

  int fd() const override { return fd_.get(); }

  UniqueFd release() override { return std::move(fd_); }

  IoResult read(std::span<char> buffer) override {
    if (fresh_) {
      char byte = 0;
      if (::recv(fd_.get(), &byte, 1, MSG_DONTWAIT | MSG_PEEK) < 0) return from_errno_of(Io::kWantRead);
      if (byte == kTlsHandshake) return {Io::kTls};
      fresh_ = false;
    }
    const ssize_t got = again([&] { return ::recv(fd_.get(), buffer.data(), buffer.size(), MSG_DONTWAIT); });
    if (got < 0) return from_errno_of(Io::kWantRead);
    const auto bytes = static_cast<size_t>(got);
    return {got == 0 ? Io::kEnd : Io::kOk, bytes, bytes < buffer.size()};
  }

  IoResult write(std::span<const iovec> parts, bool more_follows) override {
    msghdr message{};
    message.msg_iov = const_cast<iovec*>(parts.data());  // sendmsg does not write to it
    message.msg_iovlen = parts.size();
    const int flags = MSG_DONTWAIT | MSG_NOSIGNAL | (more_follows ? MSG_MORE : 0);
    const ssize_t put = again([&] { return ::sendmsg(fd_.get(), &message, flags); });
    if (put < 0) return from_errno_of(Io::kWantWrite);
    return {Io::kOk, static_cast<size_t>(put)};
  }

  IoResult send_file(const ReadableFile& file, uint64_t offset, uint64_t size) override {
    if (near_ || file.fd() < 0) return send_read(file, offset, size);
    auto at = static_cast<off_t>(offset);
    const ssize_t put = again([&] { return ::sendfile(fd_.get(), file.fd(), &at, std::min(size, kFileStep)); });
    if (put > 0) return {Io::kOk, static_cast<size_t>(put)};
    if (put == 0 || errno == EIO) return {Io::kEnd};
    return from_errno_of(Io::kWantWrite);
  }

  uint64_t unsent() const override { return unsent_of(fd_.get()); }
  void end_sending() override { ::shutdown(fd_.get(), SHUT_WR); }
  void reset() override { reset_on_close(fd_.get()); }

 private:
  // By way of our memory. What the socket does not take is read again. Small steps stay in the processor's cache.
  IoResult send_read(const ReadableFile& file, uint64_t offset, uint64_t size) {
    std::array<char, size_t{32} * 1024> buffer;
    const auto got = file.pread(offset, {buffer.data(), static_cast<size_t>(std::min<uint64_t>(size, buffer.size()))});
    if (!got.ok() || *got == 0) return {Io::kEnd};
    const iovec part{buffer.data(), *got};
    return write({&part, 1}, false);
  }

  UniqueFd fd_;
  const bool near_;
  bool fresh_ = true;  // nothing was read
};
}  // namespace

void reset_on_close(int fd) {
  const linger now{.l_onoff = 1, .l_linger = 0};
  ::setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
}

uint64_t unsent_of(int fd) {
  int bytes = 0;
  return ::ioctl(fd, SIOCOUTQ, &bytes) == 0 && bytes > 0 ? static_cast<uint64_t>(bytes) : 0;
}

std::unique_ptr<Link> plain_link(UniqueFd fd, bool near) { return std::make_unique<PlainLink>(std::move(fd), near); }

}  // namespace smslab::wire
