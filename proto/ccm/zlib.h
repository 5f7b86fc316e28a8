// RFC 1950 streams, whole in memory: payloads and compressed policy bodies.
//
//   ASSIGN_OR_RETURN(std::string xml, inflate(stream, size_t{64} << 20));
//
// Pure functions.
#pragma once

#include <string>
#include <string_view>

#include "proto/base/status.h"

namespace smslab::ccm {

// Any window size; bytes after the stream's end are ignored. A broken or cut stream is kInvalidArgument, more than
// `limit` bytes kTooLarge (never allocated).
Result<std::string> inflate(std::string_view stream, size_t limit);
// Begins 78 9C: clients that skip a fixed two-byte header can read it (facts: protocol 5.2).
std::string deflate(std::string_view bytes);

}  // namespace smslab::ccm
