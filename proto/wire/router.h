// Router: (method, path) -> handler. Paths compare without regard to letter case, as IIS does; no patterns but a final
// '*', which matches any rest. An exact path goes before a prefix, a long prefix before a short one.
//
//   Router router;
//   router.add({"GET", "HEAD"}, "/SMS_MP/.sms_pol", handler);
//   router.add({"GET", "HEAD", "PROPFIND"}, "/SMS_DP_SMSPKG*", handler);
//   Result<Reply> reply = router.route(request);
//
// A known path with a method that it does not take answers 405 with Allow; OPTIONS answers 200 with Allow (and DAV
// where PROPFIND is taken) unless the path takes it itself; an unknown path 404; a method that neither a path here nor
// HTTP or WebDAV knows 501. One path may be added several times, with other methods. Built before serving starts, then
// constant.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "proto/wire/handler.h"

namespace smslab::wire {

class Router {
 public:
  void add(std::vector<std::string> methods, std::string path, Handler handler);
  Result<Reply> route(const Request& request) const;

 private:
  struct Route {
    std::string path;  // lower case, without the '*'
    bool prefix = false;
    std::vector<std::pair<std::string, std::shared_ptr<const Handler>>> methods;
  };
  const Route* find(std::string_view path) const;
  static Reply options_reply(std::vector<std::string> allowed);

  std::vector<Route> routes_;         // in the order of precedence
  std::vector<std::string> methods_;  // of all routes
};

}  // namespace smslab::wire
