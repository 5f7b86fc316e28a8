// The control API of the labs beside the default one: /api/v1/labs. What they are themselves is below /labs/NAME
// (labs.h).
#pragma once

#include <vector>

#include "mp/host/labs.h"
#include "proto/control/server.h"

namespace smslab::host {

std::vector<control::ControlRoute> lab_routes(Labs& labs);

}  // namespace smslab::host
