// GET|HEAD /SMS_MP/.sms_pol?<PolicyID>.<version>: one policy body (facts: protocol 5.1).
//
//   Result<Reply> reply = serve_policy(request, site);      // ?LON20000-LON00001-4A48FD56.1_00
//
// Also `.SHA256:<64 hex>`; braces raw or escaped, any letter case. What is not the current version of a policy that the
// site serves is 404 (A16, assumed). Ranges and preconditions as for any entity; the ETag is the body's digest.
#pragma once

#include "mp/site.h"
#include "proto/wire/handler.h"

namespace smslab::mp {

Result<wire::Reply> serve_policy(const wire::Request& request, const Site& site);

}  // namespace smslab::mp
