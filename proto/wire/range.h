// The Range field (RFC 9110 14.1.2, 14.2): which bytes of `size` are asked for. Pure.
//
//   RangeRequest ask = parse_range("bytes=0-4, 10-14, 12-19", 1000);     // kRanges: 0-4, 10-19
//
// Ranges that overlap become one, at the place of the first of them, so no byte is sent twice. More than kMostRanges in
// one request are nobody's honest wish: as if there were no Range (17.15).
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace smslab::wire {

constexpr size_t kMostRanges = 500;  // as many as BITS lets a job have for one file

struct ByteRange {
  uint64_t first = 0, last = 0;  // both inclusive, within the content
  uint64_t size() const { return last - first + 1; }
  friend bool operator==(const ByteRange&, const ByteRange&) = default;
};

struct RangeRequest {
  enum class Kind {
    kWhole,          // malformed, another unit, too many, or nothing to cut: as if there were no Range
    kRanges,         // `ranges` are those that can be met, in the order asked, apart from each other; at least one
    kUnsatisfiable,  // well-formed, but none lies in the content
  } kind = Kind::kWhole;
  std::vector<ByteRange> ranges;
};

RangeRequest parse_range(std::string_view value, uint64_t size);

}  // namespace smslab::wire
