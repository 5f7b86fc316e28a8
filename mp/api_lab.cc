// The lab itself: its faults, clock and health.
#include <chrono>

#include "mp/api_route.h"
#include "mp/control_api.h"
#include "mp/fault_plan.h"
#include "mp/fault_presets.h"
#include "mp/faults.h"
#include "proto/schema/timestamp.h"
#include "store/fsck.h"

namespace smslab::mp {
namespace {
constexpr LabTime kLastLabTime{std::chrono::sys_days{std::chrono::year{9000} / 1 / 1}};  // then on, dates grow a digit
constexpr uint64_t kMaxAdvanceMs = 3'155'760'000'000;                                    // a hundred years

v1::ClockState clock_state(const LabClock& clock) {
  v1::ClockState state;
  *state.mutable_now() = to_timestamp(clock.now());
  state.set_frozen(clock.frozen());
  return state;
}

Result<v1::ClockState> change_clock(LabClock& clock, const v1::ClockChange& change) {
  switch (change.change_case()) {
    case v1::ClockChange::kFreeze:
      if (from_timestamp(change.freeze()) > kLastLabTime) return invalid_argument("at most the year 9000", "freeze");
      clock.freeze(from_timestamp(change.freeze()));
      break;
    case v1::ClockChange::kAdvanceMs: {
      if (change.advance_ms() > kMaxAdvanceMs) return invalid_argument("at most a hundred years", "advanceMs");
      const LabDuration by(static_cast<int64_t>(change.advance_ms()));
      if (clock.now() + by > kLastLabTime) return invalid_argument("at most to the year 9000", "advanceMs");
      clock.advance(by);
      break;
    }
    case v1::ClockChange::kRun:
      if (!change.run()) return invalid_argument("to stop the clock, freeze it at a time", "run");
      clock.run();
      break;
    case v1::ClockChange::CHANGE_NOT_SET: return invalid_argument("say one of freeze, advanceMs and run");
  }
  return clock_state(clock);
}

v1::Health healthy() {
  v1::Health health;
  health.set_status("ok");
  return health;
}
}  // namespace

Routes fault_routes(ControlContext& context) {
  Site& site = context.site;
  const DpDirectory& dps = context.dps;
  using v1::FaultRule;
  return {
      reads<v1::FaultList>("/api/v1/faults", "All faults", [&site](ControlRequest&) { return list_faults(site); }),
      takes<FaultRule, FaultRule>(
          "POST", "/api/v1/faults", "Add a fault; the reply foretells what clients will see", 201,
          [&site, &dps](ControlRequest&, const FaultRule& rule) { return add_fault(site, dps, rule); }),
      deletes("/api/v1/faults", "Take back all faults",
              [&site, &dps](ControlRequest&) { return delete_faults(site, dps); }),
      reads<FaultRule>("/api/v1/faults/{id}", "One fault",
                       [&site](ControlRequest& r) { return show_fault(site, r.param("id")); }),
      deletes("/api/v1/faults/{id}", "Take back a fault",
              [&site, &dps](ControlRequest& r) { return delete_fault(site, dps, r.param("id")); }),
      takes<v1::FaultPlanQuestion, v1::FaultPlan>(
          "POST", "/api/v1/faults/plan", "What will befall a client at each of its next attempts", 200,
          [&site, &dps](ControlRequest&, const v1::FaultPlanQuestion& question) {
            return plan_faults(site, dps, question);
          }),
      reads<v1::FaultPresetList>("/api/v1/fault-presets", "Incidents of real sites, by name",
                                 [](ControlRequest&) -> Result<v1::FaultPresetList> { return list_presets(); }),
      takes<v1::FaultMatch, v1::FaultList>("POST", "/api/v1/fault-presets/{name}",
                                           "Add the faults of an incident, for what the match names", 201,
                                           [&site, &dps](ControlRequest& r, const v1::FaultMatch& parameters) {
                                             return add_preset(site, dps, r.param("name"), parameters);
                                           }),
  };
}

Routes lab_routes(ControlContext& context) {
  Site& site = context.site;
  const std::atomic<bool>& ready = context.ready;
  return {
      reads<v1::Health>("/healthz", "The process answers",
                        [](ControlRequest&) -> Result<v1::Health> { return healthy(); }),
      reads<v1::Health>("/readyz", "The lab serves",
                        [&ready](ControlRequest&) -> Result<v1::Health> {
                          if (!ready) return Status(Code::kUnavailable, "the lab is starting");
                          return healthy();
                        }),
      reads<v1::ClockState>("/api/v1/clock", "What time it is in the lab",
                            [&site](ControlRequest&) -> Result<v1::ClockState> { return clock_state(site.clock); }),
      takes<v1::ClockChange, v1::ClockState>(
          "POST", "/api/v1/clock", "Freeze, advance or run the lab's clock", 200,
          [&site](ControlRequest&, const v1::ClockChange& change) { return change_clock(site.clock, change); }),
      gives<v1::FsckReply>("POST", "/api/v1/fsck", "Read the site's whole store and name what is wrong", 200,
                           [&site](ControlRequest&) { return store::fsck(site.store); }),
  };
}

}  // namespace smslab::mp
