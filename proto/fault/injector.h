// RuleInjector: a gate's Injector that goes by Rules, for one listener: the management point or one distribution point.
//
//   RuleInjector injector({.role = v1::FaultMatch::DP, .dp = "LON-DCSMS-01"}, rules, clock, timers, name_of);
//   gate.listen(at, router, {.tls = tls, .injector = &injector});
//
// Thread-safe. `old_versions` is where effects on a distribution point find what a package was before. `name_of` gives
// the computer name that belongs to an address, empty when it is not known; it must not block.
#pragma once

#include <functional>
#include <string>

#include "proto/base/clock.h"
#include "proto/base/lab_timers.h"
#include "proto/fault/rules.h"
#include "proto/wire/injector.h"

namespace smslab::fault {

class RuleInjector final : public wire::Injector {
 public:
  using NameOf = std::function<std::string(const std::string& address)>;

  RuleInjector(Place place, Rules& rules, const Clock& clock, LabTimers& timers, NameOf name_of,
               OldVersions old_versions = nullptr);

  wire::Opening open(const HostPort& peer, const HostPort& local) override;
  std::unique_ptr<wire::Delivery> deliver(const wire::Request& request, const wire::Router& router,
                                          wire::Reply* reply) override;
  void sent(const wire::Delivery& delivery, const wire::Sent& sent) override;
  CompletionPtr sleep(LabDuration time) override { return timers_.after(time); }

 private:
  Occasion occasion_of(const wire::Request& request, const wire::Reply& reply) const;

  const Place place_;
  Rules& rules_;
  const Clock& clock_;
  LabTimers& timers_;
  const NameOf name_of_;
  const OldVersions old_versions_;
};

}  // namespace smslab::fault
