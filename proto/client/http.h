// fetch: one HTTP exchange whose reply fits in memory, whatever the peer sends.
#pragma once

#include <string_view>

#include "proto/client/host.h"
#include "proto/control/client.h"

namespace smslab::client {

// A connection to `base` ("http://host:port") that comes from the host's address.
control::HttpClient connect_to(const Host& host, std::string base);

// The reply with its body, at most `limit` bytes: kTooLarge beyond. Of a reply that is not 2xx only the head counts;
// its body is dropped. kUnavailable when no whole reply came.
Result<control::HttpReply> fetch(control::HttpClient& http, control::HttpRequest request, size_t limit);

// "503 Service Unavailable"
std::string status_line(const control::HttpReply& reply);

// Path and query without blanks, control characters or bytes beyond ASCII: what may stand in a request line.
bool sendable_target(std::string_view target);

}  // namespace smslab::client
