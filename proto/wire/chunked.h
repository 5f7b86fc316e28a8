// The chunked transfer coding of a request body (RFC 9112 7.1), taken in whatever pieces the socket gives.
//
//   ChunkedBody chunked(limits);
//   in.consume(chunked.take(in.view(), &body));      // until done() or refuse() != 0
//
// Extensions and trailer fields are checked and dropped. Strict as the head is: CR LF only, no sign, no blanks.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace smslab::wire {

struct ChunkedLimits {
  uint64_t body_bytes = uint64_t{16} << 20;
  size_t line_bytes = 4096;  // a chunk's size with its extensions, or a trailer field
  size_t trailer_bytes = size_t{32} * 1024;
};

class ChunkedBody {
 public:
  explicit ChunkedBody(const ChunkedLimits& limits) : limits_(limits) {}

  // Appends content to *body; the number of bytes taken. What follows the end is not touched.
  size_t take(std::string_view input, std::string* body);
  bool done() const { return state_ == State::kDone; }
  int refuse() const { return refuse_; }  // 0, or the status to refuse with
  std::string_view reason() const { return reason_; }

 private:
  enum class State { kSize, kData, kDataEnd, kTrailer, kDone };
  void take_line(std::string_view line);
  void take_size(std::string_view line);
  void bad(int status, std::string_view reason);

  ChunkedLimits limits_;
  State state_ = State::kSize;
  std::string line_;     // as much of one as has come
  uint64_t left_ = 0;    // of the chunk
  uint64_t total_ = 0;   // announced so far
  size_t trailers_ = 0;  // bytes
  int refuse_ = 0;
  std::string_view reason_;
};

}  // namespace smslab::wire
