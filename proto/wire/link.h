// Link: a connected socket that never blocks. The seam where TLS comes in.
//
// One owner, no locks. kEnd: from read, the peer has finished sending; from send_file, the file has no such bytes.
#pragma once

#include <sys/uio.h>

#include <cstdint>
#include <memory>
#include <span>

#include "proto/base/env.h"
#include "proto/base/fd.h"

namespace smslab::wire {

enum class Io { kOk, kWantRead, kWantWrite, kEnd, kError };
struct IoResult {
  Io io = Io::kOk;
  size_t bytes = 0;
};

class Link {
 public:
  virtual ~Link() = default;  // closes
  virtual int fd() const = 0;
  virtual IoResult read(std::span<char> buffer) = 0;
  virtual IoResult write(std::span<const iovec> parts, bool more_follows) = 0;
  virtual IoResult send_file(const ReadableFile& file, uint64_t offset, uint64_t size) = 0;
  virtual void end_sending() = 0;  // what was written still arrives
  virtual void reset() = 0;        // closing will drop what the peer has not taken, and tell it so
};

std::unique_ptr<Link> plain_link(UniqueFd fd);

}  // namespace smslab::wire
