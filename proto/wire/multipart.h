// Several ranges of one entity in one body: multipart/byteranges (RFC 9110 14.6, RFC 2046 5.1).
//
//   Multipart parts = multipart_byteranges(entity, ranges);      // ranges: two or more, within the entity
//   reply.set("Content-Type", parts.content_type);
//   reply.body = parts.body;
//
// Parts stand in the order of `ranges`, each with Content-Type (when the entity has one) and Content-Range and nothing
// else; the first boundary follows the reply's head at once: BITS allows little more. Pure: the boundary is made of the
// ETag, so equal requests get equal bytes, and no content of ours holds it, as none holds its own digest. Nothing is
// copied: the parts are slices of the entity's body.
#pragma once

#include <string>
#include <vector>

#include "proto/wire/entity.h"
#include "proto/wire/range.h"

namespace smslab::wire {

struct Multipart {
  Body body;
  std::string content_type;
};

Multipart multipart_byteranges(const Entity& entity, const std::vector<ByteRange>& ranges);

// "bytes 0-4/10": of one range, as a Content-Range says it.
std::string content_range(const ByteRange& range, uint64_t size);

}  // namespace smslab::wire
