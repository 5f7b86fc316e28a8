// Delivery: one attempt to bring one distribution point to what was ordered for it, and what the site writes down of it
// (facts: semantics 3.2, 4.1, 4.4).
//
//   ASSIGN_OR_RETURN(Order order, take_order(txn, site, package, row));         // what is to be done
//   Courier courier(lane);                                                      // on the DP's lane:
//   Outcome outcome = courier.deliver(site, dps.find(row.dp()), order);
//   RETURN_IF_ERROR(record(site, order, outcome));                              // messages and state, in one change
//
// Orders carry `asked`: what was ordered meanwhile is not lost on the outcome of an older order.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "mp/dp_link.h"
#include "mp/dps.h"
#include "mp/lane.h"
#include "mp/site.h"
#include "proto/base/mutex.h"
#include "proto/schema/site.pb.h"
#include "store/import.h"

namespace smslab::mp {

struct Order {
  v1::Package package;
  v1::PackageDp dp;  // the row as the attempt began
  std::string nal;
  LabTime began;
  std::vector<std::string> heals;  // faults that are gone once it is carried out, by rule ID
  // What is sent: the live source as it was read for this order, or with nullptr the site's copy of the version.
  std::shared_ptr<const store::Snapshot> live;
};

struct Outcome {
  Status status;
  uint32_t win32_error = 0;
  bool reached = true;  // the DP answered
  std::vector<std::string> healed_rules;
};

Result<Order> take_order(const store::ReadTxn& txn, const Site& site, const v1::Package& package,
                         const v1::PackageDp& dp);

// Carries out orders for one DP, one at a time.
class Courier {
 public:
  explicit Courier(Lane& lane) : lane_(lane) {}

  // Waits for the DP. `dp` is nullptr when the lab runs without it. kAborted once cancelled.
  Outcome deliver(Site& site, const DpAddress* dp, const Order& order);
  // From any thread: the delivery under way ends, also in the middle of a file, and no other begins.
  void cancel();

 private:
  class Parcel;
  Outcome copy(Site& site, DpLink& link, const Order& order);
  Status send(Site& site, DpLink& link, const Order& order, const v1::Manifest& manifest, bool* reached);

  Lane& lane_;
  std::atomic<bool> cancelled_ = false;
  Mutex mu_;
  DpLink* link_ GUARDED_BY(mu_) = nullptr;  // of the delivery under way
};

// 2342, then 2329 and 2330, or 2328 when the DP was reached; nothing for a removal (11.5). A failure leaves what is on
// the DP as the site knows it, and the row RETRYING or FAILED. Nothing is written when the row is gone, for the DP was
// taken out of the site meanwhile.
Status record(Site& site, const Order& order, const Outcome& outcome);

// Writes a failed attempt into the row, with its line of distmgr.log: the next try, or that there is none.
Status record_failure(store::WriteTxn& txn, const Site& site, const v1::Package& package, const Outcome& outcome,
                      v1::PackageDp* dp);

}  // namespace smslab::mp
