#include "proto/wire/router.h"

#include <algorithm>
#include <new>

#include "proto/base/text.h"
#include "proto/wire/reply_head.h"

namespace smslab::wire {
namespace {
// RFC 9110 and 5789, WebDAV's, Microsoft's: what a client may try. OPTIONS is the router's own.
constexpr std::string_view kKnownMethods[] = {"GET",  "HEAD", "POST",   "PUT",    "DELETE",   "TRACE",     "PATCH",
                                              "COPY", "MOVE", "MKCOL",  "LOCK",   "PROPFIND", "PROPPATCH", "UNLOCK",
                                              "ACL",  "BIND", "REPORT", "SEARCH", "CCM_POST", "BITS_POST"};

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

bool Router::knows(std::string_view method) const {
  return std::find(std::begin(kKnownMethods), std::end(kKnownMethods), method) != std::end(kKnownMethods) ||
         std::find(methods_.begin(), methods_.end(), method) != methods_.end();
}

const Router::Route* Router::find(std::string_view path) const {
  const auto found = std::find_if(routes_.begin(), routes_.end(), [&](const Route& route) {
    return route.prefix ? istarts_with(path, route.path) : iequals(path, route.path);
  });
  return found == routes_.end() ? nullptr : &*found;
}

Result<Reply> Router::route(const Request& request) const {
  const bool options = request.method == "OPTIONS";
  if (options && request.path == "/") return options_reply(methods_);  // "*" too
  if (!options && !knows(request.method)) return error_reply(501, "this method is not known here");
  const Route* route = find(request.path);
  if (route == nullptr) return not_found("there is nothing at this path");
  for (const auto& [method, handler] : route->methods) {
    if (method != request.method) continue;
    try {
      return (*handler)(request);
    } catch (const std::bad_alloc&) {  // what is asked for again later may find some
      return Status(Code::kUnavailable, "out of memory");
    }
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
