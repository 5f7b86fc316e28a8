// Gate: the client plane's server. Listeners, an epoll parking lot, a few workers.
//
//   Gate gate({.workers = 2}, clock, log);
//   ASSIGN_OR_RETURN(HostPort at, gate.listen({"127.0.0.1", 0}, router));   // accepts from start() on
//   RETURN_IF_ERROR(gate.start());
//   gate.stop();                                                           // drains replies under way, then closes
//
// An idle connection holds no thread and a handler never blocks one: reading a head, receiving a body, waiting for a
// Completion and sending a reply are states of the connection (conn.h), advanced by whichever worker the socket wakes.
// listen() before start(), which is before any other call; stop() from one thread that is not a worker. Routers, clock
// and handlers must outlive the gate; a Completion that a reply waits for may outlive it.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>

#include "proto/base/clock.h"
#include "proto/base/log.h"
#include "proto/base/status.h"
#include "proto/base/uri.h"
#include "proto/wire/head.h"
#include "proto/wire/injector.h"
#include "proto/wire/recorder.h"
#include "proto/wire/router.h"
#include "proto/wire/tls.h"

namespace smslab::wire {

struct GateOptions {
  HeadLimits head = {};
  uint64_t body_bytes = uint64_t{16} << 20;  // of one request
  size_t workers = 2;
  std::chrono::milliseconds head_timeout{10'000};      // a whole head, from its first byte
  std::chrono::milliseconds body_timeout{60'000};      // a whole request body
  std::chrono::milliseconds idle_timeout{60'000};      // between requests
  std::chrono::milliseconds progress_timeout{30'000};  // a reply that no byte of leaves
  std::chrono::milliseconds drain_timeout{2'000};      // stop(): for replies under way
};

class Gate {
 public:
  Gate(GateOptions options, const Clock& clock, const Log& log);
  ~Gate();  // stops

  // Binds and listens; the address that it got (port filled in). kUnavailable when the address is taken. With `tls`,
  // which must outlive the gate, https is spoken on the same port; without, a TLS client is refused. An `injector`,
  // which must outlive it too, makes connections and replies fail on purpose; a `recorder`, likewise, is told of all.
  Result<HostPort> listen(const HostPort& at, const Router& router, const Tls* tls = nullptr,
                          Injector* injector = nullptr, Recorder* recorder = nullptr);
  Status start();
  void stop();

  // Closes the listener at an address that listen() gave: connections are refused there, those between requests end,
  // and replies under way are their connections' last. Or opens it again, at the same port. From any thread that is not
  // a worker, until stop() is over; again is fine.
  Status set_shut(const HostPort& bound, bool shut);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace smslab::wire
