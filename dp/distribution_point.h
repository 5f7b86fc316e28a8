// DistributionPoint: one DP, whole: its store, what clients read, what the site writes.
//
//   ASSIGN_OR_RETURN(auto dp, DistributionPoint::open(options, env, clock, log));
//   gate.listen(at, dp->router());                     // client plane: content.h, webdav.h, manifest.h
//   ASSIGN_OR_RETURN(HostPort at, dp->start_control({"127.0.0.1", 0}));   // receive.h, damages.h, validation.h
//
// What is on a DP is what was sent to it: it shares no folder with the site, also inside one process. It holds one
// version of a package. Thread-safe.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "dp/room.h"
#include "proto/base/clock.h"
#include "proto/base/env.h"
#include "proto/base/log.h"
#include "proto/base/status.h"
#include "proto/base/uri.h"
#include "proto/control/server.h"
#include "proto/wire/router.h"

namespace smslab::dp {

struct DpOptions {
  std::string name;       // LON-DCSMS-01
  std::string folder;     // <data>/dp/<name>
  std::string token;      // that the site must show
  std::string site = {};  // whose DP it is; empty: whoever's the folder is, or will be once a site has taken it in
  RoomFor room_for = {};  // null: the disk is as it is
  std::vector<std::string> share_with = {};  // Blobs::share_with
};

class DistributionPoint {
 public:
  // kFailedPrecondition when the folder is that of another DP, or of another site's.
  static Result<std::unique_ptr<DistributionPoint>> open(DpOptions options, Env& env, const Clock& clock,
                                                         const Log& log);
  ~DistributionPoint();  // stops the control side

  const wire::Router& router() const;
  Result<HostPort> start_control(const HostPort& at);
  void stop_control();
  const control::RouteTable& control_table() const;  // for a server that nests it, instead of start_control()

  Result<std::string> site() const;           // empty: nobody's yet
  Status belong_to(const std::string& site);  // from now on; kFailedPrecondition when it is another site's

 private:
  class Impl;
  explicit DistributionPoint(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace smslab::dp
