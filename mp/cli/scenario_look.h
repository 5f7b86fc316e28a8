// A look at a scenario without a lab.
//
//   std::vector<Status> problems;
//   RETURN_IF_ERROR(look_at(&scenario, &problems));
//
// A site of its own, empty, in a folder that is gone as soon as it is open, makes every record and gives them up; the
// sources are not read.
#pragma once

#include <vector>

#include "proto/base/status.h"
#include "proto/schema/scenario.pb.h"

namespace smslab::cli {

// Everything that is wrong, each with its path in its field; a site code or a profile that is none is left out of
// `scenario` then, so that the rest can be looked at, and what is missing of both is filled in. An error: there could
// be no such site, for want of room.
Status look_at(v1::Scenario* scenario, std::vector<Status>* problems);

}  // namespace smslab::cli
