#include "proto/base/uri.h"

#include <gtest/gtest.h>

namespace smslab {
namespace {

TEST(Uri, PercentEscapes) {
  EXPECT_EQ(percent_decode("a%20b%2Fc+d"), "a b/c+d");
  EXPECT_FALSE(percent_decode("a%2"));
  EXPECT_FALSE(percent_decode("a%zz"));
  EXPECT_EQ(percent_encode_path("Sub dir/a+b#c%.txt"), "Sub%20dir/a%2Bb%23c%25.txt");
  EXPECT_EQ(percent_encode_component("a/b"), "a%2Fb");
}

TEST(Uri, HostPort) {
  EXPECT_EQ(parse_host_port("127.0.0.1:8080", "--mp")->port, 8080);
  EXPECT_EQ(parse_host_port("[::1]:0", "--mp")->host, "::1");
  EXPECT_EQ(format_host_port({"::1", 80}), "[::1]:80");
  for (const char* bad : {"", "localhost", ":80", "::1:80", "h:65536", "h:-1", "h:", "[]:1"}) {
    EXPECT_EQ(parse_host_port(bad, "--mp").status().field(), "--mp") << bad;
  }
}

TEST(Uri, Urls) {
  const auto url = parse_url("HTTP://dp:8081/SMS_DP_SMSPKG$/LON00001/?x", "url");
  ASSERT_TRUE(url.ok());
  EXPECT_EQ(url->scheme, "http");
  EXPECT_EQ(url->at.port, 8081);
  EXPECT_EQ(url->target, "/SMS_DP_SMSPKG$/LON00001/?x");
  EXPECT_EQ(parse_url("https://dp", "url")->at.port, 443);
  EXPECT_EQ(parse_url("http://[::1]", "url")->at.host, "::1");
  EXPECT_FALSE(parse_url("ftp://x", "url").ok());
  EXPECT_FALSE(parse_url("dp:80", "url").ok());
}

}  // namespace
}  // namespace smslab
