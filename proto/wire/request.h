// Head and body -> Request: what a handler may rely on is made sure here.
#pragma once

#include <string>

#include "proto/base/status.h"
#include "proto/wire/handler.h"
#include "proto/wire/head.h"

namespace smslab::wire {

// Fills method, target, path, query, fields and body; peer, local and tls are the caller's. kInvalidArgument for a path
// that cannot name anything here: a broken or doubtful escape (%2F, NUL), a backslash, a control character, invalid
// UTF-8, a "." or ".." part. Method and target are set in any case, for the log.
Status make_request(Head head, std::string body, Request* request);

}  // namespace smslab::wire
