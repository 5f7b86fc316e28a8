#include "proto/base/names.h"

#include <gtest/gtest.h>

namespace smslab {
namespace {

TEST(Names, FoldingIgnoresCaseAndNothingElse) {
  EXPECT_EQ(fold_name("Setup.EXE"), fold_name("SETUP.exe"));
  EXPECT_EQ(fold_name("\xC3\xA4"), fold_name("\xC3\x84")) << "a umlaut";
  EXPECT_NE(fold_name("a"), fold_name("\xC3\xA4"));
  EXPECT_EQ(lower_name("Sub/\xC3\x84"), "sub/\xC3\xA4");
}

TEST(Names, WhatNtfsCanHoldIsTaken) {
  for (const char* good : {"a", "a b/c+d#e%f", "\xE6\x97\xA5\xE6\x9C\xAC.txt", ".hidden", "a/b/c/d/e", "x..y"}) {
    EXPECT_TRUE(check_content_path(good).ok()) << good;
  }
  EXPECT_TRUE(check_content_path(std::string(255, 'x')).ok());
}

TEST(Names, WhatNtfsCannotHoldIsRefusedWithThePath) {
  for (const char* bad : {"", "a//b", "/a", "a/", ".", "a/../b", "a:b", "a\\b", "a*", "a?", "a\"b", "a<b", "a>b", "a|b",
                          "a.", "b /c", "a\x01z", "\xFF", "a\xC3"}) {
    const Status status = check_content_path(bad);
    EXPECT_EQ(status.code(), Code::kInvalidArgument) << bad;
    EXPECT_EQ(status.field(), "source");
  }
  EXPECT_FALSE(check_content_path(std::string(256, 'x')).ok());
  EXPECT_NE(check_content_path("dir/a:b").message().find("dir/a:b"), std::string::npos);
}

}  // namespace
}  // namespace smslab
