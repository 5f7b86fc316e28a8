#include "proto/wire/chunked.h"

#include <algorithm>
#include <charconv>

#include "proto/wire/grammar.h"

namespace smslab::wire {

void ChunkedBody::bad(int status, std::string_view reason) {
  refuse_ = status;
  reason_ = reason;
}

size_t ChunkedBody::take(std::string_view input, std::string* body) {
  const size_t all = input.size();
  while (!input.empty() && !done() && refuse_ == 0) {
    if (state_ == State::kData) {
      const auto bytes = static_cast<size_t>(std::min<uint64_t>(left_, input.size()));
      body->append(input.substr(0, bytes));
      input.remove_prefix(bytes);
      left_ -= bytes;
      if (left_ == 0) state_ = State::kDataEnd;
      continue;
    }
    const auto end = input.find('\n');
    const auto part = input.substr(0, end == std::string_view::npos ? end : end + 1);
    input.remove_prefix(part.size());
    if (line_.size() + part.size() > (state_ == State::kDataEnd ? 2 : limits_.line_bytes)) {
      bad(400, state_ == State::kDataEnd ? "a chunk is longer than its size" : "a chunk's line is too long");
      break;
    }
    line_ += part;
    if (end == std::string_view::npos) break;
    if (!line_.ends_with("\r\n")) {
      bad(400, "a chunk's line does not end in CR LF");
      break;
    }
    take_line(std::string_view(line_).substr(0, line_.size() - 2));
    line_.clear();
  }
  return all - input.size();
}

void ChunkedBody::take_line(std::string_view line) {
  switch (state_) {
    case State::kSize: return take_size(line);
    case State::kDataEnd:
      state_ = State::kSize;
      if (!line.empty()) bad(400, "a chunk is longer than its size");
      return;
    case State::kTrailer:
      trailers_ += line.size() + 2;
      if (line.empty()) {
        state_ = State::kDone;
      } else if (trailers_ > limits_.trailer_bytes) {
        bad(431, "the trailer is too large");
      } else if (!is_token(line.substr(0, line.find(':'))) || line.find(':') == std::string_view::npos ||
                 !is_field_value(line)) {
        bad(400, "a trailer field is malformed");
      }
      return;
    case State::kData:
    case State::kDone: return;
  }
}

void ChunkedBody::take_size(std::string_view line) {
  const auto semicolon = line.find(';');
  const auto digits = trim_blanks(line.substr(0, semicolon));
  uint64_t size = 0;
  const auto [at, error] = std::from_chars(line.data(), line.data() + digits.size(), size, 16);
  if (digits.empty() || digits.data() != line.data() || at != digits.data() + digits.size() ||
      error == std::errc::invalid_argument || !is_field_value(line)) {
    return bad(400, "a chunk's size is not a hexadecimal number");
  }
  if (error != std::errc() || size > limits_.body_bytes - total_) return bad(413, "the body is too large");
  total_ += size;
  left_ = size;
  state_ = size == 0 ? State::kTrailer : State::kData;
}

}  // namespace smslab::wire
