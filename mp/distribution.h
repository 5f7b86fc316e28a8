// DistributionManager: brings the packages' distribution points to what was ordered for them (facts: semantics 3.2,
// 4.1, 4.3, 4.4).
//
//   DistributionManager manager(site, dps);
//   manager.start();                  // takes up whatever the index says is not done
//   manager.stop();
//
// One thread. What is to be done stands in the packages' records (PackageDp.state), so that a restart goes on; the
// order is the queue's (site.queue), after a start that of the package IDs. A pass over a package says 2300, works
// through its DPs by NAL path, each DP's messages together (11.6), and ends with 2301 once every DP has the package or
// 2302 when one could not be served. A DP that failed is tried again as the site's settings say (settings.h), in lab
// time.
//
// What is copied is the site's snapshot of the current version, never the live source.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "mp/dps.h"
#include "mp/site.h"
#include "proto/schema/site.pb.h"

namespace smslab::mp {

class DistributionManager {
 public:
  DistributionManager(Site& site, const DpDirectory& dps);
  ~DistributionManager();  // stops

  void start();
  void stop();  // after the copy of a file that is under way

 private:
  // One DP's order as an attempt began; a newer one is seen by `asked`.
  struct Attempt {
    v1::Package package;
    v1::PackageDp dp;
    std::string nal;
    std::vector<std::string> heals;  // rules
  };
  struct Outcome {
    Status status;
    bool reached = true;  // the DP answered
    std::vector<std::string> healed_rules;
  };

  void run();
  Status resume();
  void process(const std::string& package);
  Status pass(const std::string& package);
  Status open_pass(const std::string& package);
  Status close_pass(const std::string& package, bool failed);
  Result<Attempt> begin_attempt(const std::string& package, const std::string& dp);
  Result<bool> serve_dp(const std::string& package, const std::string& dp);
  Outcome copy(const Attempt& attempt);
  Outcome take_away(const Attempt& attempt);
  Status record_copy(const Attempt& attempt, const Outcome& outcome);
  Status record_removal(const Attempt& attempt, const Outcome& outcome);
  Status record_failure(const store::ReadTxn& txn, const Status& why, v1::PackageDp* dp) const;
  bool due(const v1::PackageDp& dp) const;
  void note_retries(const v1::Package& package);
  std::optional<SteadyTime> next_deadline() const;

  Site& site_;
  const DpDirectory& dps_;
  std::map<std::string, LabTime> retries_;  // package -> earliest next try; the thread's
  std::thread thread_;
};

}  // namespace smslab::mp
