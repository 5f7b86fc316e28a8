// ControlServer: the ordinary HTTP of the product (control API, a DP's receiving side), on cpp-httplib.
//
//   ControlServer server({.token = token}, clock, log);
//   server.add({"GET", "/api/v1/packages/{id}", "One package", nullptr, v1::Package::descriptor(),
//               [&](ControlRequest& r) -> Result<ControlReply> { return reply_with(find(r.param("id"))); }});
//   ASSIGN_OR_RETURN(HostPort at, server.start({"127.0.0.1", 0}));
//
// One table is the router and the documentation; the first row that fits answers. Bodies and replies are messages: JSON
// by default, protobuf when Content-Type or Accept says application/x-protobuf. An error Status becomes
// {"error":{code,message,field}} with its HTTP status and one line in the log; so does an exception (INTERNAL).
// Handlers run on a pool of threads and may block; they are called concurrently. HEAD is answered by the GET row.
// Requests come whole, through a door of its own (front.h): an idle or half-sent one holds no thread, and an idle
// connection is kept for ten seconds. Ranges are not served. Nothing here is on the client plane.
//
// Who may ask: whoever has the token, where there is one; and in any case no web page of another site (browser.h),
// which gets 403.
#pragma once

#include <google/protobuf/message.h>

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "proto/base/clock.h"
#include "proto/base/log.h"
#include "proto/base/status.h"
#include "proto/base/uri.h"
#include "proto/control/route.h"

namespace smslab::control {

using google::protobuf::Descriptor;
using google::protobuf::Message;

class ControlRequest {
 public:
  // Receives a streamed body piece by piece; stops at the first error.
  using Sink = std::function<Status(std::string_view piece)>;

  std::string method;
  std::string path;
  std::map<std::string, std::string> params;  // {id} of the route, percent-decoded
  std::map<std::string, std::string> query;
  std::string content_type, accept;
  std::string body;                              // empty on a streaming route
  std::optional<uint64_t> body_size;             // as announced; nothing when it comes in chunks
  std::function<Status(const Sink&)> read_body;  // on a streaming route; once. An error of the sink is returned

  const std::string& param(const std::string& name) const { return params.at(name); }
  // Query value or "".
  std::string query_value(const std::string& name) const;
  // Parses `body` by its Content-Type into `message`; an unknown or duplicate key is kInvalidArgument with its place.
  // An empty body is an empty message.
  Status parse(Message* message) const;
};

struct ControlReply {
  int status = 200;
  std::shared_ptr<const Message> message;  // encoded as the client accepts it, or
  std::string content_type, content;       // these as they are
};
template <class M>
ControlReply reply_with(M message, int status = 200) {
  return {status, std::make_shared<const M>(std::move(message)), {}, {}};
}

using ControlHandler = std::function<Result<ControlReply>(ControlRequest&)>;

struct QueryParameter {
  std::string name;
  std::string summary;
  bool number = false;  // else text
};

struct ControlRoute {
  std::string method;                   // GET, POST, PATCH, PUT, DELETE
  std::string pattern;                  // "/api/v1/packages/{id}"
  std::string summary;                  // one line, for the documentation
  const Descriptor* request = nullptr;  // what the body is; null: none
  const Descriptor* reply = nullptr;    // what comes back; null: nothing, or not a message
  ControlHandler handler = {};
  bool streams_body = false;
  std::vector<QueryParameter> query = {};  // the keys that it takes; any other is refused
  int status = 200;                        // of its success
  const Descriptor* refusal = nullptr;     // what an error is; null: ErrorReply
  bool proves_itself = false;              // needs no token: its body, a short one, says who sends it
};

// Routes that belong together. What a server answers with, and what another one may nest.
class RouteTable {
 public:
  // `token`: when set, requests need "Authorization: Bearer <token>". The clock, of the replies' Date, must outlive it.
  RouteTable(std::string token, const Clock& clock);
  ~RouteTable();

  void add(ControlRoute route);  // before it is served
  const std::vector<ControlRoute>& routes() const { return routes_; }
  const std::string& token() const { return token_; }
  const Clock& clock() const { return clock_; }
  // Null when no row fits; `allowed` then names the methods of the rows whose pattern does.
  const ControlRoute* find(const std::string& method, const std::vector<std::string>& segments,
                           std::map<std::string, std::string>* params, std::string* allowed) const;

 private:
  const std::string token_;
  const Clock& clock_;
  std::vector<ControlRoute> routes_;
  std::vector<RoutePattern> patterns_;  // of routes_, by index
};

// The table that a path is for, and how many of its segments led there. The server holds it while it answers.
struct Nested {
  std::shared_ptr<const RouteTable> table;  // null: the server's own
  size_t skip = 0;
};

struct ControlOptions {
  std::string token = {};                    // when set, requests need "Authorization: Bearer <token>"
  uint64_t body_bytes = uint64_t{64} << 20;  // of a body that is not streamed
  size_t threads = 64;                       // at most, and two at least; they start when they are needed
  std::vector<std::string> names = {};       // hosts that it answers to besides this machine's own
};

class ControlServer {
 public:
  ControlServer(ControlOptions options, const Clock& clock, const Log& log);
  ~ControlServer();  // stops

  void add(ControlRoute route);  // before start()
  const RouteTable& table() const;
  // Asked for each request, with the path's segments; an error is its answer. Before start().
  using Nest = std::function<Result<Nested>(const std::vector<std::string>& segments)>;
  void nest(Nest nest);
  // Listens and serves; the address that it got. Clients may connect when it returns. kUnavailable when the address is
  // taken or not this machine's.
  Result<HostPort> start(const HostPort& at);
  // Returns when no handler runs any more: handlers that wait must have been told before.
  void stop();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace smslab::control
