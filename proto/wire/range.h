// The Range field (RFC 9110 14.1.2, 14.2): which bytes of `size` are asked for. Pure.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace smslab::wire {

struct ByteRange {
  uint64_t first = 0, last = 0;  // both inclusive, within the content
  friend bool operator==(const ByteRange&, const ByteRange&) = default;
};

struct RangeRequest {
  enum class Kind {
    kWhole,          // malformed, another unit, or nothing to cut: as if there were no Range
    kRanges,         // `ranges` are those that can be met, in the order asked; at least one
    kUnsatisfiable,  // well-formed, but none lies in the content
  } kind = Kind::kWhole;
  std::vector<ByteRange> ranges;
  size_t asked = 0;  // how many, met or not
};

RangeRequest parse_range(std::string_view value, uint64_t size);

}  // namespace smslab::wire
