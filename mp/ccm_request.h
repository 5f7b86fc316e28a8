// CCM_POST /ccm_system/request: one message of a client, from its envelope to the reply (facts: protocol 3 and 4).
//
//   Result<Reply> reply = answer_ccm({site, dps, "http://127.0.0.1:8080", "127.0.0.1"}, request);
//
// The endpoint that the header names does the work: a plain function of the message and the site. What a real server
// says to what it cannot use: 400 to a broken envelope, an empty 200 to an unknown endpoint, to a body of the wrong
// shape and, in strict mode, to a bad signature; each with one line in the log and nothing written. A reply that tells
// of something stored waits for it (Reply::after).
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "mp/dps.h"
#include "mp/site.h"
#include "mp/who.h"
#include "proto/ccm/envelope.h"
#include "proto/ccm/shared_document.h"
#include "proto/wire/handler.h"

namespace smslab::mp {

struct CcmServer {
  Site& site;
  const DpDirectory& dps;
  std::string mp_url;
  std::string reached_at;  // the address of ours that the client came to
  std::string peer = {};   // the address that it came from
  std::string method = "CCM_POST";
};

// What an endpoint makes of a message.
struct CcmAnswer {
  std::string xml = {};                                         // either this
  std::shared_ptr<const ccm::SharedDocument> shared = nullptr;  // or this, with
  std::string own = {};                                         // filled in; neither: 200 without a body
  CompletionPtr after = nullptr;                                // what must be durable first
  std::string package = {};                                     // what was asked about
  uint32_t version = 0;
  std::vector<std::string> rules = {};  // IDs of the faults that changed it; it is this client's alone then
};

using CcmEndpoint = Result<CcmAnswer> (*)(const CcmServer& server, const ccm::Envelope& message);

// What faults go by: the sender that the message names, believed as it stands.
wire::Topic topic_of(const ccm::Envelope& message);

Result<wire::Reply> answer_ccm(const CcmServer& server, const wire::Request& request);

}  // namespace smslab::mp
