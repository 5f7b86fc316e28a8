#include "proto/control/browser.h"

#include <arpa/inet.h>

#include <algorithm>

#include "proto/base/text.h"
#include "proto/base/uri.h"

namespace smslab::control {
namespace {
bool is_address(const std::string& host) {
  in6_addr any{};
  return ::inet_pton(AF_INET, host.c_str(), &any) == 1 || ::inet_pton(AF_INET6, host.c_str(), &any) == 1;
}

// "Name:8082", "127.0.0.1", "[::1]:8082" without the port.
std::string host_of(std::string_view field) {
  const size_t bracket = field.find(']');
  if (field.starts_with('[') && bracket != std::string_view::npos) {
    const std::string_view rest = field.substr(bracket + 1);
    return rest.empty() || rest.starts_with(':') ? std::string(field.substr(1, bracket - 1)) : std::string(field);
  }
  return ascii_lower(field.substr(0, field.find(':')));
}

bool is_browser(const BrowserFields& fields) {
  return !fields.origin.empty() || !fields.fetch_site.empty() || !fields.referer.empty() ||
         fields.user_agent.starts_with("Mozilla/");
}

Status forbidden(std::string message, std::string field) {
  return {Code::kUnauthenticated, std::move(message), std::move(field)};
}
}  // namespace

bool is_loopback(std::string_view host) {
  const std::string text(host);
  in_addr v4{};
  if (::inet_pton(AF_INET, text.c_str(), &v4) == 1) return ntohl(v4.s_addr) >> 24 == 127;
  in6_addr v6{};
  if (::inet_pton(AF_INET6, text.c_str(), &v6) == 1) return IN6_IS_ADDR_LOOPBACK(&v6);
  return iequals(host, "localhost");
}

bool is_wildcard(std::string_view host) {
  const std::string text(host);
  in_addr v4{};
  if (::inet_pton(AF_INET, text.c_str(), &v4) == 1) return v4.s_addr == 0;
  in6_addr v6{};
  return ::inet_pton(AF_INET6, text.c_str(), &v6) == 1 && IN6_IS_ADDR_UNSPECIFIED(&v6);
}

Status check_host(std::string_view host, std::string_view listens_at, const std::vector<std::string>& names) {
  if (host.empty()) return ok_status();  // HTTP/1.0: no browser
  const std::string name = host_of(host);
  if (is_loopback(name) || iequals(name, listens_at)) return ok_status();
  if (is_wildcard(listens_at) && is_address(name)) return ok_status();
  if (std::ranges::any_of(names, [&](const std::string& each) { return iequals(each, name); })) return ok_status();
  return forbidden("this server is not called '" + name +
                       "'; use the address that it listens at, or start it with --control-name " + name,
                   "Host");
}

Status check_origin(const BrowserFields& fields) {
  const std::string_view site = fields.fetch_site;
  if (!site.empty() && site != "same-origin" && site != "none") {
    return forbidden("a page of another site asks for this (Sec-Fetch-Site: " + std::string(site) + ")",
                     "Sec-Fetch-Site");
  }
  if (fields.origin.empty() || iequals(fields.origin, "http://" + std::string(fields.host))) return ok_status();
  return forbidden("a page of " + std::string(fields.origin) + " asks for this; only the server's own may", "Origin");
}

Status check_body_type(const BrowserFields& fields) {
  const std::string type = ascii_lower(trim(fields.content_type.substr(0, fields.content_type.find(';'))));
  const bool simple = type.empty() || type == "application/x-www-form-urlencoded" || type == "text/plain" ||
                      type == "multipart/form-data";
  if (!simple || !is_browser(fields)) return ok_status();
  return forbidden("a browser must send its body as application/json or application/x-protobuf", "Content-Type");
}

}  // namespace smslab::control
