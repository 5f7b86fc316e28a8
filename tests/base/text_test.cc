#include "proto/base/text.h"

#include <gtest/gtest.h>

#include "proto/base/hex.h"

namespace smslab {
namespace {

TEST(Text, CompareSplitTrim) {
  EXPECT_TRUE(iequals("Content-LENGTH", "content-length"));
  EXPECT_FALSE(iequals("a", "ab"));
  EXPECT_TRUE(istarts_with("/SMS_MP/x", "/sms_mp"));
  EXPECT_EQ(trim(" \t a b\r\n"), "a b");
  EXPECT_EQ(trim("  "), "");
  EXPECT_EQ(split("a,,b", ','), (std::vector<std::string_view>{"a", "", "b"}));
  EXPECT_EQ(split("", ',').size(), 1u);
}

TEST(Text, NumbersAreDigitsAndNothingElse) {
  EXPECT_EQ(parse_u64("18446744073709551615"), UINT64_MAX);
  for (const char* bad : {"", "18446744073709551616", "+1", "-1", " 1", "1 ", "0x1", "1e3"})
    EXPECT_FALSE(parse_u64(bad)) << bad;
}

TEST(Text, Hex) {
  EXPECT_EQ(to_hex(std::string("\x00\xAB\xFF", 3)), "00ABFF");
  EXPECT_EQ(from_hex("00abFF"), std::string("\x00\xAB\xFF", 3));
  EXPECT_FALSE(from_hex("0"));
  EXPECT_FALSE(from_hex("0G"));
}

}  // namespace
}  // namespace smslab
