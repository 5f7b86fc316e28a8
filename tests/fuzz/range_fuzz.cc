// Range: whatever is asked for, every range that is granted lies in the content, and says the same when it is asked for
// again by its numbers.
#include <string>

#include "proto/wire/range.h"
#include "tests/fuzz/fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace smslab::wire;
  using Kind = RangeRequest::Kind;
  smslab::fuzz::Input input(data, size);
  const uint64_t shift = input.number(63);
  const uint64_t content = input.number(UINT64_MAX) >> shift;
  const RangeRequest asked = parse_range(input.rest(), content);
  MUST((asked.kind == Kind::kRanges) == !asked.ranges.empty() || asked.kind == Kind::kWhole);
  MUST(asked.ranges.size() <= asked.asked || asked.kind == Kind::kWhole);
  if (asked.kind != Kind::kRanges) return 0;
  std::string again = "bytes=";
  for (const ByteRange& range : asked.ranges) {
    MUST(range.first <= range.last && range.last < content);
    again += std::to_string(range.first) + "-" + std::to_string(range.last) + ",";
  }
  MUST(parse_range(again, content).ranges == asked.ranges);
  return 0;
}
