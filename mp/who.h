// Who: which client a message is from, and whether its signatures hold (facts: protocol 3.4, 3.5).
//
//   ASSIGN_OR_RETURN(Who who, identify(txn, envelope, request.identification().machine().client_id()));
//   if (site.options.strict) RETURN_IF_ERROR(authenticate(who, envelope, Signed::kRequired));
//
// A client is found by its SMSID (SourceID, else the one in the body), then by the key in its clientauth hook, then by
// SourceHost. Functions of their arguments; any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "proto/base/status.h"
#include "proto/ccm/envelope.h"
#include "proto/schema/site.pb.h"
#include "store/index.h"

namespace smslab::mp {

struct Who {
  std::optional<v1::Client> client;  // that the site knows
  std::string name;                  // the client's, else SourceHost when it can be a computer name; else empty
  std::string smsid;                 // that the message claims, "GUID:..."; empty: none
  std::string claimed_id;            // the same as sent, which is what ClientIDSignature covers
};

// `body_id`, `body_name`: what the body says, empty when nothing. A body's ID that contradicts SourceID loses.
Result<Who> identify(const store::ReadTxn& txn, const ccm::Envelope& envelope, std::string_view body_id = {},
                     std::string_view body_name = {});

enum class Signed { kIfPresent, kRequired };
// Strict mode: the clientauth hook's two signatures verify with the key that the site knows of that client, and hook
// and body name no other. kUnauthenticated otherwise. PayloadSignature is not checked on an uncompressed payload, whose
// range is unknown (A4, assumed).
Status authenticate(const Who& who, const ccm::Envelope& envelope, Signed needed, std::string_view body_id = {});

}  // namespace smslab::mp
