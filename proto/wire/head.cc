#include "proto/wire/head.h"

#include <algorithm>

#include "proto/base/text.h"
#include "proto/wire/grammar.h"

namespace smslab::wire {
namespace {
constexpr size_t kMethodBytes = 32;

bool is_target_char(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte > 0x20 && byte != 0x7f && c != '#';
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }

bool all_digits(std::string_view text) { return !text.empty() && std::all_of(text.begin(), text.end(), is_digit); }

bool is_version(std::string_view text) {
  return text.size() == 8 && text.starts_with("HTTP/") && is_digit(text[5]) && text[6] == '.' && is_digit(text[7]);
}

Refusal read_request_line(std::string_view line, const HeadLimits& limits, Head* head) {
  const auto first = line.find(' ');
  const auto last = line.rfind(' ');
  if (first == std::string_view::npos || first == last) return {400, "the request line has not three parts"};
  const auto method = line.substr(0, first);
  const auto target = line.substr(first + 1, last - first - 1);
  const auto version = line.substr(last + 1);
  if (!is_token(method) || method.size() > kMethodBytes) return {400, "the method is not a token"};
  head->method = method;
  if (target.size() > limits.target_bytes) return {414, "the target is too long"};
  if (target.empty() || !std::all_of(target.begin(), target.end(), is_target_char)) {
    return {400, "the target holds a character that must be escaped"};
  }
  head->target = target;
  if (!is_version(version)) return {400, "the request line has no HTTP version"};
  if (!version.starts_with("HTTP/1.")) return {505, "only HTTP/1.1 and HTTP/1.0 are spoken here"};
  head->http11 = version.back() != '0';  // what is higher is taken for the highest that is known (RFC 9110 2.5)
  return {};
}

// The n-th field, into the strings that the n-th field of an earlier head left.
Refusal read_field(std::string_view line, const HeadLimits& limits, size_t n, Fields* fields) {
  if (n == limits.fields) return {431, "too many fields"};
  if (line.front() == ' ' || line.front() == '\t') return {400, "a field is folded over lines"};
  const auto colon = line.find(':');
  if (colon == std::string_view::npos || !is_token(line.substr(0, colon))) return {400, "a field has no proper name"};
  const auto value = trim_blanks(line.substr(colon + 1));
  if (!is_field_value(value)) return {400, "a field holds a control character"};
  if (n == fields->size()) fields->emplace_back();
  (*fields)[n].first = line.substr(0, colon);
  (*fields)[n].second = value;
  return {};
}

size_t count_fields(const Fields& fields, std::string_view name) {
  return static_cast<size_t>(
      std::count_if(fields.begin(), fields.end(), [&](const Field& field) { return iequals(field.first, name); }));
}

Refusal check_host(const Head& head) {
  const size_t hosts = count_fields(head.fields, "Host");
  if (hosts > 1 || (head.http11 && hosts == 0)) return {400, "there must be one Host field"};
  const std::string* host = find_field(head.fields, "Host");
  if (host && !is_authority(*host)) return {400, "Host is not host:port"};
  return {};
}

// Where the body ends must be beyond doubt: two readings of it are how requests are smuggled (RFC 9112 6.3, 11.2).
Refusal settle_framing(Head* head) {
  const std::string* coding = find_field(head->fields, "Transfer-Encoding");
  const std::string* length = find_field(head->fields, "Content-Length");
  if (coding) {
    if (length) return {400, "both Transfer-Encoding and Content-Length"};
    if (!head->http11) return {400, "Transfer-Encoding in HTTP/1.0"};
    if (count_fields(head->fields, "Transfer-Encoding") > 1) return {400, "more than one Transfer-Encoding"};
    if (!iequals(*coding, "chunked")) return {501, "only the chunked transfer coding is known"};
    head->framing = Framing::kChunked;
  } else if (length) {
    if (count_fields(head->fields, "Content-Length") > 1) return {400, "more than one Content-Length"};
    if (!all_digits(*length)) return {400, "Content-Length is not a number"};
    const auto value = parse_u64(*length);
    if (!value) return {413, "Content-Length is beyond any body"};
    head->framing = Framing::kLength;
    head->length = *value;
  }
  return {};
}

Refusal settle_options(Head* head) {
  bool close = false, keep_alive = false;
  for (const auto& [name, value] : head->fields) {
    if (!iequals(name, "Connection")) continue;
    close = close || list_has(value, "close");
    keep_alive = keep_alive || list_has(value, "keep-alive");
  }
  head->keep_alive = !close && (head->http11 || keep_alive);
  for (const auto& [name, value] : head->fields) {
    if (!head->http11 || !iequals(name, "Expect")) continue;
    if (!iequals(value, "100-continue")) return {417, "an unknown expectation"};
    head->expect_continue = true;
  }
  return {};
}

Refusal read_lines(std::string_view bytes, const HeadLimits& limits, Head* head) {
  bool first = true;
  size_t fields = 0;
  Refusal refusal;
  while (refusal.status == 0) {
    const auto end = bytes.find('\n');
    if (end == std::string_view::npos || end == 0 || bytes[end - 1] != '\r') {
      refusal = {400, "a line does not end in CR LF"};
      break;
    }
    const auto line = bytes.substr(0, end - 1);
    bytes.remove_prefix(end + 1);
    if (line.empty() && !first) break;
    refusal = first ? read_request_line(line, limits, head) : read_field(line, limits, fields, &head->fields);
    if (!first && refusal.status == 0) fields++;
    first = false;
  }
  head->fields.resize(fields);
  return refusal;
}

}  // namespace

Refusal parse_head(std::string_view bytes, const HeadLimits& limits, Head* head) {
  head->method.clear();
  head->target.clear();
  head->framing = Framing::kNone;
  head->length = 0;
  head->keep_alive = true;
  head->expect_continue = false;
  if (bytes.size() > limits.bytes) {
    head->fields.clear();
    const bool line_alone = bytes.substr(0, limits.bytes).find('\n') == std::string_view::npos;
    return line_alone ? Refusal{414, "the target is too long"} : Refusal{431, "the head is too large"};
  }
  if (const Refusal refusal = read_lines(bytes, limits, head); refusal.status != 0) return refusal;
  if (const Refusal refusal = check_host(*head); refusal.status != 0) return refusal;
  if (const Refusal refusal = settle_framing(head); refusal.status != 0) return refusal;
  return settle_options(head);
}

// A bare LF ends a line here, so that parse_head sees such a head at once and refuses it.
size_t head_end(std::string_view bytes, size_t from) {
  for (size_t at = bytes.find('\n', from > 2 ? from - 2 : 0); at != std::string_view::npos;
       at = bytes.find('\n', at + 1)) {
    size_t next = at + 1;
    if (next < bytes.size() && bytes[next] == '\r') next++;
    if (next < bytes.size() && bytes[next] == '\n') return next + 1;
  }
  return 0;
}

}  // namespace smslab::wire
