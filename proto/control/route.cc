#include "proto/control/route.h"

#include <algorithm>

#include "proto/base/text.h"
#include "proto/base/uri.h"
#include "proto/base/utf16.h"

namespace smslab::control {
namespace {
Result<std::string> decode(std::string_view text, std::string_view field) {
  auto decoded = percent_decode(text);
  if (!decoded || !valid_utf8(*decoded)) {
    return invalid_argument("'" + std::string(text) + "' is not percent-encoded UTF-8", std::string(field));
  }
  return *std::move(decoded);
}

Result<std::string> decode_query(std::string_view text) {
  std::string blanks(text);
  std::replace(blanks.begin(), blanks.end(), '+', ' ');
  return decode(blanks, "query");
}
}  // namespace

Result<Target> parse_target(std::string_view target) {
  Target out;
  const auto mark = target.find('?');
  std::string_view path = target.substr(0, mark);
  if (!path.starts_with('/')) return invalid_argument("the path must start with '/'", "path");
  for (std::string_view part : split(path.substr(1), '/')) {
    ASSIGN_OR_RETURN(std::string segment, decode(part, "path"));
    out.segments.push_back(std::move(segment));
  }
  if (mark == std::string_view::npos) return out;
  for (std::string_view part : split(target.substr(mark + 1), '&')) {
    if (part.empty()) continue;
    const auto equals = part.find('=');
    ASSIGN_OR_RETURN(std::string key, decode_query(part.substr(0, equals)));
    ASSIGN_OR_RETURN(std::string value,
                     decode_query(equals == std::string_view::npos ? std::string_view() : part.substr(equals + 1)));
    if (!out.query.emplace(key, std::move(value)).second) {
      return invalid_argument("the query names '" + key + "' twice", key);
    }
  }
  return out;
}

RoutePattern::RoutePattern(std::string_view pattern) {
  for (std::string_view part : split(pattern.substr(1), '/')) {
    const bool parameter = part.starts_with('{') && part.ends_with('}');
    if (parameter) part = part.substr(1, part.size() - 2);
    segments_.push_back({std::string(part), parameter});
  }
}

bool RoutePattern::match(const std::vector<std::string>& segments, std::map<std::string, std::string>* params) const {
  if (segments.size() != segments_.size()) return false;
  params->clear();
  for (size_t i = 0; i < segments.size(); i++) {
    if (segments_[i].parameter ? segments[i].empty() : segments[i] != segments_[i].text) return false;
    if (segments_[i].parameter) (*params)[segments_[i].text] = segments[i];
  }
  return true;
}

}  // namespace smslab::control
