// Validation: what clients get of a package, compared with what they should (an extension; facts: semantics 3.2 row
// 11).
//
// Reads every byte as it is served, damage included. Changes nothing. Thread-safe; blocks on the disk.
#pragma once

#include "dp/contents.h"
#include "proto/schema/control.pb.h"

namespace smslab::dp {

// kNotFound when the package is not here.
Result<v1::ValidationReply> validate(Contents& contents, const v1::ValidationRequest& request);

}  // namespace smslab::dp
