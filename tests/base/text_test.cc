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

TEST(Text, JoinsListsAndLeavesOutTheMiddleOfLongOnes) {
  EXPECT_EQ(joined(std::vector<std::string>{}), "");
  EXPECT_EQ(joined(std::vector<std::string>{"", "b"}, " -> "), " -> b");
  std::vector<std::string> texts;
  for (int i = 1; i <= 12; i++) texts.push_back(std::to_string(i));
  EXPECT_EQ(shortened(texts), "1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12");
  texts.push_back("13");
  EXPECT_EQ(shortened(texts), "1, 2, 3, 4, 5, 6, 7, 8, (2 more), 11, 12, 13");
}

}  // namespace
}  // namespace smslab
