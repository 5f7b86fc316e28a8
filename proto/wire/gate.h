// Gate: the client plane's server. Listeners, an epoll parking lot, a few workers.
//
//   Gate gate({.workers = 2}, clock, log);
//   ASSIGN_OR_RETURN(HostPort at, gate.listen({"127.0.0.1", 0}, router));   // accepts from start() on
//   RETURN_IF_ERROR(gate.start());
//   gate.stop();                                                           // drains replies under way, then closes
//
// An idle connection holds no thread and a handler never blocks one: reading a head, receiving a body, waiting for a
// Completion and sending a reply are states of the connection (conn.h), advanced by whichever worker the socket wakes.
// start() and stop() from one thread; no call that waits from a worker. A Completion that a reply waits for may outlive
// the gate.
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

// What is behind a listener; all of it must outlive close() of it, or the gate.
struct Behind {
  const Tls* tls = nullptr;      // https on the same port; null: a TLS client is refused
  Injector* injector = nullptr;  // makes connections and replies fail on purpose
  Recorder* recorder = nullptr;  // is told of all
  const Clock* clock = nullptr;  // of the replies' Date; null: the gate's
  const Log* log = nullptr;      // null: the gate's
};

class Gate {
 public:
  Gate(GateOptions options, const Clock& clock, const Log& log);
  ~Gate();  // stops

  // Binds and listens; the address that it got (port filled in). kUnavailable when the address is taken. The router
  // must live as long as what is behind it. At any time: connections are accepted from start() on.
  Result<HostPort> listen(const HostPort& at, const Router& router, const Behind& behind);
  Result<HostPort> listen(const HostPort& at, const Router& router) { return listen(at, router, Behind()); }
  // The end of a listener: connections are refused, those between requests end, replies under way are their
  // connections' last and have the drain timeout. Nothing is behind it any more when it returns; absent is fine.
  void close(const HostPort& bound);
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
