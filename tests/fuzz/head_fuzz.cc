// A request's head: found byte by byte it is the head that is found at once; what is accepted says exactly what was
// sent, in one reading; and no path that a handler sees can leave where it is looked for.
#include <algorithm>

#include "proto/base/text.h"
#include "proto/base/utf16.h"
#include "proto/wire/grammar.h"
#include "proto/wire/head.h"
#include "proto/wire/request.h"
#include "tests/fuzz/fuzz.h"

namespace smslab::wire {
namespace {
size_t end_byte_by_byte(std::string_view bytes) {
  for (size_t have = 1; have <= bytes.size(); have++) {
    if (const size_t end = head_end(bytes.substr(0, have), have - 1)) return end;
  }
  return 0;
}

struct Parsed {
  int refuse = 0;
  std::string_view reason;
  Head head;
};

// In memory that another head has used, as on a worker.
Parsed parse(std::string_view bytes, const HeadLimits& limits) {
  Parsed parsed;
  (void)parse_head("POST /a HTTP/1.0\r\nContent-Length: 5\r\nConnection: keep-alive\r\n\r\n", {}, &parsed.head);
  const Refusal refusal = parse_head(bytes, limits, &parsed.head);
  parsed.refuse = refusal.status;
  parsed.reason = refusal.reason;
  return parsed;
}

bool same(const Parsed& a, const Parsed& b) {
  return a.refuse == b.refuse && a.reason == b.reason && a.head.method == b.head.method &&
         a.head.target == b.head.target && a.head.http11 == b.head.http11 && a.head.fields == b.head.fields &&
         a.head.framing == b.head.framing && a.head.length == b.head.length && a.head.keep_alive == b.head.keep_alive &&
         a.head.expect_continue == b.head.expect_continue;
}

// Every line of an accepted head is in it, in order and nothing else.
void must_be_as_sent(std::string_view bytes, const Head& head) {
  const auto line = [&] {
    const auto end = bytes.find("\r\n");
    const std::string_view text = bytes.substr(0, end);
    bytes.remove_prefix(end + 2);
    return text;
  };
  const std::string_view request_line = line();
  MUST(request_line.substr(0, request_line.size() - 1) == head.method + " " + head.target + " HTTP/1.");
  MUST(head.http11 == (request_line.back() != '0'));
  for (const auto& [name, value] : head.fields) {
    const std::string_view sent = line();
    MUST(sent.starts_with(name) && sent.substr(name.size()).starts_with(':'));
    MUST(trim_blanks(sent.substr(name.size() + 1)) == value);
    MUST(value.find_first_of(std::string_view("\r\n\0", 3)) == std::string::npos);
  }
  MUST(bytes == "\r\n");
}

// Two readings of where the body ends are how requests are smuggled.
void must_be_unambiguous(const Head& head) {
  const auto count = [&](std::string_view name) {
    return std::count_if(head.fields.begin(), head.fields.end(),
                         [&](const Field& field) { return iequals(field.first, name); });
  };
  const auto lengths = count("Content-Length"), codings = count("Transfer-Encoding");
  MUST(lengths + codings <= 1);
  MUST((head.framing == Framing::kLength) == (lengths == 1));
  MUST((head.framing == Framing::kChunked) == (codings == 1));
  if (lengths == 1) MUST(parse_u64(*find_field(head.fields, "Content-Length")) == head.length);
  MUST(count("Host") <= 1 && (!head.http11 || count("Host") == 1));
}

void must_name_something(Head head) {
  Request request;
  if (!make_request(&head, &request).ok()) return;
  const std::string_view path = request.path;
  MUST(path.starts_with('/') && valid_utf8(path));
  MUST(path.find_first_of(std::string_view("\\\0\x7f", 3)) == std::string_view::npos);
  for (const std::string_view part : split(path, '/')) MUST(part != "." && part != "..");
}
}  // namespace
}  // namespace smslab::wire

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace smslab::wire;
  const std::string_view bytes = smslab::fuzz::Input(data, size).rest();
  const size_t end = head_end(bytes, 0);
  MUST(end == end_byte_by_byte(bytes));
  if (end == 0) return 0;
  const Parsed parsed = parse(bytes.substr(0, end), {});
  MUST(same(parsed, parse(bytes, {})) || bytes.size() > HeadLimits().bytes);
  const Parsed tight = parse(bytes.substr(0, end), {.bytes = 512, .fields = 8, .target_bytes = 64});
  MUST(tight.refuse != 0 || same(tight, parsed));
  if (parsed.refuse != 0) return 0;
  must_be_as_sent(bytes.substr(0, end), parsed.head);
  must_be_unambiguous(parsed.head);
  must_name_something(parsed.head);
  return 0;
}
