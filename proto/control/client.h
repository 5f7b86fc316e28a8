// HttpClient: every HTTP request that the product makes (site to DP, command line, reference client), on cpp-httplib.
//
//   HttpClient http({.base = "http://127.0.0.1:8082"});
//   ASSIGN_OR_RETURN(HttpReply reply, http.send({.method = "CCM_POST", .target = "/ccm_system/request", .body =
//   bytes}));
//
// Any method. Errors: kUnavailable when no whole answer came (refused, reset, timed out, cut short), with the reason;
// kInvalidArgument for a request that is none; an answer with an error status is an answer. Redirects are not followed,
// bodies are not decompressed, nothing is sent twice. Not thread-safe; keeps its connection between requests, unless it
// lay idle so long that the server may be about to close it.
//
// On the wire: header fields go in alphabetical order of their names, equal names in the given order. Beside the given
// fields there are Host, Accept: */* and User-Agent (where not given), Content-Length with a body or with POST, PUT and
// PATCH, and Authorization with a token. No Content-Type, no Accept-Encoding, no Connection, unless given.
#pragma once

#include <google/protobuf/message.h>

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "proto/base/env.h"
#include "proto/base/status.h"

namespace smslab::control {

struct HttpRequest {
  std::string method = "GET";
  std::string target = "/";
  std::vector<std::pair<std::string, std::string>> fields = {};
  std::string body = {};
  // Instead of `body`: bytes of a file, streamed.
  std::shared_ptr<const ReadableFile> file = {};
  // Called with each piece of a 2xx body as it comes; an error stops the transfer and is returned. Bodies of other
  // answers stay in reply.body.
  std::function<Status(std::string_view piece)> sink = {};
  // Called once with status, reason and fields, before the first piece of any body; an error stops the transfer and is
  // returned.
  std::function<Status(const struct HttpReply& head)> on_head = {};
};

struct HttpReply {
  int status = 0;
  std::string reason;
  std::multimap<std::string, std::string> fields;
  std::string body;

  const std::string* field(std::string_view name) const;  // first, any letter case
};

struct HttpClientOptions {
  std::string base = {};                      // "http://host:port", or with a path, which goes before each target
  std::string token = {};                     // sent as a bearer token when set
  std::string bind = {};                      // local address to come from; "" any
  std::chrono::milliseconds timeout{30'000};  // connect (10 s at most), and each read or write without progress
  size_t body_bytes = size_t{64} << 20;       // limit of a reply's body that goes into memory
};

class HttpClient {
 public:
  explicit HttpClient(HttpClientOptions options);
  ~HttpClient();
  HttpClient(HttpClient&&) noexcept;

  Result<HttpReply> send(const HttpRequest& request);

  // A control call: `request` (or nullptr) as protobuf, the reply parsed into `reply` (or nullptr). An error reply
  // becomes its Status: code, message, field; where it lists several errors, they go into `errors` too.
  Status call(const std::string& method, const std::string& target, const google::protobuf::Message* request,
              google::protobuf::Message* reply, std::vector<Status>* errors = nullptr);

  // From any thread: the request under way fails with kUnavailable, and so does every later one. One that is only just
  // beginning or still connects may not hear of it: ask again until it is done.
  void cancel();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace smslab::control
