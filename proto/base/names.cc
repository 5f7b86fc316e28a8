#include "proto/base/names.h"

#include <utf8proc.h>

#include "proto/base/text.h"
#include "proto/base/utf16.h"

namespace smslab {
namespace {
template <class Map>
std::string map_code_points(std::string_view text, Map map) {
  std::string out;
  out.reserve(text.size());
  const auto* at = reinterpret_cast<const utf8proc_uint8_t*>(text.data());
  auto left = static_cast<utf8proc_ssize_t>(text.size());
  while (left > 0) {
    utf8proc_int32_t c = 0;
    const auto used = utf8proc_iterate(at, left, &c);
    if (used <= 0) {  // not UTF-8: keep the byte, so that folding never loses a difference
      out += static_cast<char>(*at);
      at++, left--;
      continue;
    }
    utf8proc_uint8_t buffer[4];
    const auto put = utf8proc_encode_char(map(c), buffer);
    out.append(reinterpret_cast<char*>(buffer), static_cast<size_t>(put));
    at += used, left -= used;
  }
  return out;
}

// A path in an error message must not carry control characters or broken bytes into a log or a terminal.
std::string printable(std::string_view path) {
  std::string out;
  for (const char c : path) out += static_cast<unsigned char>(c) < 0x20 || c == 0x7F ? '?' : c;
  if (!valid_utf8(out)) {
    for (char& c : out) {
      if (static_cast<unsigned char>(c) >= 0x80) c = '?';
    }
  }
  return out;
}
}  // namespace

std::string fold_name(std::string_view name) { return map_code_points(name, utf8proc_toupper); }
std::string lower_name(std::string_view name) { return map_code_points(name, utf8proc_tolower); }

Status check_content_path(std::string_view path) {
  const auto refuse = [&](std::string_view why) {
    return invalid_argument("the path '" + printable(path) + "' " + std::string(why), "source");
  };
  if (!valid_utf8(path)) return refuse("is not valid UTF-8; rename the file");
  if (utf16_units(path) > kMaxPathUnits) return refuse("is longer than 255 UTF-16 units; shorten it");
  for (const std::string_view part : split(path, '/')) {
    if (part.empty()) return refuse("has an empty part");
    if (part == "." || part == "..") return refuse("has a '.' or '..' part");
    for (const char c : part) {
      if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F ||
          std::string_view("\\:*?\"<>|").find(c) != std::string_view::npos) {
        return refuse("holds a character that NTFS cannot have (\\ : * ? \" < > | or a control character); rename it");
      }
    }
    if (part.back() == '.' || part.back() == ' ') return refuse("has a part that ends in a dot or a space; rename it");
  }
  return ok_status();
}

}  // namespace smslab
