// How a client makes itself known to its site: registration (from 2007 on) and the discovery heartbeat (facts: protocol
// 4.1 and 4.6).
#pragma once

#include <string>

#include "proto/ccm/signature.h"
#include "proto/client/host.h"
#include "proto/client/mp_session.h"

namespace smslab::client {

enum class Registered {
  kYes,         // with `smsid`
  kNotKnown,    // empty reply: the MP has no registration, as an SMS 2003 site; the client then makes its own SMSID
  kRefused,     // as the client is now
  kNewIdentity  // refused: the client is to make a new key and register with that
};
struct Registration {
  Registered result = Registered::kNotKnown;
  std::string smsid;
};
// "Registration" proposes an SMSID (empty: the MP makes one); "Confirmation" says again the one that the client has.
// kFailedPrecondition: pending. An outcome that is no error may still be followed by another request.
Result<Registration> ask_registration(Host& host, MpSession& session, const ccm::SigningKey& key,
                                      const std::string& request_type, const std::string& smsid);

Status send_heartbeat(Host& host, MpSession& session);

}  // namespace smslab::client
