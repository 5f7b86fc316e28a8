#include "proto/wire/reply_head.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "proto/base/text.h"
#include "proto/base/time_text.h"
#include "proto/wire/grammar.h"

namespace smslab::wire {
namespace {
struct Phrase {
  int status;
  std::string_view text;
};
constexpr Phrase kPhrases[] = {
    {200, "OK"},
    {201, "Created"},
    {202, "Accepted"},
    {204, "No Content"},
    {206, "Partial Content"},
    {207, "Multi-Status"},
    {301, "Moved Permanently"},
    {302, "Found"},
    {304, "Not Modified"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {406, "Not Acceptable"},
    {408, "Request Timeout"},
    {409, "Conflict"},
    {410, "Gone"},
    {412, "Precondition Failed"},
    {413, "Content Too Large"},
    {414, "URI Too Long"},
    {415, "Unsupported Media Type"},
    {416, "Range Not Satisfiable"},
    {417, "Expectation Failed"},
    {422, "Unprocessable Content"},
    {429, "Too Many Requests"},
    {431, "Request Header Fields Too Large"},
    {500, "Internal Server Error"},
    {501, "Not Implemented"},
    {502, "Bad Gateway"},
    {503, "Service Unavailable"},
    {504, "Gateway Timeout"},
    {505, "HTTP Version Not Supported"},
    {507, "Insufficient Storage"},
};
constexpr std::string_view kServerFields[] = {"Content-Length", "Transfer-Encoding", "Connection", "Date"};
}  // namespace

std::string_view reason_phrase(int status) {
  const auto* found =
      std::find_if(std::begin(kPhrases), std::end(kPhrases), [&](const Phrase& p) { return p.status == status; });
  return found == std::end(kPhrases) ? "Status" : found->text;
}

Reply error_reply(int status, std::string_view message) {
  Reply reply;
  reply.status = status;
  reply.set("Content-Type", "text/plain; charset=utf-8");
  reply.body = Body(std::string(message.empty() ? reason_phrase(status) : message) + "\n");
  return reply;
}

Status check_reply(const Reply& reply) {
  if (reply.status < 200 || reply.status > 599) return internal_error("a handler made a reply without a final status");
  for (const auto& [name, value] : reply.fields) {
    if (!is_token(name) || !is_field_value(value)) return internal_error("a handler made a malformed field: " + name);
    const bool ours = std::any_of(std::begin(kServerFields), std::end(kServerFields),
                                  [&, &key = name](std::string_view field) { return iequals(field, key); });
    if (ours) return internal_error("a handler set a field that is the server's: " + name);
  }
  return {};
}

bool has_content(int status) { return status != 204 && status != 304; }

void write_reply_head(const Reply& reply, std::string_view date, std::string_view connection, BodyEnd end,
                      std::string* head) {
  const auto add = [head](std::string_view name, std::string_view value) {
    head->append(name).append(": ").append(value).append("\r\n");
  };
  const auto number = [head](uint64_t value) {
    std::array<char, 20> digits;
    head->append(digits.data(), std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr);
  };
  head->append("HTTP/1.1 ");
  number(static_cast<uint64_t>(reply.status));
  head->append(" ").append(reason_phrase(reply.status)).append("\r\n");
  add("Date", date);
  if (!connection.empty()) add("Connection", connection);
  for (const auto& [name, value] : reply.fields) add(name, value);
  if (reply.lines) head->append(*reply.lines);
  if (reply.range) {
    head->append("Content-Range: bytes ");
    number(reply.range->first);
    head->append("-");
    number(reply.range->last);
    head->append("/");
    number(reply.range->size);
    head->append("\r\n");
  }
  if (end == BodyEnd::kChunked) add("Transfer-Encoding", "chunked");
  if (end == BodyEnd::kLength && has_content(reply.status)) {
    head->append("Content-Length: ");
    number(reply.body.size());
    head->append("\r\n");
  }
  head->append("\r\n");
}

std::string_view DateText::at(LabTime now) {
  const auto second = std::chrono::floor<std::chrono::seconds>(now);
  if (second != second_) {
    second_ = second;
    text_ = format_rfc1123(now);
  }
  return text_;
}

}  // namespace smslab::wire
