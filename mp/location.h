// MP_LocationManager: where content, sites and management points are (facts: protocol 4.3, semantics 7.5).
//
// The body's root element says what is asked: content location, site information, local MP, enumerate MP, WSUS,
// assigned site. A content location lists the DPs that hold exactly the version asked for, the nearest first (see
// boundaries.h; A10, assumed), and protected ones only to clients within their boundaries; none is an empty list, and
// the client waits. Reads only; where a known client says that it is, is noted (client_activity.h).
#pragma once

#include "mp/ccm_request.h"

namespace smslab::mp {

Result<CcmAnswer> answer_location(const CcmServer& server, const ccm::Envelope& message);

}  // namespace smslab::mp
