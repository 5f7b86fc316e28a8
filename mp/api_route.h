// How the API's routes are written: method, path, one line of documentation, and a function from message to message.
//
//   reads<v1::Package>("/api/v1/packages/{id}", "One package", [&](ControlRequest& r) { return show_package(...); });
//   takes<v1::Package, v1::Package>("POST", "/api/v1/packages", "...", 201, [&](ControlRequest&, const v1::Package& p)
//   { ... });
#pragma once

#include <algorithm>
#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "proto/base/text.h"
#include "proto/control/server.h"

namespace smslab::mp {

using control::ControlReply;
using control::ControlRequest;
using control::ControlRoute;

// No body in, a message out.
template <class Out, class Work>
ControlRoute gives(std::string method, std::string pattern, std::string summary, int status, Work work) {
  return {.method = std::move(method),
          .pattern = std::move(pattern),
          .summary = std::move(summary),
          .reply = Out::descriptor(),
          .handler = [work = std::move(work), status](ControlRequest& request) -> Result<ControlReply> {
            ASSIGN_OR_RETURN(Out out, work(request));
            return control::reply_with(std::move(out), status);
          },
          .status = status};
}
template <class Out, class Work>
ControlRoute reads(std::string pattern, std::string summary, Work work) {
  return gives<Out>("GET", std::move(pattern), std::move(summary), 200, std::move(work));
}

// A message in, a message out.
template <class In, class Out, class Work>
ControlRoute takes(std::string method, std::string pattern, std::string summary, int status, Work work) {
  return {.method = std::move(method),
          .pattern = std::move(pattern),
          .summary = std::move(summary),
          .request = In::descriptor(),
          .reply = Out::descriptor(),
          .handler = [work = std::move(work), status](ControlRequest& request) -> Result<ControlReply> {
            In in;
            RETURN_IF_ERROR(request.parse(&in));
            ASSIGN_OR_RETURN(Out out, work(request, in));
            return control::reply_with(std::move(out), status);
          },
          .status = status};
}

// DELETE with nothing to say about it: 204.
template <class Work>
ControlRoute deletes(std::string pattern, std::string summary, Work work) {
  return {.method = "DELETE",
          .pattern = std::move(pattern),
          .summary = std::move(summary),
          .handler = [work = std::move(work)](ControlRequest& request) -> Result<ControlReply> {
            RETURN_IF_ERROR(work(request));
            return ControlReply{204, nullptr, {}, {}};
          },
          .status = 204};
}

// The same route with the query keys that it takes.
inline ControlRoute with_query(ControlRoute route, std::vector<control::QueryParameter> query) {
  route.query = std::move(query);
  return route;
}
// The same route for whoever has no token: what it takes says by itself who sends it.
inline ControlRoute proves_itself(ControlRoute route) {
  route.proves_itself = true;
  return route;
}
inline control::QueryParameter wait_parameter() {
  return {.name = "wait_ms", .summary = "how long the reply may be held back, in milliseconds", .number = true};
}

// An unsigned number of the query; `absent` when it is not there.
inline Result<uint64_t> query_number(const ControlRequest& request, const std::string& name, uint64_t absent) {
  const std::string text = request.query_value(name);
  if (text.empty()) return absent;
  const auto number = parse_u64(text);
  if (!number) return invalid_argument("'" + text + "' is not a number", name);
  return *number;
}

// true or false; false when it is not there.
inline Result<bool> query_flag(const ControlRequest& request, const std::string& name) {
  const std::string text = request.query_value(name);
  if (text == "true") return true;
  if (text.empty() || text == "false") return false;
  return invalid_argument("'" + text + "' is not true or false", name);
}

// ?limit=N: how many of a list, `absent` when it does not say.
inline Result<size_t> query_limit(const ControlRequest& request, size_t absent, size_t most) {
  ASSIGN_OR_RETURN(const uint64_t limit, query_number(request, "limit", absent));
  if (limit < 1 || limit > most) return invalid_argument("the limit is 1 to " + std::to_string(most), "limit");
  return static_cast<size_t>(limit);
}

// ?wait_ms=N, and how long that is at most.
inline Result<std::chrono::milliseconds> query_wait(const ControlRequest& request) {
  ASSIGN_OR_RETURN(const uint64_t ms, query_number(request, "wait_ms", 0));
  return std::chrono::milliseconds(std::min<uint64_t>(ms, 3'600'000));
}

}  // namespace smslab::mp
