#include "proto/control/browser.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/status.h"

namespace smslab::control {
namespace {

TEST(Browser, Loopback) {
  for (const char* host : {"localhost", "LocalHost", "127.0.0.1", "127.9.9.9", "::1"}) EXPECT_TRUE(is_loopback(host));
  for (const char* host : {"", "0.0.0.0", "::", "10.0.0.1", "127.0.0.1.example.com", "localhost.example.com",
                           "128.0.0.1", "127.1", "0x7f.0.0.1", "::ffff:10.0.0.1"}) {
    EXPECT_FALSE(is_loopback(host)) << host;
  }
  EXPECT_TRUE(is_wildcard("0.0.0.0") && is_wildcard("::"));
  EXPECT_FALSE(is_wildcard("127.0.0.1") || is_wildcard("") || is_wildcard("any"));
}

TEST(Browser, TheHostIsOneOfTheServersOwn) {
  const auto good = [](const char* host, const char* at) { return check_host(host, at, {"lab.example"}).ok(); };
  for (const char* host : {"localhost", "localhost:8082", "LOCALHOST:1", "127.0.0.1:8082", "[::1]:8082", "[::1]", "",
                           "lab.example:8082", "Lab.Example"}) {
    EXPECT_TRUE(good(host, "127.0.0.1")) << host;
    EXPECT_TRUE(good(host, "0.0.0.0")) << host;
  }
  for (const char* host :
       {"evil.example", "evil.example:8082", "lab.example.evil", "127.0.0.1.evil.example", "localhost.",
        "10.0.0.1:8082", "[::2]", "[::1", "[::1]evil", "[::1]@evil:8082", "@localhost", "[localhost"}) {
    EXPECT_FALSE(good(host, "127.0.0.1")) << host;
  }
  EXPECT_TRUE(good("10.0.0.1:8082", "10.0.0.1"));
  EXPECT_FALSE(good("10.0.0.2:8082", "10.0.0.1"));
  EXPECT_TRUE(good("10.0.0.2:8082", "0.0.0.0")) << "an address cannot be rebound";
  EXPECT_FALSE(good("evil.example", "0.0.0.0"));
  EXPECT_THAT(check_host("evil.example", "127.0.0.1", {}).message(), ::testing::HasSubstr("--control-name"));
}

TEST(Browser, NoPageOfAnotherSite) {
  const auto good = [](const char* origin, const char* site) {
    return check_origin({.host = "127.0.0.1:8082", .origin = origin, .fetch_site = site}).ok();
  };
  EXPECT_TRUE(good("", ""));
  EXPECT_TRUE(good("", "none"));
  EXPECT_TRUE(good("http://127.0.0.1:8082", "same-origin"));
  for (const char* origin : {"null", "http://evil.example", "https://127.0.0.1:8082", "http://127.0.0.1",
                             "http://127.0.0.1:8083", "http://localhost:8082", "http://127.0.0.1:80820", "*"}) {
    EXPECT_FALSE(good(origin, "")) << origin;
  }
  for (const char* site : {"cross-site", "same-site", "Cross-Site", "what"}) EXPECT_FALSE(good("", site)) << site;
  EXPECT_FALSE(good("http://127.0.0.1:8082", "cross-site"));
}

TEST(Browser, NoFormCanSendABody) {
  const auto good = [](const char* type, const char* agent) {
    return check_body_type({.user_agent = agent, .content_type = type}).ok();
  };
  const char* const kFirefox = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0";
  for (const char* type : {"", "text/plain", "text/plain; charset=utf-8", "application/x-www-form-urlencoded",
                           "TEXT/Plain", "multipart/form-data; boundary=x"}) {
    EXPECT_FALSE(good(type, kFirefox)) << type;
    EXPECT_TRUE(good(type, "curl/7.88.1")) << type;
    EXPECT_FALSE(check_body_type({.referer = "http://127.0.0.1:8082/", .content_type = type}).ok()) << type;
  }
  EXPECT_TRUE(good("application/json", kFirefox));
  EXPECT_TRUE(good("application/x-protobuf", kFirefox));
}

}  // namespace
}  // namespace smslab::control
