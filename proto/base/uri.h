// Percent escapes (RFC 3986) and absolute http URLs.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "proto/base/status.h"

namespace smslab {

// Decodes %XX; nullopt for a broken escape. '+' stays '+'.
std::optional<std::string> percent_decode(std::string_view text);

// Encodes a relative path for use in a URL: everything but unreserved characters and '/'. UTF-8 goes byte by byte.
std::string percent_encode_path(std::string_view path);
std::string percent_encode_component(std::string_view text);  // '/' too

struct HostPort {
  std::string host;  // without the brackets of IPv6
  uint16_t port = 0;
};
// "127.0.0.1:8080", "[::1]:0", "localhost:80". `field` names the input in the error.
Result<HostPort> parse_host_port(std::string_view text, std::string_view field);
std::string format_host_port(const HostPort& at);  // brackets an IPv6 address

struct Url {
  std::string scheme;  // "http" or "https", lower case
  HostPort at;         // port filled in from the scheme
  std::string target;  // path and query, at least "/"
};
Result<Url> parse_url(std::string_view text, std::string_view field);
std::string host_of_url(const std::string& url);  // the URL itself when it is none
// `url` (scheme, host and port alone) for a peer that reached us at `host`: a listener on all addresses ("0.0.0.0",
// "::") cannot be dialled under that name.
std::string reachable_url(const std::string& url, const std::string& host);

}  // namespace smslab
