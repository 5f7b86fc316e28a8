// Waiting for the distribution points of a package, as --wait of several verbs does.
#pragma once

#include <string>

#include "mp/cli/lab_client.h"
#include "proto/base/status.h"
#include "proto/schema/site.pb.h"

namespace smslab::cli {

// Waits until every DP of the package is in a final state; one that failed is an error. `timeout` is a duration, as 5m.
// Each failure that the site will try again is told on standard error.
Result<v1::Package> wait_settled(LabClient& lab, const std::string& id, const std::string& timeout);

}  // namespace smslab::cli
