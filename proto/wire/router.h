// Router: (method, path) -> handler. Paths compare without regard to letter case, as IIS does; no patterns but a final
// '*'.
//
//   Router router;
//   router.add({"GET", "HEAD"}, "/SMS_MP/.sms_pol", handler);
//   router.add({"GET", "HEAD", "PROPFIND"}, "/SMS_DP_SMSPKG*", handler);   // '*' matches any rest, the longest prefix
//   wins Result<Reply> reply = router.route(request);
//
// A known path with a method that it does not take answers 405 with Allow; OPTIONS answers 200 with Allow (and DAV
// where PROPFIND is taken); an unknown path 404; a method that no path takes 501. Built before serving starts, then
// constant.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "proto/wire/handler.h"

namespace smslab::wire {

class Router {
 public:
  void add(std::vector<std::string> methods, std::string path, Handler handler);
  Result<Reply> route(const Request& request) const;

 private:
  struct Route {
    std::vector<std::string> methods;
    std::string path;  // lower case, without the '*'
    bool prefix = false;
    Handler handler;
  };
  const Route* find(std::string_view path) const;

  std::vector<Route> routes_;
  std::set<std::string> methods_;  // of all routes
};

}  // namespace smslab::wire
