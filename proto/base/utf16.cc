#include "proto/base/utf16.h"

#include <cstdint>
#include <cstring>

namespace smslab {
namespace {
constexpr char32_t kBad = 0xFFFFFFFF;

// The next code point of `text` from *at, which moves past it; kBad when the bytes are not UTF-8.
char32_t next(std::string_view text, size_t* at) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(*at);
  size_t more = 0;
  char32_t value = first, least = 0;
  if (first < 0x80) {
    ++*at;
    return value;
  }
  if (first >= 0xC2 && first < 0xE0) {
    more = 1, value = first & 0x1F, least = 0x80;
  } else if (first >= 0xE0 && first < 0xF0) {
    more = 2, value = first & 0x0F, least = 0x800;
  } else if (first >= 0xF0 && first < 0xF5) {
    more = 3, value = first & 0x07, least = 0x10000;
  } else {
    return kBad;
  }
  if (text.size() - *at <= more) return kBad;
  for (size_t i = 1; i <= more; i++) {
    if ((byte(*at + i) & 0xC0) != 0x80) return kBad;
    value = (value << 6) | (byte(*at + i) & 0x3F);
  }
  if (value < least || value > 0x10FFFF || (value >= 0xD800 && value < 0xE000)) return kBad;
  *at += more + 1;
  return value;
}

bool is_ascii(char c) { return static_cast<unsigned char>(c) < 0x80; }

// Most text is ASCII: eight bytes at a time.
size_t end_of_ascii(std::string_view text, size_t at) {
  constexpr uint64_t kHighBits = 0x8080808080808080;
  for (uint64_t eight = 0; text.size() - at >= sizeof eight; at += sizeof eight) {
    std::memcpy(&eight, text.data() + at, sizeof eight);
    if ((eight & kHighBits) != 0) break;
  }
  while (at < text.size() && is_ascii(text[at])) at++;
  return at;
}

void append_utf8(char32_t c, std::string* out) {
  const auto put = [&](char32_t b) { out->push_back(static_cast<char>(b)); };
  if (c < 0x80) {
    put(c);
  } else if (c < 0x800) {
    put(0xC0 | (c >> 6));
    put(0x80 | (c & 0x3F));
  } else if (c < 0x10000) {
    put(0xE0 | (c >> 12));
    put(0x80 | ((c >> 6) & 0x3F));
    put(0x80 | (c & 0x3F));
  } else {
    put(0xF0 | (c >> 18));
    put(0x80 | ((c >> 12) & 0x3F));
    put(0x80 | ((c >> 6) & 0x3F));
    put(0x80 | (c & 0x3F));
  }
}
}  // namespace

bool valid_utf8(std::string_view text) {
  for (size_t at = 0; at < text.size();) {
    at = end_of_ascii(text, at);
    if (at < text.size() && next(text, &at) == kBad) return false;
  }
  return true;
}

Result<std::string> utf8_from_utf16le(std::string_view bytes) {
  if (bytes.size() % 2 != 0) return invalid_argument("UTF-16 text has an odd number of bytes");
  const auto unit = [&](size_t i) {
    return static_cast<char32_t>(static_cast<unsigned char>(bytes[i]) | static_cast<unsigned char>(bytes[i + 1]) << 8);
  };
  size_t at = bytes.size() >= 2 && unit(0) == 0xFEFF ? 2 : 0;
  std::string out((bytes.size() - at) / 2, '\0');
  size_t ascii = 0;
  for (; at < bytes.size() && unit(at) < 0x80; at += 2) out[ascii++] = bytes[at];
  out.resize(ascii);
  for (; at < bytes.size(); at += 2) {
    char32_t c = unit(at);
    if (c >= 0xD800 && c < 0xDC00 && at + 4 <= bytes.size() && unit(at + 2) >= 0xDC00 && unit(at + 2) < 0xE000) {
      c = 0x10000 + ((c - 0xD800) << 10) + (unit(at + 2) - 0xDC00);
      at += 2;
    } else if (c >= 0xD800 && c < 0xE000) {
      return invalid_argument("UTF-16 text holds an unpaired surrogate");
    }
    append_utf8(c, &out);
  }
  return out;
}

std::string utf16le_from_utf8(std::string_view text) {
  std::string out(text.size() * 2, '\0');  // at most, and mostly just so much
  size_t end = 0;
  const auto put = [&](char32_t u) {
    out[end++] = static_cast<char>(u & 0xFF);
    out[end++] = static_cast<char>(u >> 8);
  };
  for (size_t at = 0; at < text.size();) {
    if (is_ascii(text[at])) {
      put(static_cast<unsigned char>(text[at++]));
      continue;
    }
    char32_t c = next(text, &at);
    if (c == kBad) {
      assert(false && "text must be UTF-8");
      c = 0xFFFD;
      at++;
    }
    if (c < 0x10000) {
      put(c);
    } else {
      put(0xD800 + ((c - 0x10000) >> 10));
      put(0xDC00 + ((c - 0x10000) & 0x3FF));
    }
  }
  out.resize(end);
  return out;
}

size_t utf16_units(std::string_view utf8) {
  size_t units = 0;
  for (const unsigned char c : utf8) units += (c & 0xC0) == 0x80 ? 0 : c >= 0xF0 ? 2 : 1;
  return units;
}

}  // namespace smslab
