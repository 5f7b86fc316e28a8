#include "proto/ccm/mime.h"

#include <optional>
#include <vector>

#include "proto/base/text.h"

namespace smslab::ccm {
namespace {
constexpr size_t kMaxParts = 8;        // two matter; real clients send no more
constexpr size_t kMaxPartHead = 4096;  // bytes of one part's header lines
constexpr size_t kMaxBoundary = 70;    // RFC 2046

Status broken(std::string_view what) { return invalid_argument("broken MIME envelope: " + std::string(what)); }

// The value of a Content-Type's boundary parameter (RFC 2045: token or quoted string).
Result<std::string> boundary_of(std::string_view content_type) {
  size_t at = content_type.find(';');
  while (at != std::string_view::npos) {
    std::string_view rest = trim(content_type.substr(at + 1));
    const size_t equals = rest.find('=');
    if (equals == std::string_view::npos) break;
    const std::string_view name = trim(rest.substr(0, equals));
    rest = trim(rest.substr(equals + 1));
    std::string value;
    if (rest.starts_with('"')) {
      size_t end = 1;
      while (end < rest.size() && rest[end] != '"') {
        if (rest[end] == '\\' && end + 1 < rest.size()) end++;
        value += rest[end++];
      }
      if (end >= rest.size()) return broken("the boundary's quotes do not close");
      rest.remove_prefix(end + 1);
    } else {
      const std::string_view token = trim(rest.substr(0, rest.find(';')));
      value = token;
      rest.remove_prefix(token.size());
    }
    if (iequals(name, "boundary")) {
      if (value.empty() || value.size() > kMaxBoundary) return broken("no usable boundary");
      return value;
    }
    content_type = rest;
    at = content_type.find(';');
  }
  return broken("no boundary in Content-Type");
}

// A line that holds "--boundary", as it stands in the body.
struct Delimiter {
  size_t begin = 0;  // where the part before it ends: in front of its line end
  size_t end = 0;    // where the part after it begins
  bool last = false;
};

std::optional<Delimiter> next_delimiter(std::string_view body, std::string_view dashed, size_t from) {
  for (size_t at = body.find(dashed, from); at != std::string_view::npos; at = body.find(dashed, at + 1)) {
    Delimiter found{.begin = at, .end = at + dashed.size(), .last = false};
    if (at > 0) {
      if (body[at - 1] != '\n') continue;
      found.begin = at - 1;
      if (found.begin > from && body[found.begin - 1] == '\r') found.begin--;
    }
    std::string_view rest = body.substr(found.end);
    if (rest.starts_with("--")) {
      found.last = true;
      return found;
    }
    const size_t blanks = rest.find_first_not_of(" \t");
    if (blanks == std::string_view::npos) return std::nullopt;
    rest.remove_prefix(blanks);
    const size_t line_end = rest.starts_with("\r\n") ? 2 : rest.starts_with("\n") ? 1 : 0;
    if (line_end == 0) continue;
    found.end += blanks + line_end;
    return found;
  }
  return std::nullopt;
}

// What follows a part's header lines and their blank line.
Result<std::string_view> content_of(std::string_view part) {
  size_t at = 0;
  while (at < kMaxPartHead) {
    const size_t end = part.find('\n', at);
    if (end == std::string_view::npos) return broken("a part has no blank line after its headers");
    if (end > kMaxPartHead) break;
    if (trim(part.substr(at, end - at)).empty()) return part.substr(end + 1);
    at = end + 1;
  }
  return broken("a part's headers are too long");
}
}  // namespace

Result<Parts> read_parts(std::string_view content_type, std::string_view body, size_t header_limit) {
  ASSIGN_OR_RETURN(const std::string boundary, boundary_of(content_type));
  const std::string dashed = "--" + boundary;
  std::optional<Delimiter> open = next_delimiter(body, dashed, 0);
  if (!open) return broken("the boundary does not occur in the body");
  std::vector<std::string_view> parts;
  while (!open->last) {
    if (parts.size() == kMaxParts) return broken("too many parts");
    const std::optional<Delimiter> close = next_delimiter(body, dashed, open->end);
    if (!close) return broken("the last part has no end");
    // The line end in front of a boundary belongs to it; an empty part shares that line end with its opening boundary.
    const size_t size = close->begin > open->end ? close->begin - open->end : 0;
    parts.push_back(body.substr(open->end, size));
    open = close;
  }
  if (parts.size() < 2) return broken("expected a header part and a payload part");
  Parts out;
  ASSIGN_OR_RETURN(out.header, content_of(parts[0]));
  if (out.header.size() > header_limit) return Status(Code::kTooLarge, "the <Msg> header is too large");
  ASSIGN_OR_RETURN(out.payload, content_of(parts[1]));
  return out;
}

Multipart write_parts(std::string_view header, std::string_view payload, std::string_view epilogue) {
  const std::string dashed = "--" + std::string(kBoundary);
  Multipart out;
  out.content_type = "multipart/mixed; boundary=\"" + std::string(kBoundary) + "\"";
  out.body.reserve(header.size() + payload.size() + 256);
  out.body += dashed;
  out.body += "\r\ncontent-type: text/plain; charset=UTF-16\r\n\r\n";
  out.body += header;
  out.body += "\r\n" + dashed;
  out.body += "\r\ncontent-type: application/octet-stream\r\n\r\n";
  out.body += payload;
  out.body += "\r\n" + dashed + "--";
  out.body += epilogue;
  return out;
}

}  // namespace smslab::ccm
