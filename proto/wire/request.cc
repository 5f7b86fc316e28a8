#include "proto/wire/request.h"

#include <algorithm>

#include "proto/base/hex.h"
#include "proto/base/text.h"
#include "proto/base/utf16.h"
#include "proto/wire/grammar.h"

namespace smslab::wire {
namespace {
bool has_dot_part(std::string_view path) {
  while (!path.empty()) {
    const size_t slash = std::min(path.find('/'), path.size());
    const std::string_view part = path.substr(0, slash);
    if (part == "." || part == "..") return true;
    path.remove_prefix(std::min(slash + 1, path.size()));
  }
  return false;
}

bool is_forbidden(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte < 0x20 || byte == 0x7f || c == '\\';
}

// Into the memory that an earlier path left.
Status decode_path(std::string_view raw, std::string* path) {
  path->clear();
  for (size_t at = 0; at < raw.size(); at++) {
    if (raw[at] != '%') {
      path->push_back(raw[at]);
      continue;
    }
    const auto byte = raw.size() - at < 3 ? std::nullopt : from_hex(raw.substr(at + 1, 2));
    if (!byte) return invalid_argument("a broken escape in the path");
    if (*byte == "/") return invalid_argument("an escaped slash in the path");
    path->append(*byte);
    at += 2;
  }
  if (std::any_of(path->begin(), path->end(), is_forbidden)) {
    return invalid_argument("a control character or a backslash in the path");
  }
  if (!valid_utf8(*path)) return invalid_argument("the path is not UTF-8");
  if (has_dot_part(*path)) return invalid_argument("a '.' or '..' part in the path");
  return {};
}

// http://host:port/path?query: the authority stands in for Host (RFC 9112 3.2.2).
Status take_authority(Request* request) {
  ASSIGN_OR_RETURN(const Url url, parse_url(request->target, ""));
  const auto start = request->target.find("://") + 3;
  const auto end = request->target.find_first_of("/?", start);
  const std::string authority = request->target.substr(start, end == std::string::npos ? end : end - start);
  if (!is_authority(authority)) return invalid_argument("the target's authority is not host:port");
  std::erase_if(request->fields, [](const Field& field) { return iequals(field.first, "Host"); });
  request->fields.emplace_back("Host", authority);
  request->target = url.target;
  return {};
}
}  // namespace

const std::string* find_field(const Fields& fields, std::string_view name) {
  const auto found =
      std::find_if(fields.begin(), fields.end(), [&](const Field& field) { return iequals(field.first, name); });
  return found == fields.end() ? nullptr : &found->second;
}

std::string Request::origin() const {
  const std::string* host = field("Host");
  return (tls ? "https://" : "http://") + (host && !host->empty() ? *host : format_host_port(local));
}

Status make_request(Head* head, Request* request) {
  request->method.swap(head->method);
  request->target.swap(head->target);
  request->fields.swap(head->fields);
  request->path.clear();
  request->query.clear();
  request->has_query = false;
  if (request->method == "OPTIONS" && request->target == "*") {  // about the server, not about a path
    request->path = "/";
    return {};
  }
  if (!request->target.starts_with('/')) RETURN_IF_ERROR(take_authority(request));
  const std::string_view target = request->target;
  const auto mark = target.find('?');
  if (mark != std::string_view::npos) {
    request->has_query = true;
    request->query = target.substr(mark + 1);
  }
  return decode_path(target.substr(0, mark), &request->path);
}

}  // namespace smslab::wire
