// Manifests: what a version of a package consists of, as clients fetch it and as the site sends it.
#pragma once

#include <map>
#include <string>

#include "dp/contents.h"
#include "proto/wire/handler.h"

namespace smslab::dp {

// As JSON, or protobuf or XML when Accept prefers it. What was sent to this DP: damage does not show.
Result<wire::Reply> serve_manifest(const Loaded& package, const wire::Request& request);

// kInvalidArgument unless it is whole and true in itself: a package ID, names that a package can hold and that differ
// in more than case, every folder listed, well-formed digests, sizes that add up, and tree hashes that come out equal.
Status check_manifest(const v1::Manifest& manifest);

// Tree hashes in each generation; the files in `changed` (by path) count with these digests instead.
v1::Hash package_hash(const v1::Manifest& manifest, const std::map<std::string, v1::Hash>& changed = {});

}  // namespace smslab::dp
