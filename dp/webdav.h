// WebDAV: PROPFIND on the client plane (facts: protocol 6.3), how a client learns what a package consists of.
//
// On the virtual directory itself it lists the packages, one level deep: for generic clients that mount it. An answer
// of more than a mebibyte is written while it is sent.
#pragma once

#include "dp/contents.h"
#include "proto/wire/handler.h"

namespace smslab::dp {

Result<wire::Reply> list_content(Contents& contents, const wire::Request& request);

}  // namespace smslab::dp
