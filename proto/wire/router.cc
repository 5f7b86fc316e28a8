#include "proto/wire/router.h"

#include <algorithm>
#include <iterator>

#include "proto/base/text.h"
#include "proto/wire/reply_head.h"

namespace smslab::wire {
namespace {
// Methods of HTTP and WebDAV, known also where no path takes them (RFC 9110, 9.3; RFC 4918, 9; RFC 5789).
constexpr std::string_view kKnown[] = {"GET",       "HEAD",  "POST", "PUT",  "PATCH", "DELETE", "PROPFIND",
                                       "PROPPATCH", "MKCOL", "COPY", "MOVE", "LOCK",  "UNLOCK"};

std::string join(const std::vector<std::string>& words) {
  std::string list;
  for (const std::string& word : words) list += (list.empty() ? "" : ", ") + word;
  return list;
}
}  // namespace

void Router::add(std::vector<std::string> methods, std::string path, Handler handler) {
  const bool prefix = path.ends_with('*');
  if (prefix) path.pop_back();
  path = ascii_lower(path);
  auto at = std::find_if(routes_.begin(), routes_.end(),
                         [&](const Route& route) { return route.path == path && route.prefix == prefix; });
  if (at == routes_.end()) {  // exact paths before prefixes, long prefixes before short ones: the first match wins
    at = std::find_if(routes_.begin(), routes_.end(),
                      [&](const Route& route) { return route.prefix && (!prefix || route.path.size() < path.size()); });
    at = routes_.insert(at, Route{.path = std::move(path), .prefix = prefix, .methods = {}});
  }
  const auto shared = std::make_shared<const Handler>(std::move(handler));
  for (std::string& method : methods) {
    if (std::find(methods_.begin(), methods_.end(), method) == methods_.end()) methods_.push_back(method);
    at->methods.emplace_back(std::move(method), shared);
  }
}

const Router::Route* Router::find(std::string_view path) const {
  const auto found = std::find_if(routes_.begin(), routes_.end(), [&](const Route& route) {
    return route.prefix ? istarts_with(path, route.path) : iequals(path, route.path);
  });
  return found == routes_.end() ? nullptr : &*found;
}

Result<Reply> Router::route(const Request& request) const {
  const bool options = request.method == "OPTIONS";
  if (options && request.target == "*") return options_reply(methods_);
  const bool known = options || std::find(std::begin(kKnown), std::end(kKnown), request.method) != std::end(kKnown) ||
                     std::find(methods_.begin(), methods_.end(), request.method) != methods_.end();
  if (!known) {
    return error_reply(501, "no path here knows this method");
  }
  const Route* route = find(request.path);
  if (route == nullptr) return not_found("there is nothing at this path");
  for (const auto& [method, handler] : route->methods) {
    if (method == request.method) return (*handler)(request);
  }
  std::vector<std::string> allowed;
  for (const auto& [method, handler] : route->methods) allowed.push_back(method);
  if (options) return options_reply(std::move(allowed));
  Reply reply = error_reply(405, "this path does not take this method");
  allowed.emplace_back("OPTIONS");
  reply.set("Allow", join(allowed));
  return reply;
}

Reply Router::options_reply(std::vector<std::string> allowed) {
  Reply reply;
  const bool dav = std::find(allowed.begin(), allowed.end(), "PROPFIND") != allowed.end();
  if (std::find(allowed.begin(), allowed.end(), "OPTIONS") == allowed.end()) allowed.emplace_back("OPTIONS");
  reply.set("Allow", join(allowed));
  if (dav) reply.set("DAV", "1");
  return reply;
}

}  // namespace smslab::wire
