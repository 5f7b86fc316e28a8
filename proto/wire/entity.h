// A resource with validators, served by RFC 9110's rules: preconditions, ranges, HEAD.
//
//   const Entity file{.body = extents, .content_type = "text/xml", .etag = "\"<sha256>\"", .modified = mtime};
//   return entity_reply(request, file);     // 200, 206, 304, 412 or 416, with every field that belongs to it
//
// Pure: the same request and entity give the same reply. Ranges are for GET: one is a 206 with Content-Range, several
// are the parts of a multipart/byteranges (multipart.h); far too many, or more than the content is worth, are the
// whole.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "proto/base/clock.h"
#include "proto/wire/handler.h"

namespace smslab::wire {

struct Entity {
  Body body;
  std::string content_type = {};
  std::string etag = {};                           // strong, with its quotes; empty: none
  std::optional<LabTime> modified = std::nullopt;  // to the second on the wire
  bool dated = true;  // `modified` tells this content from what stood here before; else no date speaks for it
  std::shared_ptr<const Topic> topic = nullptr;  // of the replies
  // Its fields as text, for an entity that is given many times: made by ready().
  std::shared_ptr<const std::string> lines = nullptr;
};

// The same entity, from which replies are made without formatting or copying anything.
std::shared_ptr<const Entity> ready(Entity entity);

Reply entity_reply(const Request& request, const Entity& entity);

// The bytes that a request turned out to be for, of several ranges the span of all; to the end when `last` is absent.
struct AskedSpan {
  uint64_t first = 0;
  std::optional<uint64_t> last = std::nullopt;
};
AskedSpan asked_span(const Request& request, const Reply& reply);

}  // namespace smslab::wire
