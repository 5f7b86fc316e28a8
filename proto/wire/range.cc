#include "proto/wire/range.h"

#include <algorithm>
#include <limits>
#include <optional>

#include "proto/base/text.h"
#include "proto/wire/grammar.h"

namespace smslab::wire {
namespace {
// A position beyond 64 bits is beyond every content: the largest number stands for it.
std::optional<uint64_t> position(std::string_view digits) {
  if (digits.empty() || !std::all_of(digits.begin(), digits.end(), [](char c) { return c >= '0' && c <= '9'; })) {
    return std::nullopt;
  }
  return parse_u64(digits).value_or(std::numeric_limits<uint64_t>::max());
}

// Those in `ranges` are apart from each other, and stay so.
void add_range(const ByteRange& more, std::vector<ByteRange>* ranges) {
  const auto overlaps = [&more](const ByteRange& one) { return one.first <= more.last && more.first <= one.last; };
  const auto place = std::find_if(ranges->begin(), ranges->end(), overlaps);
  if (place == ranges->end()) return ranges->push_back(more);
  ByteRange joined = more;
  for (const ByteRange& one : *ranges) {
    if (overlaps(one)) joined = {std::min(joined.first, one.first), std::max(joined.last, one.last)};
  }
  *place = joined;
  ranges->erase(std::remove_if(place + 1, ranges->end(), overlaps), ranges->end());
}
}  // namespace

RangeRequest parse_range(std::string_view value, uint64_t size) {
  constexpr std::string_view kUnit = "bytes=";
  if (!istarts_with(value, kUnit)) return {};
  RangeRequest request;
  size_t asked = 0;
  for (std::string_view spec : split(value.substr(kUnit.size()), ',')) {
    spec = trim_blanks(spec);
    if (spec.empty()) continue;  // empty list elements are allowed
    const auto dash = spec.find('-');
    if (dash == std::string_view::npos) return {};
    const auto left = position(spec.substr(0, dash));
    const auto right = position(spec.substr(dash + 1));
    if (++asked > kMostRanges) return {};
    if (dash == 0) {
      if (!right) return {};
      if (*right > 0 && size == 0) return {};  // the last bytes of nothing are all of it
      if (*right > 0) add_range({size - std::min(*right, size), size - 1}, &request.ranges);
    } else {
      if (!left || (!right && dash + 1 != spec.size()) || (right && *right < *left)) return {};
      if (*left < size) add_range({*left, std::min(right.value_or(size - 1), size - 1)}, &request.ranges);
    }
  }
  if (asked == 0) return {};
  request.kind = request.ranges.empty() ? RangeRequest::Kind::kUnsatisfiable : RangeRequest::Kind::kRanges;
  return request;
}

}  // namespace smslab::wire
