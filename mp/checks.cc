#include "mp/checks.h"

#include <algorithm>

#include "proto/base/text.h"
#include "proto/base/utf16.h"

namespace smslab::mp {
namespace {
constexpr size_t kNameBytes = 127;
constexpr size_t kTextBytes = 2'000;

// Names and texts go into XML, MOF and log lines, none of which can carry a control character.
Status check_line(std::string_view text, size_t limit, std::string_view field) {
  const bool controls =
      std::any_of(text.begin(), text.end(), [](unsigned char c) { return (c < 0x20 && c != '\t') || c == 0x7F; });
  if (controls || !valid_utf8(text)) {
    return invalid_argument(std::string(field) + " must be one line of UTF-8 without control characters",
                            std::string(field));
  }
  if (text.size() > limit) {
    return invalid_argument(std::string(field) + " is longer than " + std::to_string(limit) + " bytes",
                            std::string(field));
  }
  return ok_status();
}
}  // namespace

Status check_name(std::string_view name, std::string_view field) {
  if (name.empty()) return invalid_argument(std::string(field) + " is missing", std::string(field));
  RETURN_IF_ERROR(check_line(name, kNameBytes, field));
  if (trim(name).size() != name.size()) {
    return invalid_argument(std::string(field) + " must not begin or end with a blank", std::string(field));
  }
  return ok_status();
}

Status check_text(std::string_view text, std::string_view field) { return check_line(text, kTextBytes, field); }

Status check_source(Env& env, const std::string& source, std::string_view field) {
  const std::string name(field);
  if (source.empty()) return invalid_argument(name + " is missing: the absolute path of the source folder", name);
  RETURN_IF_ERROR(check_line(source, kTextBytes * 2, field));
  if (source.front() != '/') return invalid_argument("'" + source + "' is not an absolute path", name);
  const auto info = env.info(source);
  if (!info.ok()) return invalid_argument("the source folder cannot be read: " + info.status().message(), name);
  if (info->type != FileType::kFolder) return invalid_argument("'" + source + "' is not a folder", name);
  return ok_status();
}

}  // namespace smslab::mp
