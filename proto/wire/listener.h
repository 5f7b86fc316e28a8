// Listener: a bound, listening socket, and the connections it gives.
//
// accept() may be called from several threads at once.
#pragma once

#include <memory>
#include <optional>

#include "proto/base/fd.h"
#include "proto/base/mutex.h"
#include "proto/base/status.h"
#include "proto/base/uri.h"

namespace smslab::wire {

struct Accepted {
  UniqueFd fd;  // non-blocking, without Nagle's delay
  HostPort peer, local;
};

class Listener {
 public:
  // kUnavailable: taken, or not an address of this machine. kInvalidArgument: no such host.
  static Result<std::unique_ptr<Listener>> open(const HostPort& at);

  int fd() const { return fd_.get(); }
  const HostPort& bound() const { return bound_; }  // as asked, with the port filled in

  // The next connection; nullopt when none waits. Without a free descriptor (kUnavailable) the connection is closed
  // rather than left to wake every worker again and again.
  Result<std::optional<Accepted>> accept();
  // Refuses new connections from now on; fd() stays valid.
  void close_door();
  // The same for a while, keeping the address; and accepts there again. kUnavailable: another program took the port.
  Status shut_door();
  Status open_door();

 private:
  Listener(UniqueFd fd, HostPort bound);
  void shed();

  const UniqueFd fd_;
  const HostPort bound_;
  Mutex mu_;
  UniqueFd spare_ GUARDED_BY(mu_);  // given up for a moment when there is no other
};

}  // namespace smslab::wire
