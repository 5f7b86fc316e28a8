#include "proto/wire/entity.h"

#include "proto/base/time_text.h"
#include "proto/wire/grammar.h"
#include "proto/wire/precondition.h"
#include "proto/wire/range.h"
#include "proto/wire/reply_head.h"

namespace smslab::wire {
namespace {
void set_validators(const Entity& entity, Reply* reply) {
  if (!entity.etag.empty()) reply->set("ETag", entity.etag);
  if (entity.modified) reply->set("Last-Modified", format_rfc1123(*entity.modified));
}

RangeRequest asked_range(const Request& request, const Entity& entity) {
  if (request.method != "GET") return {};
  const auto range = list_field(request.fields, "Range");
  if (!range || !range_still_valid(request, {entity.etag, entity.modified})) return {};
  return parse_range(*range, entity.body.size());
}

Reply unsatisfiable(const Entity& entity) {
  Reply reply = error_reply(416, "the range is not within the content");
  reply.set("Content-Range", "bytes */" + std::to_string(entity.body.size()));
  set_validators(entity, &reply);
  return reply;
}
}  // namespace

Reply entity_reply(const Request& request, const Entity& entity) {
  Reply reply;
  switch (check_preconditions(request, {entity.etag, entity.modified})) {
    case Precondition::kFailed: return error_reply(412, "the content is not the one that the request is about");
    case Precondition::kNotModified:
      reply.status = 304;
      set_validators(entity, &reply);
      return reply;
    case Precondition::kServe: break;
  }
  const RangeRequest range = asked_range(request, entity);
  if (range.kind == RangeRequest::Kind::kUnsatisfiable) return unsatisfiable(entity);
  reply.body = entity.body;
  if (!entity.content_type.empty()) reply.set("Content-Type", entity.content_type);
  if (range.kind == RangeRequest::Kind::kRanges && range.asked == 1) {  // several: the whole, which is allowed (14.2)
    const ByteRange& part = range.ranges.front();
    reply.status = 206;
    reply.body = entity.body.slice(part.first, part.last - part.first + 1);
    reply.set("Content-Range", "bytes " + std::to_string(part.first) + "-" + std::to_string(part.last) + "/" +
                                   std::to_string(entity.body.size()));
  }
  reply.set("Accept-Ranges", "bytes");
  set_validators(entity, &reply);
  return reply;
}

}  // namespace smslab::wire
