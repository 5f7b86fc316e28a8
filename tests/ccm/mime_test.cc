#include "proto/ccm/mime.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "proto/ccm/zlib.h"

namespace smslab::ccm {
namespace {
constexpr size_t kLimit = 1000;

TEST(Mime, TakesTheBoundaryQuotedOrNot) {
  const std::string body = "--x y\r\n\r\nfirst\r\n--x y\r\nA: b\r\n\r\nsecond\r\n--x y--";
  for (const char* type : {"multipart/mixed; boundary=\"x y\"", "Multipart/Mixed;BOUNDARY=\"x\\ y\"; charset=x",
                           "multipart/mixed; charset=\"a;b\"; boundary=\"x y\""}) {
    const auto parts = read_parts(type, body, kLimit);
    ASSERT_TRUE(parts.ok()) << type << ": " << parts.status().to_string();
    EXPECT_EQ(parts->header, "first");
    EXPECT_EQ(parts->payload, "second");
  }
  const auto unquoted = read_parts("multipart/form-data; boundary=----b1; x=y",
                                   "------b1\r\n\r\n1\r\n------b1\r\n\r\n2\r\n------b1--\r\n", kLimit);
  ASSERT_TRUE(unquoted.ok()) << unquoted.status().to_string();
  EXPECT_EQ(unquoted->payload, "2");
}

TEST(Mime, IgnoresPartHeadersPreambleAndEpilogue) {
  const auto parts = read_parts("multipart/mixed; boundary=b",
                                "preamble\r\n--b \t\r\nContent-Disposition: form-data; name=\"Msg\"\r\nX:\r\n\r\n1\r\n"
                                "--b\r\nCONTENT-TYPE: application/octet-stream\r\n\r\n2\r\n--b--\r\nepilogue --b",
                                kLimit);
  ASSERT_TRUE(parts.ok()) << parts.status().to_string();
  EXPECT_EQ(parts->header, "1");
  EXPECT_EQ(parts->payload, "2");
}

TEST(Mime, TakesBareLineFeeds) {
  const auto parts = read_parts("multipart/mixed; boundary=b", "--b\n\nfirst\n--b\n\nsecond\r\n\n--b--", kLimit);
  ASSERT_TRUE(parts.ok()) << parts.status().to_string();
  EXPECT_EQ(parts->header, "first");
  EXPECT_EQ(parts->payload, "second\r\n");
}

TEST(Mime, ABoundaryInsideALineOrALongerOneIsContent) {
  const auto parts =
      read_parts("multipart/mixed; boundary=b", "--b\r\n\r\nx--b\r\n--bc\r\ny\r\n--b\r\n\r\nz --b--\r\n--b--", kLimit);
  ASSERT_TRUE(parts.ok()) << parts.status().to_string();
  EXPECT_EQ(parts->header, "x--b\r\n--bc\r\ny");
  EXPECT_EQ(parts->payload, "z --b--");
}

TEST(Mime, TakesEmptyParts) {
  const auto parts = read_parts("multipart/mixed; boundary=b", "--b\r\n\r\n\r\n--b\r\n\r\n\r\n--b--", kLimit);
  ASSERT_TRUE(parts.ok()) << parts.status().to_string();
  EXPECT_EQ(parts->header, "");
  EXPECT_EQ(parts->payload, "");
}

struct Refusal {
  const char* name;
  std::string type, body;
};
TEST(Mime, RefusesBrokenEnvelopes) {
  const std::string type = "multipart/mixed; boundary=b";
  const std::string part = "--b\r\n\r\nx\r\n";
  std::string many;
  for (int i = 0; i < 10'000; i++) many += part;
  const std::vector<Refusal> cases{
      {"no boundary parameter", "multipart/mixed", part + part + "--b--"},
      {"no Content-Type", "", part + part + "--b--"},
      {"empty boundary", "multipart/mixed; boundary=\"\"", part + part + "--b--"},
      {"open quotes", "multipart/mixed; boundary=\"b", part + part + "--b--"},
      {"endless boundary", "multipart/mixed; boundary=" + std::string(5000, 'b'), part + part + "--b--"},
      {"empty body", type, ""},
      {"boundary never occurs", type, "hello"},
      {"no part", type, "--b--"},
      {"one part", type, part + "--b--"},
      {"no closing boundary", type, part + part + "--b"},
      {"cut boundary", type, part + part + "--b-"},
      {"part without a blank line", type, "--b\r\nContent-Type: x\r\n--b\r\n\r\nx\r\n--b--"},
      {"endless part headers", type, "--b\r\nA: " + std::string(100'000, 'a') + "\r\n\r\nx\r\n" + part + "--b--"},
      {"huge number of parts", type, many + "--b--"},
  };
  for (const Refusal& c : cases) {
    const auto parts = read_parts(c.type, c.body, kLimit);
    EXPECT_EQ(parts.status().code(), Code::kInvalidArgument) << c.name;
  }
  const auto large = read_parts(type, "--b\r\n\r\n" + std::string(kLimit + 1, 'x') + "\r\n" + part + "--b--", kLimit);
  EXPECT_EQ(large.status().code(), Code::kTooLarge);
}

TEST(Zlib, RoundTripsWithATwoByteHeader) {
  for (const size_t size : {size_t{0}, size_t{1}, size_t{16 * 1024}, size_t{1} << 20}) {
    const std::string bytes(size, 'a');
    const std::string stream = deflate(bytes);
    EXPECT_TRUE(stream.starts_with("\x78\x9C"));
    const auto back = inflate(stream, size);
    ASSERT_TRUE(back.ok()) << back.status().to_string();
    EXPECT_EQ(*back, bytes);
  }
}

TEST(Zlib, StopsAtTheLimit) {
  const std::string bomb = deflate(std::string(size_t{32} << 20, '\0'));
  EXPECT_LT(bomb.size(), size_t{64} << 10);
  EXPECT_EQ(inflate(bomb, size_t{1} << 20).status().code(), Code::kTooLarge);
  EXPECT_EQ(inflate(deflate("12345"), 4).status().code(), Code::kTooLarge);
}

TEST(Zlib, RefusesBrokenStreams) {
  std::string stream = deflate("some text that is long enough");
  for (size_t size = 0; size < stream.size(); size++) {
    EXPECT_EQ(inflate(stream.substr(0, size), 1000).status().code(), Code::kInvalidArgument) << size;
  }
  EXPECT_TRUE(inflate(stream + "\r\n", 1000).ok());
  stream.back() = static_cast<char>(stream.back() ^ 1);  // of the checksum
  EXPECT_EQ(inflate(stream, 1000).status().code(), Code::kInvalidArgument);
}
}  // namespace
}  // namespace smslab::ccm
