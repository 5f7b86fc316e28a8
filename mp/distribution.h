// DistributionManager: brings the packages' distribution points to what was ordered for them (facts: semantics 3.2,
// 4.1, 4.3, 4.4), and updates packages by their schedules.
//
//   DistributionManager manager(site, dps, imports);
//   manager.start();                  // takes up whatever the index says is not done
//   manager.stop();                   // also in the middle of a file
//
// What is to be done stands in the packages' records (PackageDp.state), so that a restart goes on; the order is the
// queue's (site.queue), after a start that of the package IDs. A pass over a package says 2300, serves all its DPs at
// the same time, and ends with 2301 once every DP has the package or 2302 when one could not be served. What is ordered
// meanwhile joins it. Three packages are under way at once (4.3); one that only waits for DPs that do not move does not
// count.
//
// Each DP has a lane, a thread of its own, so that one that is slow, stalled or away holds up nobody else. Sources are
// read on one more. The manager's own thread decides and writes down; only it touches the members below it.
//
// The ledger is that of a site that serves its DPs one after the other, by NAL path (11.6): an outcome is written, all
// its messages in one change, once those of the DPs before it are. It waits for them as long as its own delivery took,
// but kTogether at least; a failure, which is often quick and which nobody is in a hurry to hear of, waits a minute. A
// DP that takes longer is written when it is done. So the order is the same from run to run unless a DP is much slower
// than the others, and nobody's INSTALLED waits long.
//
// What is sent is the site's copy of the current version. Only assigning and refreshing a `direct` package (row.live)
// sends the source as it is at that moment, read once for all DPs that wait for it; a try after a failure reads it
// again. A DP that failed is tried again as the site's settings say (settings.h), in lab time.
#pragma once

#include <atomic>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "mp/delivery.h"
#include "mp/dps.h"
#include "mp/imports.h"
#include "mp/lane.h"
#include "mp/site.h"
#include "proto/base/mutex.h"
#include "proto/schema/site.pb.h"

namespace smslab::mp {

class DistributionManager {
 public:
  static constexpr std::chrono::milliseconds kTogether{5'000};
  // `together`: of steady time; also how long a DP may show no sign of life before it counts as one that does not move.
  DistributionManager(Site& site, const DpDirectory& dps, Imports& imports,
                      std::chrono::milliseconds together = kTogether);
  ~DistributionManager();  // stops

  void start();
  void stop();

 private:
  struct DpLane {
    explicit DpLane(const Clock& clock) : lane(clock), courier(lane) {}
    Lane lane;
    Courier courier;
  };
  // One DP's part in a pass, until it is written down.
  struct Delivery {
    std::shared_ptr<const Order> order;
    std::optional<Outcome> outcome;
    SteadyTime begun, done;
    std::shared_ptr<const DpAddress> address;  // where it was sent; nullptr: the lab runs without the DP
  };
  struct Pass {
    std::map<std::string, Delivery> deliveries;  // by NAL path
    std::vector<v1::PackageDp> reading;          // the rows that wait for the live source, as it began to be read
    bool look_again = true;                      // for rows to do
  };
  using Passes = std::map<std::string, Pass>;
  // What a lane has to say.
  struct Delivered {
    std::string package;
    std::shared_ptr<const Order> order;
    Outcome outcome;
    SteadyTime begun, done;
  };
  struct SourceRead {
    std::string package;
    Result<std::shared_ptr<const store::Snapshot>> live;
  };

  void run();
  Status resume();
  void take_reports();
  void take_up(const std::string& package);
  Status begin_pass(const std::string& package);
  Status close_pass(const std::string& package);
  void advance_passes();
  Result<bool> advance(const std::string& package, Pass& pass);  // true: it is over
  bool overtaken(const Delivery& delivery) const;
  Status record_what_may_be(Pass& pass);
  Status order_what_is_due(const std::string& package, Pass& pass);
  void send(const std::string& package, Pass& pass, Order order);
  void read_source(const v1::Package& package);
  void update_what_is_due();
  Status source_was_read(SourceRead report, Pass& pass);
  void give_up(const std::string& package, const Status& why);
  bool due(const v1::PackageDp& dp) const;
  bool moves(const Pass& pass) const;
  bool room() const;                                              // for another package
  SteadyTime::duration patience(const Delivery& delivery) const;  // of one that is done
  void note_times(const std::string& package);
  std::optional<SteadyTime> next_deadline() const;
  DpLane& lane_of(const std::string& dp);

  // constant after construction
  Site& site_;
  const DpDirectory& dps_;
  Imports& imports_;
  const std::chrono::milliseconds together_;

  std::atomic<bool> stopping_ = false;
  Mutex mu_;
  std::vector<Delivered> delivered_ GUARDED_BY(mu_);
  std::vector<SourceRead> read_ GUARDED_BY(mu_);
  std::vector<std::string> updated_ GUARDED_BY(mu_);

  // the thread's
  Passes passes_;
  std::deque<std::string> waiting_;         // packages for which there is no room yet
  std::map<std::string, LabTime> retries_;  // package -> earliest next try
  std::map<std::string, LabTime> updates_;  // package -> next update by its schedule
  std::set<std::string> updating_;          // by their schedule
  std::map<std::string, std::unique_ptr<DpLane>> lanes_;
  Lane reader_;
  std::thread thread_;
};

}  // namespace smslab::mp
