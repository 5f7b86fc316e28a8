// Overlay: damage at rest as a reader meets it, wrong bytes laid over a stored file that itself stays whole.
//
//   wire::Body body = lay_over(file, size, overlay.extents);   // file pieces and literal pieces, in order
//   Result<v1::Hash> hash = fault::hash_file(body.size(), reader(body));
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "proto/base/env.h"
#include "proto/fault/damage.h"
#include "proto/schema/control.pb.h"
#include "proto/wire/handler.h"

namespace smslab::dp {

struct Extent {
  uint64_t offset = 0;
  std::shared_ptr<const std::string> bytes;
  uint64_t end() const { return offset + bytes->size(); }
};

// All damage of one file.
struct Overlay {
  v1::Hash hash;                // of the bytes as they are served
  std::vector<Extent> extents;  // ascending, never overlapping

  void add(const v1::FileDamage& damage);  // its hash becomes this one's
};

wire::Body lay_over(std::shared_ptr<const ReadableFile> file, uint64_t size, const std::vector<Extent>& extents);

fault::ReadAt reader(wire::Body body);

}  // namespace smslab::dp
