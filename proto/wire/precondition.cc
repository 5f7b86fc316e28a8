#include "proto/wire/precondition.h"

#include <chrono>

#include "proto/base/time_text.h"
#include "proto/wire/grammar.h"

namespace smslab::wire {
namespace {
enum class Compare { kStrong, kWeak };

// One entity tag off the front of `list`: W/"..." or "...". nullopt at the end or where the list is malformed.
std::optional<std::string_view> next_tag(std::string_view* list) {
  const auto start = list->find_first_not_of(" \t,");
  if (start == std::string_view::npos) return std::nullopt;
  list->remove_prefix(start);
  const size_t open = list->starts_with("W/") ? 2 : 0;
  if (list->size() <= open || (*list)[open] != '"') return std::nullopt;
  const auto close = list->find('"', open + 1);
  if (close == std::string_view::npos) return std::nullopt;
  const auto tag = list->substr(0, close + 1);
  list->remove_prefix(tag.size());
  return tag;
}

bool tags_match(std::string_view asked, std::string_view current, Compare compare) {
  if (current.empty()) return false;
  if (compare == Compare::kStrong) return !asked.starts_with("W/") && !current.starts_with("W/") && asked == current;
  const auto opaque = [](std::string_view tag) { return tag.starts_with("W/") ? tag.substr(2) : tag; };
  return opaque(asked) == opaque(current);
}

bool list_matches(std::string_view list, const Validators& current, Compare compare) {
  if (trim_blanks(list) == "*") return true;  // any content, and there is one
  while (const auto tag = next_tag(&list)) {
    if (tags_match(*tag, current.etag, compare)) return true;
  }
  return false;
}

std::optional<std::chrono::sys_seconds> date_field(const Request& request, std::string_view name) {
  const auto text = list_field(request.fields, name);
  const auto date = text ? parse_http_date(*text) : std::nullopt;
  if (!date) return std::nullopt;  // absent, no date or several: as if it were not there
  return std::chrono::floor<std::chrono::seconds>(*date);
}
}  // namespace

Precondition check_preconditions(const Request& request, const Validators& current) {
  const bool reads = request.method == "GET" || request.method == "HEAD";
  std::optional<std::chrono::sys_seconds> modified;
  if (current.modified) modified = std::chrono::floor<std::chrono::seconds>(*current.modified);

  if (const auto match = list_field(request.fields, "If-Match")) {
    if (!list_matches(*match, current, Compare::kStrong)) return Precondition::kFailed;
  } else if (const auto since = date_field(request, "If-Unmodified-Since"); since && modified) {
    if (*modified > *since) return Precondition::kFailed;
  }
  if (const auto none = list_field(request.fields, "If-None-Match")) {
    if (list_matches(*none, current, Compare::kWeak)) return reads ? Precondition::kNotModified : Precondition::kFailed;
  } else if (const auto since = date_field(request, "If-Modified-Since"); since && modified && reads) {
    if (*modified <= *since) return Precondition::kNotModified;
  }
  return Precondition::kServe;
}

bool range_still_valid(const Request& request, std::string_view etag) {
  const auto text = list_field(request.fields, "If-Range");
  return !text || tags_match(*text, etag, Compare::kStrong);
}

}  // namespace smslab::wire
