// The head of an HTTP/1.1 request: strict parse with limits (RFC 9112). What is ambiguous is refused, never guessed.
//
//   if (size_t end = head_end(buffer, searched)) {
//     ParsedHead head = parse_head(buffer.substr(0, end), limits);
//     if (head.refuse != 0) ... answer that status and close
//   }
//
// Pure functions.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "proto/wire/handler.h"

namespace smslab::wire {

struct HeadLimits {
  size_t bytes = size_t{32} * 1024;  // request line and all fields
  size_t fields = 100;
  size_t target_bytes = size_t{8} * 1024;
};

enum class Framing { kNone, kLength, kChunked };

struct Head {
  std::string method, target;
  bool http11 = true;  // else HTTP/1.0
  Fields fields;
  Framing framing = Framing::kNone;
  uint64_t length = 0;  // with kLength
  bool keep_alive = true;
  bool expect_continue = false;
};

struct ParsedHead {
  int refuse = 0;      // 0, or the status to refuse with; the connection must then close
  std::string reason;  // for the log
  Head head;
};

ParsedHead parse_head(std::string_view bytes, const HeadLimits& limits);

// Offset one past the blank line that ends a head; 0 if it is not there yet. `from`: already searched.
size_t head_end(std::string_view bytes, size_t from);

}  // namespace smslab::wire
