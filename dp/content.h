// Content: GET and HEAD on the client plane (facts: protocol 6.1, 6.4).
//
// A file is answered with the bytes of one installed version, whole, in part or not at all, under a validator that is
// their digest: a reader that resumes across a refresh, an update or damage is told so. A folder is 403.
#pragma once

#include "dp/contents.h"
#include "proto/wire/handler.h"

namespace smslab::dp {

Result<wire::Reply> serve_content(Contents& contents, const wire::Request& request);

// "text/plain" for "READ.TXT"; application/octet-stream for what is not known.
std::string_view content_type_of(std::string_view path);

}  // namespace smslab::dp
