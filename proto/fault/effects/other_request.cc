// Replies to another request than the one that was made.
#include "proto/base/hex.h"
#include "proto/base/text.h"
#include "proto/base/uri.h"
#include "proto/fault/effects.h"
#include "proto/wire/reply_head.h"

namespace smslab::fault {
namespace {
const std::string* range_of(const wire::Request& request) { return request.field("Range"); }

void drop_field(wire::Request* request, std::string_view name) {
  std::erase_if(request->fields, [&](const wire::Field& field) { return iequals(field.first, name); });
}
}  // namespace

void ask_again(const Stroke& stroke, const std::function<void(wire::Request*)>& change, Failures failures) {
  wire::Request request = *stroke.asked ? **stroke.asked : stroke.request;
  change(&request);
  auto reply = stroke.router.route(request);
  const bool failed = !reply.ok() || reply->status >= 400;
  if (failed && failures == Failures::kLeft) return;
  if (!reply.ok()) reply = wire::error_reply(http_status(reply.status().code()), reply.status().message());
  reply->topic = stroke.reply->topic;
  *stroke.reply = *std::move(reply);
  *stroke.asked = std::move(request);
}

void ignore_range(const Stroke& stroke) {
  if (range_of(stroke.request) == nullptr) return;
  ask_again(
      stroke, [](wire::Request* request) { drop_field(request, "Range"); }, Failures::kServed);
}

// One part, in the form of several (semantics 9, row 11).
void force_multipart(const Stroke& stroke) {
  if (stroke.reply->status != 206) return;
  rewrite_last(stroke.delivery, [boundary = to_hex(stroke.noise.bytes(16))](std::string* head, wire::Body* body) {
    const std::string range = take_field(head, "Content-Range");
    if (range.empty()) return;  // several already
    const std::string type = take_field(head, "Content-Type");
    wire::Body parts("--" + boundary + "\r\nContent-Type: " + type + "\r\nContent-Range: " + range + "\r\n\r\n");
    parts.append(*body);
    parts.append("\r\n--" + boundary + "--\r\n");
    *body = std::move(parts);
    take_field(head, "Content-Length");
    add_field(head, "Content-Type", "multipart/byteranges; boundary=" + boundary);
    add_field(head, "Content-Length", std::to_string(body->size()));
  });
}

Status check_swap_file(const v1::FaultRule& rule) {
  if (rule.swap_file().file().empty()) return invalid_argument("name the other file", "swapFile.file");
  if (rule.match().file().empty()) return invalid_argument("name the file to be swapped", "match.file");
  return ok_status();
}

void swap_file(const Stroke& stroke) {
  const wire::Topic* topic = stroke.reply->topic.get();
  if (topic == nullptr || topic->file.empty()) return;
  const std::string& path = stroke.request.path;
  if (path.size() < topic->file.size()) return;
  const std::string other = path.substr(0, path.size() - topic->file.size()) + stroke.rule.swap_file().file();
  const auto for_other = [&](wire::Request* request) {
    request->path = other;
    request->target = percent_encode_path(other);
    request->query.clear();
    request->has_query = false;
  };
  ask_again(stroke, for_other, Failures::kLeft);  // one that is not there is not given
}

}  // namespace smslab::fault
