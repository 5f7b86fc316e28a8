#include "proto/base/utf16.h"

#include <gtest/gtest.h>

namespace smslab {
namespace {

TEST(Utf16, GoesBothWays) {
  const std::string text = "a\xC3\xA4\xE2\x82\xAC\xF0\x9F\x98\x80";  // 1 to 4 bytes of UTF-8
  const std::string wide = utf16le_from_utf8(text);
  EXPECT_EQ(wide.size(), 10u);
  EXPECT_EQ(utf16_units(text), 5u);
  EXPECT_EQ(*utf8_from_utf16le(wide), text);
  EXPECT_EQ(*utf8_from_utf16le("\xFF\xFE" + wide), text) << "the byte order mark is dropped";
}

TEST(Utf16, RefusesWhatIsNotText) {
  EXPECT_FALSE(utf8_from_utf16le("a").ok());
  EXPECT_FALSE(utf8_from_utf16le(std::string("\x00\xD8", 2)).ok());
  EXPECT_FALSE(utf8_from_utf16le(std::string("\x00\xDC\x00\xD8", 4)).ok());
  for (const char* bad : {"\x80", "\xC0\x80", "\xC3", "\xE0\x80\x80", "\xED\xA0\x80", "\xF4\x90\x80\x80", "\xF8"}) {
    EXPECT_FALSE(valid_utf8(bad));
  }
  EXPECT_TRUE(valid_utf8("\xF4\x8F\xBF\xBF"));
}

}  // namespace
}  // namespace smslab
