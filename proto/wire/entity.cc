#include "proto/wire/entity.h"

#include <algorithm>

#include "proto/base/time_text.h"
#include "proto/wire/grammar.h"
#include "proto/wire/multipart.h"
#include "proto/wire/precondition.h"
#include "proto/wire/range.h"
#include "proto/wire/reply_head.h"

namespace smslab::wire {
namespace {
// Without a date of its own, it has changed since any.
Validators validators(const Entity& entity) {
  return {entity.etag, entity.dated || !entity.modified ? entity.modified : std::optional(LabTime::max())};
}

RangeRequest asked_range(const Request& request, const Entity& entity) {
  if (request.method != "GET") return {};
  const auto range = list_field(request.fields, "Range");
  if (!range || !range_still_valid(request, entity.etag)) return {};
  return parse_range(*range, entity.body.size());
}

Reply unsatisfiable(const Entity& entity) {
  Reply reply = error_reply(416, "the range is not within the content");
  reply.set("Content-Range", "bytes */" + std::to_string(entity.body.size()));
  return reply;
}

// The whole or one part of an entity whose fields are written already.
Reply ready_reply(const Entity& entity, const RangeRequest& range) {
  Reply reply;
  reply.lines = entity.lines;
  if (range.kind == RangeRequest::Kind::kRanges) {
    const ByteRange& part = range.ranges.front();
    reply.status = 206;
    reply.range = {part.first, part.last, entity.body.size()};
    reply.body = entity.body.slice(part.first, part.size());
  } else {
    reply.body = entity.body;
  }
  return reply;
}

Reply whole(const Entity& entity) {
  Reply reply;
  if (!entity.content_type.empty()) reply.set("Content-Type", entity.content_type);
  reply.body = entity.body;
  return reply;
}

Reply one_part(const Entity& entity, const ByteRange& range) {
  Reply reply;
  reply.status = 206;
  if (!entity.content_type.empty()) reply.set("Content-Type", entity.content_type);
  reply.range = {range.first, range.last, entity.body.size()};
  reply.body = entity.body.slice(range.first, range.size());
  return reply;
}

// A few parts are given as asked, however small the content. Many, with their heads, may cost no more than the whole.
Reply several_parts(const Entity& entity, const std::vector<ByteRange>& ranges) {
  constexpr size_t kFew = 10;
  Multipart parts = multipart_byteranges(entity, ranges);
  if (ranges.size() > kFew && parts.body.size() > entity.body.size()) return whole(entity);
  Reply reply;
  reply.status = 206;
  reply.set("Content-Type", std::move(parts.content_type));
  reply.body = std::move(parts.body);
  return reply;
}

Reply asked_for(const Entity& entity, const RangeRequest& range) {
  switch (range.kind) {
    case RangeRequest::Kind::kUnsatisfiable: return unsatisfiable(entity);
    case RangeRequest::Kind::kWhole: return whole(entity);
    case RangeRequest::Kind::kRanges: break;
  }
  if (range.ranges.size() == 1) return one_part(entity, range.ranges.front());  // also of several asked (15.3.7.2)
  return several_parts(entity, range.ranges);
}

bool is_plain(const RangeRequest& range) {
  return range.kind == RangeRequest::Kind::kWhole ||
         (range.kind == RangeRequest::Kind::kRanges && range.ranges.size() == 1);
}
Reply answer(const Request& request, const Entity& entity) {
  Reply reply;
  switch (check_preconditions(request, validators(entity))) {
    case Precondition::kFailed: return error_reply(412, "the content is not the one that the request is about");
    case Precondition::kNotModified: reply.status = 304; break;
    case Precondition::kServe:
      const RangeRequest range = asked_range(request, entity);
      if (entity.lines && is_plain(range)) return ready_reply(entity, range);
      reply = asked_for(entity, range);
      reply.set("Accept-Ranges", "bytes");
      break;
  }
  if (!entity.etag.empty()) reply.set("ETag", entity.etag);
  if (entity.modified) reply.set("Last-Modified", format_rfc1123(*entity.modified));
  return reply;
}
}  // namespace

std::shared_ptr<const Entity> ready(Entity entity) {
  std::string lines;
  const auto add = [&lines](std::string_view name, std::string_view value) {
    if (!value.empty()) lines.append(name).append(": ").append(value).append("\r\n");
  };
  add("Content-Type", entity.content_type);
  add("Accept-Ranges", "bytes");
  add("ETag", entity.etag);
  if (entity.modified) add("Last-Modified", format_rfc1123(*entity.modified));
  entity.lines = std::make_shared<const std::string>(std::move(lines));
  return std::make_shared<const Entity>(std::move(entity));
}

Reply entity_reply(const Request& request, const Entity& entity) {
  Reply reply = answer(request, entity);
  reply.topic = entity.topic;
  return reply;
}

AskedSpan asked_span(const Request& request, const Reply& reply) {
  if (reply.range) return {reply.range->first, reply.range->last};
  AskedSpan span;
  if (reply.status != 206) return span;
  const auto value = list_field(request.fields, "Range");
  if (!value) return span;
  for (const ByteRange& range : parse_range(*value, UINT64_MAX).ranges) {
    span.first = span.last ? std::min(span.first, range.first) : range.first;
    span.last = std::max(span.last.value_or(0), range.last);
  }
  return span;
}

}  // namespace smslab::wire
