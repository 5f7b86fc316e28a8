#include "proto/client/http.h"

#include <algorithm>
#include <optional>

namespace smslab::client {

control::HttpClient connect_to(const Host& host, std::string base) {
  return control::HttpClient({.base = std::move(base), .token = {}, .bind = host.bind});
}

Result<control::HttpReply> fetch(control::HttpClient& http, control::HttpRequest request, size_t limit) {
  std::string body;
  std::optional<control::HttpReply> refused;  // not 2xx: the head is the whole answer
  request.on_head = [&](const control::HttpReply& head) {
    if (head.status / 100 == 2) return ok_status();
    refused = head;
    return Status(Code::kAborted, "only the head of this reply matters");
  };
  request.sink = [&](std::string_view piece) {
    if (piece.size() > limit - body.size()) {
      return Status(Code::kTooLarge, "the reply is larger than " + std::to_string(limit) + " bytes");
    }
    body += piece;
    return ok_status();
  };
  Result<control::HttpReply> reply = http.send(request);
  if (refused) return *std::move(refused);
  if (reply.ok()) reply->body = std::move(body);
  return reply;
}

std::string status_line(const control::HttpReply& reply) {
  return std::to_string(reply.status) + (reply.reason.empty() ? "" : " " + reply.reason);
}

bool sendable_target(std::string_view target) {
  return target.starts_with('/') &&
         std::all_of(target.begin(), target.end(), [](char c) { return c > ' ' && c < 0x7F; });
}

}  // namespace smslab::client
