// Front: the door of a control server. It takes connections, reads requests as far as strangers may stretch them, and
// gives whole ones to threads.
//
//   Front front({.limits = limits}, clock);
//   ASSIGN_OR_RETURN(HostPort at, front.start({"127.0.0.1", 0}, handlers));
//
// One thread waits for all connections that are idle or in the middle of a head (or of a short body), so that those
// hold nothing else: twenty half-sent requests, or two thousand, keep nobody waiting. Heads are read by the client
// plane's strict parser, which refuses what is ambiguous, too long or too much; what a thread gets to see is written
// anew from what was understood. Longer bodies are read by the request's thread; at most half of the threads do so.
//
// Times are of the machine: 10 s for a head, a short body, and for anything that makes no progress.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "proto/base/clock.h"
#include "proto/base/fd.h"
#include "proto/base/status.h"
#include "proto/base/uri.h"
#include "proto/wire/head.h"

namespace smslab::control {

inline constexpr std::chrono::seconds kStall{10};

// What a request's thread has of a connection.
struct Incoming {
  UniqueFd fd;  // non-blocking
  HostPort peer, local;
  std::string in;  // read and not yet used; begins with the head
};

struct FrontOptions {
  wire::HeadLimits limits{.bytes = size_t{16} << 10, .fields = 100, .target_bytes = size_t{8000}};
  size_t field_bytes = 8000;               // of one
  size_t ahead = size_t{64} << 10;         // of a body that is read before a thread is given to it
  size_t connections = 1000;               // beyond these the one that has waited longest goes
  size_t threads = 64;                     // at most; they start when they are needed
  std::chrono::milliseconds idle{10'000};  // between requests
};

class Front {
 public:
  struct Handlers {
    // The bytes of a whole reply to what is not let in; the connection ends behind it.
    std::function<std::string(const wire::Head& head, const wire::Refusal& why)> refuse;
    // One request, on a thread that may block. Whether the connection can have another.
    std::function<bool(Incoming& connection)> serve;
  };

  Front(FrontOptions options, const Clock& clock);
  ~Front();  // stops

  // kUnavailable: the address is taken or not this machine's. Clients may connect when it returns.
  Result<HostPort> start(const HostPort& at, Handlers handlers);
  // Returns when nothing is being served any more. Bodies under way end; handlers that wait must have been told before.
  void stop();

 private:
  class Impl;
  const FrontOptions options_;
  const Clock& clock_;
  std::unique_ptr<Impl> impl_;
};

}  // namespace smslab::control
