// Link: a connected socket that never blocks, plain or under TLS.
//
// One owner, no locks. kEnd: from read, the peer has finished sending; from send_file, the file has no such bytes.
#pragma once

#include <sys/uio.h>

#include <cerrno>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "proto/base/env.h"
#include "proto/base/fd.h"

namespace smslab::wire {

// kTls, from the first read of a plain link alone: the peer speaks TLS, and nothing was taken. kAgain, from a read:
// there was nothing for us in what came, and there may be more.
enum class Io { kOk, kWantRead, kWantWrite, kAgain, kEnd, kError, kTls };
struct IoResult {
  Io io = Io::kOk;
  size_t bytes = 0;
  bool drained = false;  // of a read: the socket held no more
};

class Link {
 public:
  virtual ~Link() = default;  // closes
  virtual int fd() const = 0;
  virtual IoResult read(std::span<char> buffer) = 0;
  virtual IoResult write(std::span<const iovec> parts, bool more_follows) = 0;
  virtual IoResult send_file(const ReadableFile& file, uint64_t offset, uint64_t size) = 0;
  virtual IoResult flush() { return {}; }        // kOk once the socket has taken all that was written
  virtual uint64_t unsent() const { return 0; }  // written, and not yet acknowledged by the peer
  virtual void end_sending() = 0;                // what was written still arrives
  virtual void reset() = 0;                      // closing will drop what the peer has not taken, and tell it so

  virtual bool secure() const { return false; }
  virtual bool opening() const { return false; }           // a handshake is under way
  virtual std::string_view problem() const { return {}; }  // what kError was about, where TLS says
  virtual UniqueFd release() = 0;                          // for the link that takes over
};

constexpr uint64_t kFileStep = uint64_t{1} << 20;  // of one call of send_file

// `near`: the peer is on this machine. Its bytes are copied anyway, and then reading and writing costs less than
// sendfile (docs/performance.md).
std::unique_ptr<Link> plain_link(UniqueFd fd, bool near);

// A signal is no reason to wait: no event would follow.
template <class Call>
ssize_t again(Call call) {
  ssize_t result = 0;
  do {
    result = call();
  } while (result < 0 && errno == EINTR);
  return result;
}

void reset_on_close(int fd);
uint64_t unsent_of(int fd);  // written, and not yet acknowledged by the peer

}  // namespace smslab::wire
