// The manifest on the client plane: an extension, for tools that want to know what a version consists of.
#pragma once

#include "dp/contents.h"
#include "proto/wire/handler.h"

namespace smslab::dp {

// As JSON, or protobuf or XML when Accept prefers it. What was sent to this DP: damage does not show.
Result<wire::Reply> serve_manifest(const Loaded& package, const wire::Request& request);

}  // namespace smslab::dp
