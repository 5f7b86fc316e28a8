// Mp: the site and its management point, whole: store, client plane, control API, distribution manager.
//
//   ASSIGN_OR_RETURN(auto mp, Mp::open(options, env, clock, log));
//   mp->add_dp({.name = "LON-DCSMS-01", .url = ..., .control_url = ..., .token = ...});   // a DP of this process
//   gate.listen(at, mp->router());
//   ASSIGN_OR_RETURN(HostPort control, mp->start_control({"127.0.0.1", 8082}));
//   mp->start();                                        // the distribution manager goes to work
//
// Thread-safe after start().
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "mp/site.h"
#include "proto/base/env.h"
#include "proto/base/uri.h"
#include "proto/control/dp_secret.h"
#include "proto/control/server.h"
#include "proto/fault/doors.h"
#include "proto/fault/injector.h"
#include "proto/schema/scenario.pb.h"
#include "proto/wire/recorder.h"
#include "proto/wire/router.h"

namespace smslab::mp {

struct MpOptions {
  SiteOptions site;
  std::string profile = "2007";
  std::string folder;   // <data>/site
  std::string logs;     // <data>/logs
  std::string journal;  // <data>/journal; empty: none is kept
  uint64_t seed = 1;
  bool inboxes = false;                      // show the site server's files under <folder>/inboxes
  std::vector<std::string> child_sites;      // codes; what the inboxes say of them
  std::string mp_url;                        // "http://127.0.0.1:8080": filled in with set_mp_url once the gate listens
  std::vector<control::DpSecret> secrets;    // one of them a DP must hold to announce itself
  std::string control_token;                 // what requests to the control plane must bring; empty: nothing
  std::vector<std::string> control_names;    // hosts that it answers to besides this machine's own
  v1::Scenario start;                        // what a reset goes back to
  std::vector<std::string> share_with = {};  // Blobs::share_with
  std::vector<control::ControlRoute> more = {};         // of the control API, beside the site's own
  std::shared_ptr<std::atomic<int>> waiting = nullptr;  // requests held back, of all sites on one control server
};

using Problems = std::vector<Status>;  // each with the path of what is at fault in its field

// How the site reaches a DP.
struct DpAddress {
  std::string name;
  std::string url;          // client plane, as clients are told
  std::string control_url;  // where the site dials
  std::string token;
  bool is_protected = false;                 // offered only to clients within its boundaries
  std::vector<std::string> boundaries = {};  // by name; with none, the site's
  bool remote = false;                       // a process of its own, which announced itself
  std::string session = {};                  // of its last announcement
};

class Mp {
 public:
  static Result<std::unique_ptr<Mp>> open(MpOptions options, Env& env, LabClock& clock, const Log& log);
  ~Mp();  // stops

  // Before start(); one DP a name. What an administrator has set for it stays as it was.
  Status add_dp(DpAddress dp);
  // After add_dp(). The site as a file says, looked at or made (scenario.h); what is wrong in `problems`.
  Status check_scenario(const v1::Scenario& scenario, Problems* problems);
  Status apply_scenario(const v1::Scenario& scenario, Problems* problems);
  Result<bool> is_empty() const;  // no package, collection, advert or client
  void set_mp_url(std::string url);
  const wire::Router& router() const;
  // Makes the faults in force happen on a listener: the management point's, or a DP's of this process. Both must
  // outlive it.
  std::unique_ptr<wire::Injector> injector(fault::Place place, LabTimers& timers);
  // Remembers what happens on a listener, likewise. Null without a journal.
  std::unique_ptr<wire::Recorder> recorder(fault::Place place);
  // The same of whether the listener is there at all; `set` closes and opens it (proto/fault/doors.h).
  std::unique_ptr<fault::DoorWatch> watch_door(fault::Place place, LabTimers& timers, fault::DoorWatch::Set set);
  // The no_space fault that meets this content on its way to a DP of this process; nullopt: none.
  std::optional<v1::NoSpace> no_space(const std::string& dp, const std::string& package, uint32_t version);
  // The control API: served by start_control(), or nested by another site's (control/server.h). nest() before start.
  Result<HostPort> start_control(const HostPort& at);
  void nest(control::ControlServer::Nest nest);
  const control::RouteTable& control_table() const;
  void start();
  void let_go();  // requests that wait or import are answered now; before stop(), for whoever nests the control API
  void stop();

 private:
  class Impl;
  explicit Mp(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace smslab::mp
