// Replies whose head is wrong.
#include <algorithm>

#include "proto/base/text.h"
#include "proto/base/time_text.h"
#include "proto/fault/effects.h"
#include "proto/fault/pages.h"
#include "proto/wire/grammar.h"
#include "proto/wire/reply_head.h"

namespace smslab::fault {
namespace {
constexpr uint64_t kMostBody = uint64_t{1} << 20;

Status check_fields(const google::protobuf::RepeatedPtrField<v1::HeaderField>& fields, const std::string& place) {
  for (const auto& field : fields) {
    if (!wire::is_token(field.name())) {
      return invalid_argument("'" + field.name() + "' is no name of a field", place + ".name");
    }
    if (field.value().find_first_of("\r\n") != std::string::npos) {
      return invalid_argument("a value is one line; responseBytes makes any bytes", place + ".value");
    }
  }
  return ok_status();
}
}  // namespace

uint64_t moved(uint64_t size, int64_t by) {
  if (by >= 0) return size + static_cast<uint64_t>(by);
  const uint64_t less = uint64_t{0} - static_cast<uint64_t>(by);
  return less > size ? 0 : size - less;
}

Status check_content_length(const v1::FaultRule& rule) {
  using How = v1::ContentLengthOverride;
  const How& how = rule.content_length_override();
  const std::string field = "contentLengthOverride";
  switch (how.how_case()) {
    case How::HOW_NOT_SET: return invalid_argument("say length, by, missing or twice", field);
    case How::kBy:
      if (how.by() == 0) return invalid_argument("by 0 would change nothing", field + ".by");
      return ok_status();
    case How::kMissing:
      if (!how.missing()) return invalid_argument("missing: false would change nothing", field + ".missing");
      return ok_status();
    case How::kTwice:
      if (!how.twice()) return invalid_argument("twice: false would change nothing", field + ".twice");
      return ok_status();
    case How::kLength: return ok_status();
  }
  return ok_status();
}

// What follows on the connection would be misread by the client, so it ends here.
void content_length_override(const Stroke& stroke) {
  using How = v1::ContentLengthOverride;
  rewrite_last(stroke.delivery, [how = stroke.rule.content_length_override()](std::string* head, wire::Body* body) {
    const uint64_t length = parse_u64(take_field(head, "Content-Length")).value_or(body->size());
    switch (how.how_case()) {
      case How::kLength: add_field(head, "Content-Length", std::to_string(how.length())); break;
      case How::kBy: add_field(head, "Content-Length", std::to_string(moved(length, how.by()))); break;
      case How::kTwice:
        add_field(head, "Content-Length", std::to_string(length));
        add_field(head, "Content-Length", std::to_string(length + 1));
        break;
      case How::kMissing:
      case How::HOW_NOT_SET: break;
    }
  });
  stroke.delivery->ending = wire::Delivery::Ending::kFin;
}

Status check_status(const v1::FaultRule& rule) {
  const v1::StatusReply& status = rule.status();
  if (status.code() < 200 || status.code() > 599) return invalid_argument("a status from 200 to 599", "status.code");
  if (!status.page().empty()) {
    if (!status.body().empty()) return invalid_argument("either page or body", "status.page");
    if (!page_of(status.page())) {
      return invalid_argument("no page for '" + status.page() + "'; there are " + known_pages(), "status.page");
    }
  }
  if (status.body().size() > kMostBody) return invalid_argument("at most 1048576 bytes", "status.body");
  if (status.content_type().find_first_of("\r\n") == std::string::npos) return ok_status();
  return invalid_argument("one line", "status.contentType");
}

namespace {
// What RFC 9110 wants of these statuses, as an IIS says it (facts: protocol 6.1 for 401, assumed for 405).
void add_due_fields(const wire::Request& request, wire::Reply* reply) {
  if (reply->status == 401) {
    reply->set("WWW-Authenticate", "Negotiate");
    reply->set("WWW-Authenticate", "NTLM");
  }
  if (reply->status == 405) {
    std::string allowed;
    for (const std::string_view method : {"OPTIONS", "TRACE", "GET", "HEAD"}) {
      if (method != request.method) allowed.append(allowed.empty() ? "" : ", ").append(method);
    }
    reply->set("Allow", allowed);
  }
}
}  // namespace

void status_reply(const Stroke& stroke) {
  const v1::StatusReply& status = stroke.rule.status();
  wire::Reply reply = wire::error_reply(static_cast<int>(status.code()), "");
  const std::string body = status.page().empty() ? status.body() : page_of(status.page()).value_or("");
  if (!body.empty()) {
    std::erase_if(reply.fields, [](const wire::Field& field) { return iequals(field.first, "Content-Type"); });
    reply.set("Content-Type", status.content_type().empty() ? "text/html" : status.content_type());
    reply.body = wire::Body(body);
  }
  add_due_fields(stroke.request, &reply);
  if (status.has_retry_after()) reply.set("Retry-After", std::to_string(status.retry_after()));
  reply.topic = stroke.reply->topic;
  *stroke.reply = std::move(reply);
}

Status check_header(const v1::FaultRule& rule) {
  const v1::HeaderEdit& edit = rule.header();
  if (edit.remove().empty() && edit.set().empty() && edit.add().empty()) {
    return invalid_argument("say remove, set or add", "header");
  }
  for (const auto& name : edit.remove()) {
    if (!wire::is_token(name)) return invalid_argument("'" + name + "' is no name of a field", "header.remove");
  }
  RETURN_IF_ERROR(check_fields(edit.set(), "header.set"));
  return check_fields(edit.add(), "header.add");
}

void header_edit(const Stroke& stroke) {
  rewrite_last(stroke.delivery, [edit = stroke.rule.header()](std::string* head, wire::Body*) {
    for (const auto& name : edit.remove()) take_field(head, name);
    for (const auto& field : edit.set()) {
      take_field(head, field.name());
      add_field(head, field.name(), field.value());
    }
    for (const auto& field : edit.add()) add_field(head, field.name(), field.value());
  });
}

Status check_clock_skew(const v1::FaultRule& rule) {
  const int64_t by = rule.clock_skew().by();
  if (by == 0) return invalid_argument("by 0 would change nothing", "clockSkew.by");
  if (by > -1000 && by < 1000) {
    return invalid_argument("a Date has whole seconds: 1000 at least", "clockSkew.by");
  }
  constexpr int64_t kCentury = int64_t{36'525} * 24 * 60 * 60 * 1000;
  if (by < -kCentury || by > kCentury) return invalid_argument("a hundred years at most", "clockSkew.by");
  return ok_status();
}

void clock_skew(const Stroke& stroke) {
  rewrite_last(stroke.delivery, [by = stroke.rule.clock_skew().by()](std::string* head, wire::Body*) {
    const auto date = parse_http_date(take_field(head, "Date"));
    if (date) add_field(head, "Date", format_rfc1123(*date + LabDuration(by)));
  });
}

}  // namespace smslab::fault
