// RFC 1950 streams, whole in memory: payloads and compressed policy bodies.
//
//   ASSIGN_OR_RETURN(std::string xml, inflate(stream, size_t{64} << 20));
//
// Pure functions.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "proto/base/status.h"

namespace smslab::ccm {

// Any window size; bytes after the stream's end are ignored. A broken or cut stream is kInvalidArgument, more than
// `limit` bytes kTooLarge (never allocated).
Result<std::string> inflate(std::string_view stream, size_t limit);
// Begins 78 9C: clients that skip a fixed two-byte header can read it (facts: protocol 5.2).
std::string deflate(std::string_view bytes);

// A part of a stream, compressed once and put into many: see splice().
struct Deflated {
  std::string blocks;
  uint32_t adler = 1;
  uint64_t size = 0;  // of what it holds
};
Deflated deflate_beginning(std::string_view bytes);
Deflated deflate_end(std::string_view bytes);
// The stream of beginning, `middle` (which stands in it uncompressed) and end.
std::string splice(const Deflated& beginning, std::string_view middle, const Deflated& end);

}  // namespace smslab::ccm
