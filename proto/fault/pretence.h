// Pretence: what a distribution point is to say of a package instead of the truth, for one reply. Effects make it
// (effects/store.cc), a DP's handlers go by it (dp/pretence.h).
//
// Passed from thread to thread as constant; what stands in it by function may be called on a worker and must not block.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "proto/base/env.h"
#include "proto/schema/content.pb.h"
#include "proto/wire/handler.h"

namespace smslab::fault {

// One version of a package, with its bytes, as somebody still has it.
struct PackageVersion {
  v1::Manifest manifest;
  // By SHA-256; kNotFound when it is gone.
  std::function<Result<std::shared_ptr<const ReadableFile>>(const std::string& sha256)> open;
};
// kNotFound for a version that nobody has.
using OldVersions =
    std::function<Result<std::shared_ptr<const PackageVersion>>(const std::string& package, uint32_t version)>;

struct StorePretence final : wire::Pretence {
  std::shared_ptr<const PackageVersion> version;  // instead of the one installed; null: that one
  bool beginning = false;           // `version` for the first bytes of each file alone, the rest as it is ...
  std::optional<uint64_t> torn_at;  // ... from this one on; from the middle on when absent
  std::vector<std::function<void(v1::Manifest*)>> changes;  // of what is listed, in order
  uint64_t made_up = 0;                                     // files listed behind the true ones
};

}  // namespace smslab::fault
