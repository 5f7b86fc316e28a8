// Preconditions of a request (RFC 9110 13), in the order of 13.2.2. Pure.
#pragma once

#include <optional>
#include <string_view>

#include "proto/base/clock.h"
#include "proto/wire/handler.h"

namespace smslab::wire {

struct Validators {
  std::string_view etag;            // with its quotes; empty: none
  std::optional<LabTime> modified;  // compared to the second
};

enum class Precondition { kServe, kNotModified, kFailed };  // go on, 304, 412

Precondition check_preconditions(const Request& request, const Validators& current);

// Whether Range may be honoured: there is no If-Range, or it is the tag of exactly this content. A weak tag never is,
// nor a date: the time of a file does not change with every byte of it (RFC 9110 8.8.2.2, 13.1.5).
bool range_still_valid(const Request& request, std::string_view etag);

}  // namespace smslab::wire
