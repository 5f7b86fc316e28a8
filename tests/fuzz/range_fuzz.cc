// Range: whatever is asked for, every range that is granted lies in the content, apart from the others, and says the
// same when it is asked for again by its numbers; and a body of several ranges, read back, holds just these bytes.
#include "proto/wire/range.h"

#include <algorithm>
#include <string>

#include "proto/wire/multipart.h"
#include "tests/fuzz/fuzz.h"

namespace smslab::wire {
namespace {
using Kind = RangeRequest::Kind;

void must_be_apart(std::vector<ByteRange> ranges) {
  std::sort(ranges.begin(), ranges.end(), [](const ByteRange& a, const ByteRange& b) { return a.first < b.first; });
  for (size_t i = 1; i < ranges.size(); i++) MUST(ranges[i - 1].last < ranges[i].first);
}

// As a client reads it: boundary, head, as many bytes as Content-Range says.
void must_read_back(const std::string& content, const std::vector<ByteRange>& ranges) {
  const Entity entity{.body = Body(content), .content_type = "text/plain", .etag = "\"1\""};
  const Multipart parts = multipart_byteranges(entity, ranges);
  const auto all = parts.body.read_all();
  MUST(all.ok());
  constexpr std::string_view kType = "multipart/byteranges; boundary=";
  MUST(parts.content_type.starts_with(kType));
  const std::string dashed = "--" + parts.content_type.substr(kType.size());
  std::string_view rest = *all;
  const auto skip = [&rest](std::string_view expected) {
    MUST(rest.starts_with(expected));
    rest.remove_prefix(expected.size());
  };
  for (const ByteRange& range : ranges) {
    skip(dashed + "\r\nContent-Type: text/plain\r\n");
    skip("Content-Range: bytes " + std::to_string(range.first) + "-" + std::to_string(range.last) + "/" +
         std::to_string(content.size()) + "\r\n\r\n");
    skip(std::string_view(content).substr(range.first, range.last - range.first + 1));
    skip("\r\n");
  }
  MUST(rest == dashed + "--\r\n");
}
}  // namespace
}  // namespace smslab::wire

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace smslab::wire;
  smslab::fuzz::Input input(data, size);
  const uint64_t shift = input.number(63);
  const uint64_t content_size = input.number(UINT64_MAX) >> shift;
  const RangeRequest asked = parse_range(input.rest(), content_size);
  MUST((asked.kind == Kind::kRanges) == !asked.ranges.empty());
  if (asked.kind != Kind::kRanges) return 0;
  MUST(asked.ranges.size() <= kMostRanges);
  std::string again = "bytes=";
  for (const ByteRange& range : asked.ranges) {
    MUST(range.first <= range.last && range.last < content_size);
    again += std::to_string(range.first) + "-" + std::to_string(range.last) + ",";
  }
  must_be_apart(asked.ranges);
  MUST(parse_range(again, content_size).ranges == asked.ranges);
  if (content_size > 4096) return 0;
  std::string content;
  while (content.size() < content_size) content += std::to_string(content.size()) + "\r\n";
  content.resize(content_size);
  must_read_back(content, asked.ranges);
  return 0;
}
