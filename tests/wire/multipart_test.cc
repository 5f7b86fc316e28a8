// Several ranges in one reply: which parts, where they stand, and every byte of them.
#include "proto/wire/multipart.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "proto/base/time_text.h"
#include "proto/wire/entity.h"

namespace smslab::wire {
namespace {
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

const std::string kBoundary = "4CEC38AF93E71CAA56684515DA4B8D6B";

Entity entity(std::string bytes = "0123456789") {
  return {.body = Body(std::move(bytes)),
          .content_type = "text/plain",
          .etag = "\"e\"",
          .modified = *parse_rfc3339("2026-11-21T20:00:00Z")};
}

Reply get(const std::string& range, const Entity& of) {
  Request request;
  request.method = "GET";
  request.target = request.path = "/";
  request.fields = {{"Range", range}};
  return entity_reply(request, of);
}

std::string field(const Reply& reply, std::string_view name) {
  if (name == "Content-Range" && reply.range) {
    return content_range({reply.range->first, reply.range->last}, reply.range->size);
  }
  for (const auto& [key, value] : reply.fields) {
    if (key == name) return value;
  }
  return "";
}

std::string part(const std::string& range, const std::string& bytes) {
  return "--" + kBoundary + "\r\nContent-Type: text/plain\r\nContent-Range: bytes " + range + "\r\n\r\n" + bytes +
         "\r\n";
}
const std::string kEnd = "--" + kBoundary + "--\r\n";

struct Case {
  const char* range;
  int status;
  std::string content_range;  // of the head
  std::string body;
};

TEST(MultipartTest, GivesThePartsInTheOrderAsked) {
  const std::string whole = "0123456789";
  for (const Case& one : std::vector<Case>{
           {"bytes=0-1,4-5", 206, "", part("0-1/10", "01") + part("4-5/10", "45") + kEnd},
           {"bytes=4-5,0-1", 206, "", part("4-5/10", "45") + part("0-1/10", "01") + kEnd},
           {"bytes=-1,0-0, 3-4", 206, "", part("9-9/10", "9") + part("0-0/10", "0") + part("3-4/10", "34") + kEnd},
           {"bytes=0-1,2-3", 206, "", part("0-1/10", "01") + part("2-3/10", "23") + kEnd},
           {"bytes=0-1,5-99", 206, "", part("0-1/10", "01") + part("5-9/10", "56789") + kEnd},
           {"bytes=0-1,20-,8-", 206, "", part("0-1/10", "01") + part("8-9/10", "89") + kEnd},
           {"bytes=0-1,20-30", 206, "bytes 0-1/10", "01"},
           {"bytes=0-3,2-5", 206, "bytes 0-5/10", "012345"},
           {"bytes=3-3,3-3", 206, "bytes 3-3/10", "3"},
           {"bytes=0-1,8-9,1-8", 206, "bytes 0-9/10", whole},
           {"bytes=6-7,0-1,7-8", 206, "", part("6-8/10", "678") + part("0-1/10", "01") + kEnd},
           {"bytes=0-0,9-9,4-5,0-2,5-6", 206, "",
            part("0-2/10", "012") + part("9-9/10", "9") + part("4-6/10", "456") + kEnd},
           {"bytes=0-1,x", 200, "", whole},
       }) {
    const Reply reply = get(one.range, entity());
    EXPECT_EQ(reply.status, one.status) << one.range;
    EXPECT_EQ(field(reply, "Content-Range"), one.content_range) << one.range;
    EXPECT_EQ(*reply.body.read_all(), one.body) << one.range;
    const bool parts = one.status == 206 && one.content_range.empty();
    EXPECT_EQ(field(reply, "Content-Type"), parts ? "multipart/byteranges; boundary=" + kBoundary : "text/plain");
    EXPECT_EQ(field(reply, "ETag"), "\"e\"");
    EXPECT_EQ(field(reply, "Last-Modified"), "Sat, 21 Nov 2026 20:00:00 GMT");
    EXPECT_EQ(field(reply, "Accept-Ranges"), "bytes");
  }
}

TEST(MultipartTest, ABoundaryBelongsToTheContent) {
  Entity one = entity(), other = entity();
  other.etag = "\"f\"";
  const std::vector<ByteRange> ranges = {{0, 0}, {2, 2}};
  EXPECT_EQ(multipart_byteranges(one, ranges).content_type, multipart_byteranges(one, ranges).content_type);
  EXPECT_NE(multipart_byteranges(one, ranges).content_type, multipart_byteranges(other, ranges).content_type);
  one.content_type = "";
  EXPECT_THAT(*multipart_byteranges(one, ranges).body.read_all(), Not(HasSubstr("Content-Type")));
}

TEST(MultipartTest, PartsAreSlicesNotCopies) {
  const auto bytes = std::make_shared<const std::string>(1000, 'x');
  Entity large = entity("");
  large.body.append(bytes, 0, bytes->size());
  const Body body = multipart_byteranges(large, {{100, 299}, {500, 599}}).body;
  ASSERT_EQ(body.pieces().size(), 5U);
  EXPECT_EQ(body.pieces()[1].bytes, bytes);
  EXPECT_EQ(body.pieces()[1].offset, 100U);
  EXPECT_EQ(body.pieces()[3].bytes, bytes);
  EXPECT_EQ(body.pieces()[3].size, 100U);
}

// "0-0,2-2,4-4,..."
std::string every_second(size_t count) {
  std::string value = "bytes=";
  for (size_t i = 0; i < count; i++) value += std::to_string(2 * i) + "-" + std::to_string(2 * i) + ",";
  return value;
}

TEST(MultipartTest, ManyRangesCostNoMoreThanTheWhole) {
  const Entity small = entity(std::string(1000, 's'));
  EXPECT_EQ(get(every_second(10), small).status, 206) << "a few are given as asked";
  EXPECT_EQ(get(every_second(11), small).status, 200);
  EXPECT_EQ(get(every_second(11), small).body.size(), 1000U);
  const Entity large = entity(std::string(100'000, 'l'));
  EXPECT_EQ(get(every_second(kMostRanges), large).status, 206);
  EXPECT_THAT(field(get(every_second(kMostRanges), large), "Content-Type"), StartsWith("multipart/byteranges"));
  EXPECT_EQ(get(every_second(kMostRanges + 1), large).status, 200);
  std::string same = "bytes=";
  for (size_t i = 0; i < kMostRanges; i++) same += "0-99999,";
  EXPECT_EQ(get(same, large).body.size(), 100'000U) << "no byte is sent twice";
}

}  // namespace
}  // namespace smslab::wire
