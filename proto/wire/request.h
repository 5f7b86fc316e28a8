// Head and body -> Request: what a handler may rely on is made sure here.
#pragma once

#include <string>

#include "proto/base/status.h"
#include "proto/wire/handler.h"
#include "proto/wire/head.h"

namespace smslab::wire {

// Fills method, target, path, query and fields; the others are the caller's. The two exchange their strings, so that
// both find memory again next time. kInvalidArgument for a path that cannot name anything here: a broken or doubtful
// escape (%2F, NUL), a backslash, a control character, invalid UTF-8, a "." or ".." part. Method and target are set in
// any case, for the log.
Status make_request(Head* head, Request* request);

}  // namespace smslab::wire
