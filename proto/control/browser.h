// Who may speak to a control server besides whoever has its token: no web page. Pure functions.
//
// A browser sends what a page asks it to, from the machine that the page could not reach. Three things give it away:
// the name in Host (a name of the attacker's that resolves to 127.0.0.1, "DNS rebinding"), Origin and Sec-Fetch-Site (a
// page of somebody else), and the content type (a form can send no JSON).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "proto/base/status.h"

namespace smslab::control {

bool is_loopback(std::string_view host);  // localhost, 127.0.0.0/8, ::1
bool is_wildcard(std::string_view host);  // 0.0.0.0, ::

// `host` is the field's value; `names`: the hosts that the server answers to besides this machine's own. An address
// cannot be rebound, so any does where the server listens on all.
Status check_host(std::string_view host, std::string_view listens_at, const std::vector<std::string>& names);

// Fields as they came, "" where there is none.
struct BrowserFields {
  std::string_view host = {}, origin = {}, fetch_site = {}, referer = {}, user_agent = {}, content_type = {};
};
Status check_origin(const BrowserFields& fields);
// The types that a form or a page may send without asking are taken from programs alone (curl's default is one).
Status check_body_type(const BrowserFields& fields);

}  // namespace smslab::control
