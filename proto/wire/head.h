// The head of an HTTP/1.1 request: strict parse with limits (RFC 9112). What is ambiguous is refused, never guessed.
//
//   if (size_t end = head_end(buffer, searched)) {
//     Refusal refusal = parse_head(buffer.substr(0, end), limits, &head);
//     if (refusal.status != 0) ... answer that status and close
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

struct Refusal {
  int status = 0;           // 0: none. The connection must close after it
  std::string_view reason;  // for the log
};

// Fills *head anew, in the memory that an earlier one left there; refused, as far as it was read.
Refusal parse_head(std::string_view bytes, const HeadLimits& limits, Head* head);

// Offset one past the blank line that ends a head; 0 if it is not there yet. `from`: already searched.
size_t head_end(std::string_view bytes, size_t from);

}  // namespace smslab::wire
