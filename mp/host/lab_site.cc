#include "mp/host/lab_site.h"

#include <optional>
#include <utility>

#include "proto/base/random.h"

namespace smslab::host {

// A listener with everything that a fault can do to it, and a journal of what happens there.
struct LabSite::Door {
  HostPort bound;
  std::unique_ptr<wire::Injector> injector;
  std::unique_ptr<wire::Recorder> recorder;
  std::unique_ptr<fault::DoorWatch> watch;  // goes first
};

LabSite::LabSite(Host& host, LabClock& clock, LabTimers& timers, const Log& log, std::string data)
    : host_(host), clock_(clock), timers_(timers), log_(log), data_(std::move(data)) {}
LabSite::~LabSite() = default;

Status LabSite::open(mp::MpOptions options, bool journal, const std::vector<DpWanted>& dps, std::string_view field,
                     const Receive& receive) {
  site_ = options.site.site;
  options.site.server = default_dp_name(site_, 1);
  share_with_ = options.share_with;
  if (!share_with_.empty()) share_with_.push_back(data_ + "/site/blobs");
  options.folder = data_ + "/site";
  options.logs = data_ + "/logs";
  if (journal) options.journal = data_ + "/journal";
  ASSIGN_OR_RETURN(mp_, mp::Mp::open(std::move(options), host_.env(), clock_, log_));
  for (const DpWanted& dp : dps) RETURN_IF_ERROR(add_dp(dp, field, receive));
  return ok_status();
}

Status LabSite::add_dp(const DpWanted& wanted, std::string_view field, const Receive& receive) {
  const std::string token = secret_token();
  ASSIGN_OR_RETURN(auto opened, dp::DistributionPoint::open({.name = wanted.name,
                                                             .folder = data_ + "/dp/" + wanted.name,
                                                             .token = token,
                                                             .site = site_,
                                                             .room_for = room_for(wanted.name),
                                                             .share_with = share_with_},
                                                            host_.env(), clock_, log_));
  dp::DistributionPoint& dp = *(dps_[wanted.name] = std::move(opened));
  ASSIGN_OR_RETURN(const HostPort bound,
                   listen({.role = v1::FaultMatch::DP, .dp = wanted.name}, wanted.at, dp.router(), field));
  bound_dps_[wanted.name] = bound;
  ASSIGN_OR_RETURN(dp_controls_[wanted.name], receive(wanted.name, dp));
  return mp_->add_dp(
      {.name = wanted.name, .url = http_url(bound), .control_url = dp_controls_[wanted.name], .token = token});
}

// What a fault leaves of a DP's disk.
dp::RoomFor LabSite::room_for(const std::string& dp) {
  return [this, dp](const std::string& package, uint32_t version) -> std::optional<dp::Room> {
    const auto fault = mp_->no_space(dp, package, version);
    if (!fault) return std::nullopt;
    return dp::Room{.bytes = fault->bytes(), .known = !fault->has_bytes()};
  };
}

Result<HostPort> LabSite::listen(const fault::Place& place, const HostPort& at, const wire::Router& router,
                                 std::string_view field) {
  auto door = std::make_unique<Door>();
  door->injector = mp_->injector(place, timers_);
  door->recorder = mp_->recorder(place);
  ASSIGN_OR_RETURN(door->bound, host_.listen(at, router, field,
                                             {.tls = nullptr,
                                              .injector = door->injector.get(),
                                              .recorder = door->recorder.get(),
                                              .clock = &clock_,
                                              .log = &log_}));
  doors_.push_back(std::move(door));
  Door& made = *doors_.back();
  made.watch =
      mp_->watch_door(place, timers_, [this, bound = made.bound](bool shut) { return host_.set_shut(bound, shut); });
  return made.bound;
}

Result<bool> LabSite::make(const v1::Scenario& scenario, mp::Problems* problems) {
  ASSIGN_OR_RETURN(const bool empty, mp_->is_empty());
  if (!empty) return false;
  RETURN_IF_ERROR(mp_->apply_scenario(scenario, problems));
  return true;
}

Status LabSite::serve(const HostPort& mp_at, std::string_view field) {
  ASSIGN_OR_RETURN(bound_mp_, listen({.role = v1::FaultMatch::MP}, mp_at, mp_->router(), field));
  mp_->set_mp_url(http_url(bound_mp_));
  return ok_status();
}

dp::DistributionPoint* LabSite::dp(const std::string& name) {
  const auto found = dps_.find(name);
  return found == dps_.end() ? nullptr : found->second.get();
}

void LabSite::tell(v1::Ready* ready) const {
  ready->set_site(site_);
  ready->set_mp(http_url(bound_mp_));
  for (const auto& [name, at] : bound_dps_) (*ready->mutable_dps())[name] = http_url(at);
  for (const auto& [name, url] : dp_controls_) (*ready->mutable_dp_controls())[name] = url;
}

void LabSite::let_go() {
  if (mp_) mp_->let_go();
}

void LabSite::close() {
  for (const auto& door : doors_) door->watch.reset();
  for (const auto& door : doors_) host_.close(door->bound);
}

void LabSite::stop() {
  if (mp_) mp_->stop();
  for (const auto& [name, dp] : dps_) dp->stop_control();
}

}  // namespace smslab::host
