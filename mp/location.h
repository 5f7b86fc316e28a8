// MP_LocationManager: where content, sites and management points are (facts: protocol 4.3, semantics 7.5).
//
// The body's root element says what is asked: content location, site information, local MP, enumerate MP, WSUS,
// assigned site. A content location lists the DPs that hold exactly the version asked for, by NAL path; none is an
// empty list, and the client waits. Every DP counts as local (A10, assumed). Reads only.
#pragma once

#include "mp/ccm_request.h"

namespace smslab::mp {

Result<CcmAnswer> answer_location(const CcmServer& server, const ccm::Envelope& message);

}  // namespace smslab::mp
