#include "proto/control/route.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/status.h"

namespace smslab::control {
namespace {
using ::testing::ElementsAre;
using ::testing::Pair;

TEST(Target, SplitsBeforeItDecodes) {
  const auto target = parse_target("/a%20b/c%2Fd/%C3%A9/?x=1+2&y=%2B&z&=e&&q=a=b");
  ASSERT_TRUE(target.ok());
  EXPECT_THAT(target->segments, ElementsAre("a b", "c/d", "é", ""));
  EXPECT_THAT(target->query,
              ElementsAre(Pair("", "e"), Pair("q", "a=b"), Pair("x", "1 2"), Pair("y", "+"), Pair("z", "")));
  EXPECT_THAT(parse_target("/")->segments, ElementsAre(""));
  EXPECT_THAT(parse_target("/a+b")->segments, ElementsAre("a+b"));
  // Once only: what was an escaped escape stays an escape.
  EXPECT_THAT(parse_target("/%2541")->segments, ElementsAre("%41"));
}

TEST(Target, Refuses) {
  for (const char* bad :
       {"", "a", "*", "?x", "/%", "/%4", "/%GG", "/%FF", "/?a=%", "/?a=%FF", "/?a=1&a=2", "/?%61=1&a=2"}) {
    EXPECT_EQ(parse_target(bad).status().code(), Code::kInvalidArgument) << bad;
  }
}

TEST(RoutePattern, Matches) {
  const RoutePattern pattern("/api/{id}/programs/{name}");
  std::map<std::string, std::string> params;
  EXPECT_TRUE(pattern.match({"api", "LON00001", "programs", "a/b c"}, &params));
  EXPECT_THAT(params, ElementsAre(Pair("id", "LON00001"), Pair("name", "a/b c")));
  EXPECT_FALSE(pattern.match({"api", "LON00001", "programs"}, &params));
  EXPECT_FALSE(pattern.match({"api", "LON00001", "programs", "x", ""}, &params));
  EXPECT_FALSE(pattern.match({"api", "", "programs", "x"}, &params));
  EXPECT_FALSE(pattern.match({"api", "x", "Programs", "x"}, &params));
  EXPECT_TRUE(RoutePattern("/").match({""}, &params));
  EXPECT_THAT(params, ElementsAre());
  EXPECT_FALSE(RoutePattern("/").match({"", ""}, &params));
}
}  // namespace
}  // namespace smslab::control
