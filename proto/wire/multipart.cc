#include "proto/wire/multipart.h"

#include "proto/base/digest.h"

namespace smslab::wire {
namespace {
constexpr size_t kBoundaryDigits = 32;
}

std::string content_range(const ByteRange& range, uint64_t size) {
  return "bytes " + std::to_string(range.first) + "-" + std::to_string(range.last) + "/" + std::to_string(size);
}

Multipart multipart_byteranges(const Entity& entity, const std::vector<ByteRange>& ranges) {
  const std::string boundary = digest_hex(Algorithm::kSha256, "byteranges " + entity.etag).substr(0, kBoundaryDigits);
  std::string type_line;
  if (!entity.content_type.empty()) type_line = "Content-Type: " + entity.content_type + "\r\n";
  Multipart parts{.body = {}, .content_type = "multipart/byteranges; boundary=" + boundary};
  std::string_view line_end;  // before a boundary it belongs to the boundary, and before the first there is none
  for (const ByteRange& range : ranges) {
    std::string head = std::string(line_end) + "--" + boundary + "\r\n";
    head += type_line + "Content-Range: " + content_range(range, entity.body.size()) + "\r\n\r\n";
    parts.body.append(std::move(head));
    parts.body.append(entity.body.slice(range.first, range.size()));
    line_end = "\r\n";
  }
  parts.body.append("\r\n--" + boundary + "--\r\n");
  return parts;
}

}  // namespace smslab::wire
