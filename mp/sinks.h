// Sinks: what clients report without an answer: status, state, DDR, inventory (facts: protocol 4.4 to 4.6).
//
// An event whose class has a number becomes a status message (status.h), with the insertion strings of its class; one
// without is kept as the client's event (semantics 11.14). One that brings a number of its own that its component
// cannot have causes warning 3812 (5.1). Reports are kept whole, the last of each kind, with a count; what a discovery
// says of its client goes into the client's record. Everything that a message causes is one change; the empty 200 waits
// for it.
#pragma once

#include "mp/ccm_request.h"

namespace smslab::mp {

// StatusReceiver. Strict mode demands the clientauth hook.
Result<CcmAnswer> take_status(const CcmServer& server, const ccm::Envelope& message);

// MP_RelayEndpoint, MP_DdrEndpoint, MP_HinvEndpoint, MP_SinvEndpoint. Their clients send no hook; one that is there is
// checked in strict mode. In profile 2003, where nobody registers, a DDR makes its client known.
Result<CcmAnswer> take_report(const CcmServer& server, const ccm::Envelope& message);

}  // namespace smslab::mp
