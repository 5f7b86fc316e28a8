// How a client makes itself known to its site: registration (from 2007 on) and the discovery heartbeat (facts: protocol
// 4.1 and 4.6).
#pragma once

#include <string>

#include "proto/ccm/signature.h"
#include "proto/client/host.h"
#include "proto/client/mp_session.h"

namespace smslab::client {

// The SMSID that the MP gives, proposed by us or not (`proposed` may be empty). "" when the MP has no registration, as
// an SMS 2003 site: the client then makes its own. kFailedPrecondition: pending or refused.
Result<std::string> register_client(Host& host, MpSession& session, const ccm::SigningKey& key,
                                    const std::string& proposed);

Status send_heartbeat(Host& host, MpSession& session);

}  // namespace smslab::client
