#include "dp/overlay.h"

#include <algorithm>
#include <cstring>

namespace smslab::dp {

void Overlay::add(const v1::FileDamage& damage) {
  hash = damage.hash();
  for (const v1::DamageExtent& extent : damage.extents()) {
    const auto after = std::ranges::upper_bound(extents, extent.offset(), {}, &Extent::offset);
    extents.insert(after, {extent.offset(), std::make_shared<const std::string>(extent.bytes())});
  }
}

wire::Body lay_over(std::shared_ptr<const ReadableFile> file, uint64_t size, const std::vector<Extent>& extents) {
  wire::Body body;
  uint64_t at = 0;
  for (const Extent& extent : extents) {
    if (extent.offset > at) body.append(file, at, extent.offset - at);
    body.append(extent.bytes, 0, extent.bytes->size());
    at = extent.end();
  }
  if (at < size) body.append(std::move(file), at, size - at);
  return body;
}

fault::ReadAt reader(wire::Body body) {
  return [body = std::move(body)](uint64_t offset, std::span<char> buffer) {
    ASSIGN_OR_RETURN(const std::string bytes, body.slice(offset, buffer.size()).read_all());
    std::memcpy(buffer.data(), bytes.data(), buffer.size());
    return ok_status();
  };
}

}  // namespace smslab::dp
