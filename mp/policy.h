// MP_PolicyManager: which policies a client has (facts: protocol 4.2).
//
// For a client that the site knows: its software distribution settings, then one policy for each advertisement whose
// collection has it, by ID; expired ones too, for the client compares times with its own clock (semantics 2.5). Empty
// when the client's ServerCookie is the site's (nothing new), when the client is not known or not approved, and for
// users, who have none. In profile 2003 a client needs no record: its computer name is enough (A1, assumed).
#pragma once

#include "mp/ccm_request.h"

namespace smslab::mp {

Result<CcmAnswer> answer_policy_request(const CcmServer& server, const ccm::Envelope& message);

}  // namespace smslab::mp
