// LabSite: a site and the DPs of its own process, on a host's gate: all that one lab is, with the clock it lives by.
//
//   LabSite site(host, clock, timers, log, "smslab-data");
//   RETURN_IF_ERROR(site.open(options, true, dps, "--dp", receive));   // DPs listen
//   RETURN_IF_ERROR(site.make(scenario, &problems));      // unless it holds a site already
//   RETURN_IF_ERROR(site.serve(mp_at, "--mp"));           // the MP listens
//   site.mp().start();
//   ...
//   site.close();  site.stop();
//
// Built up in this order, taken down in reverse; from one thread.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "dp/distribution_point.h"
#include "mp/host/dp_wanted.h"
#include "mp/host/host.h"
#include "mp/mp.h"

namespace smslab::host {

class LabSite {
 public:
  // `data`: the folder of all that this lab keeps.
  LabSite(Host& host, LabClock& clock, LabTimers& timers, const Log& log, std::string data);
  ~LabSite();

  // Where the site reaches a DP of this process: the URL of its receiving side.
  using Receive = std::function<Result<std::string>(const std::string& name, dp::DistributionPoint& dp)>;
  // `options` without folders; they and the DPs' are made in the lab's own.
  // `field`: what an address that cannot be listened at is called.
  Status open(mp::MpOptions options, bool journal, const std::vector<DpWanted>& dps, std::string_view field,
              const Receive& receive);
  // A site that has something already goes on as it is, for what was made of the scenario may have changed since; then
  // false.
  Result<bool> make(const v1::Scenario& scenario, mp::Problems* problems);
  Status serve(const HostPort& mp_at, std::string_view field);

  mp::Mp& mp() { return *mp_; }
  dp::DistributionPoint* dp(const std::string& name);                        // nullptr: there is none
  const std::map<std::string, HostPort>& dps() const { return bound_dps_; }  // where each listens
  const HostPort& mp_at() const { return bound_mp_; }
  void tell(v1::Ready* ready) const;  // site, addresses

  void let_go();  // requests that wait are answered now
  void close();   // no client is served any more; not needed once the gate has stopped
  void stop();

 private:
  struct Door;
  Result<HostPort> listen(const fault::Place& place, const HostPort& at, const wire::Router& router,
                          std::string_view field);
  dp::RoomFor room_for(const std::string& dp);
  Status add_dp(const DpWanted& wanted, std::string_view field, const Receive& receive);

  Host& host_;
  LabClock& clock_;
  LabTimers& timers_;
  const Log& log_;
  const std::string data_;
  std::string site_;
  std::vector<std::string> share_with_;  // the folders of stores, for the DPs'
  HostPort bound_mp_;
  std::map<std::string, HostPort> bound_dps_;
  std::map<std::string, std::string> dp_controls_;
  std::unique_ptr<mp::Mp> mp_;
  std::map<std::string, std::unique_ptr<dp::DistributionPoint>> dps_;
  std::vector<std::unique_ptr<Door>> doors_;
};

}  // namespace smslab::host
