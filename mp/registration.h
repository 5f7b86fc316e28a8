// MP_ClientRegistration: a client shows its name and certificate and gets its SMSID (facts: protocol 4.1).
//
// An SMSID that the client proposes is taken; else one that the site has for the same name and key, else one is minted
// from seed, name and key (A18, assumed). A known name that shows a new key has the new key from then on. In strict
// mode the signature over <Data> must verify with the certificate in it. The reply waits until the client is stored.
#pragma once

#include "mp/ccm_request.h"

namespace smslab::mp {

Result<CcmAnswer> register_client(const CcmServer& server, const ccm::Envelope& message);

}  // namespace smslab::mp
