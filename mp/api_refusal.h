// What a route answers that looked at a scenario and refuses it: a ScenarioRefusal with every error at once, named as a
// whole after `summary`.
//
//   if (!made.ok()) return refusal(made.status(), problems);
#pragma once

#include "mp/mp.h"
#include "proto/control/server.h"

namespace smslab::mp {

control::ControlReply refusal(const Status& summary, const Problems& problems);

}  // namespace smslab::mp
