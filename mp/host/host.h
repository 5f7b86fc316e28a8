// Host: what every role of a process stands on (clock, log, https, the client plane's gate), and its life from the
// command line to the signal that ends it.
//
//   class DpRole : public Role { ... };
//   return run_role(options, [&](Host& host) { return std::make_unique<DpRole>(host, ...); });
//
// One process, one Host. The gate serves the routers of the role, so it stops before the role does.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <memory>
#include <string>

#include "proto/base/clock.h"
#include "proto/base/env.h"
#include "proto/base/lab_timers.h"
#include "proto/base/log.h"
#include "proto/base/status.h"
#include "proto/base/uri.h"
#include "proto/schema/control.pb.h"
#include "proto/wire/gate.h"
#include "proto/wire/router.h"
#include "proto/wire/tls.h"

namespace smslab::host {

struct HostOptions {
  std::string data = "smslab-data";
  std::string clock;              // ISO time; with a + behind it, running
  std::string tls_cert, tls_key;  // PEM files; empty: the lab's own
  std::string timeouts = "head=10s,body=60s,progress=30s,idle=60s";
  size_t workers = 2;
};

// --data, --clock, --tls-cert, --tls-key, --timeouts and --workers.
void add_host_options(CLI::App& verb, HostOptions* options);

class Host {
 public:
  static Result<std::unique_ptr<Host>> open(const HostOptions& options);  // makes the data folder

  Env& env() const { return env_; }
  LabClock& clock() { return clock_; }
  const Log& log() const { return log_; }
  const std::string& data() const { return options_.data; }
  v1::Ready& ready() { return ready_; }  // the role fills it in

  // `field` names the option in the error. With https; what else is behind it must live until close() or stop().
  Result<HostPort> listen(const HostPort& at, const wire::Router& router, std::string_view field,
                          wire::Behind behind = {});
  void close(const HostPort& bound) { gate_.close(bound); }
  Status set_shut(const HostPort& bound, bool shut) { return gate_.set_shut(bound, shut); }  // an address of listen()'s
  LabTimers& timers() { return timers_; }
  // Everything that was given to listen() is served from now on.
  Status serve() { return gate_.start(); }

  Status announce_ready();  // prints the one line that programs wait for, and writes <data>/ready.json
  void stop();              // serves no more

 private:
  Host(HostOptions options, LabClock::Start start, const wire::GateOptions& limits);

  const HostOptions options_;
  Env& env_ = posix_env();
  LabClock clock_;
  LabTimers timers_{clock_};
  const Log log_;
  std::unique_ptr<wire::Tls> tls_;
  wire::Gate gate_;
  v1::Ready ready_;
  bool told_ready_ = false;
};

class Role {
 public:
  virtual ~Role() = default;
  virtual Status start() = 0;  // all its listeners accept when it returns
  virtual void stop() = 0;     // also after a start that failed
};

// "T" freezes a clock at T, "T+" starts it there, nothing leaves it to the machine.
Result<LabClock::Start> read_clock(std::string text, std::string_view field);

// Until SIGTERM or SIGINT.
Status run_role(const HostOptions& options, const std::function<std::unique_ptr<Role>(Host&)>& make);

// ---- parts of roles
std::string http_url(const HostPort& at);
template <class T>
Result<T> with_field(Result<T> result, std::string_view field) {
  if (result.ok() || !result.status().field().empty()) return result;
  return Status(result.status().code(), result.status().message(), std::string(field));
}

}  // namespace smslab::host
