// Announcer: tells the site where this DP is, and goes on telling.
//
//   Announcer announcer(dp, secret, announcement, "http://127.0.0.1:8082", log);
//   RETURN_IF_ERROR(announcer.announce());     // once; an unreachable site is kUnavailable
//   announcer.start();                         // from now on, until the site has heard, and now and then after that
//   announcer.stop();
//
// In steady time, with a pause that grows while the site does not answer. A site that was set up anew, or has lost this
// DP, so learns of it without anybody's help; a site that knows it already changes nothing. A refusal after the start
// is an error in the log, and the DP goes on serving what it has. The site's answer is believed only with its proof,
// and then the DP's folder is that site's.
#pragma once

#include <string>
#include <thread>

#include "dp/distribution_point.h"
#include "proto/base/log.h"
#include "proto/base/mutex.h"
#include "proto/control/client.h"
#include "proto/control/dp_secret.h"

namespace smslab::dp {

class Announcer {
 public:
  // `announcement`: name, url and control_url; the rest is filled in.
  Announcer(DistributionPoint& dp, control::DpSecret secret, v1::DpAnnouncement announcement,
            const std::string& site_server, const Clock& clock, const Log& log);
  ~Announcer() { stop(); }

  Status announce();  // on one thread at a time
  void start();
  void stop();  // after the announcement under way

 private:
  void run();
  bool pause(std::chrono::milliseconds time);  // false once stopped

  DistributionPoint& dp_;
  const control::DpSecret secret_;
  const Clock& clock_;
  const Log& log_;
  v1::DpAnnouncement announcement_;  // announce()'s
  control::HttpClient site_;         // announce()'s
  Mutex mu_;
  CondVar changed_;
  bool stopped_ GUARDED_BY(mu_) = false;
  std::thread thread_;
};

}  // namespace smslab::dp
