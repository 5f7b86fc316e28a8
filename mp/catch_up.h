// CatchUp: makes the site's records and what is on a DP agree again, when the site starts and when a DP comes back.
//
//   CatchUp catch_up(site, dps);
//   catch_up.start(unfinished);           // faults that were never carried out go; looks at every DP once
//   catch_up.returned("LON-DP-02");       // it has announced itself: look, and try what is RETRYING there at once
//
// A DP that holds less than the site's record says, or another version (restored from a backup, folder deleted), is
// sent the package again: its row is INSTALL_PENDING, and the distribution manager does the rest. What it holds and
// should not is removed from it. Rows that anybody changed while the DP was being asked are left to whoever did. FAILED
// rows wait for an administrator (semantics 4.1). A DP that does not answer is looked at when it returns.
//
// One thread of its own. returned() may be called from any, the committer's too.
#pragma once

#include <map>
#include <string>
#include <thread>
#include <vector>

#include "mp/dps.h"
#include "mp/package_queue.h"
#include "mp/site.h"
#include "proto/schema/control.pb.h"
#include "proto/schema/site.pb.h"

namespace smslab::mp {

class CatchUp {
 public:
  CatchUp(Site& site, const DpDirectory& dps) : site_(site), dps_(dps) {}
  ~CatchUp() { stop(); }

  // `unfinished`: of before anything was served (faults.h). `for_good`: DPs of other processes may come back, at any
  // time. Else the thread ends after the first look.
  void start(v1::FaultList unfinished = {}, bool for_good = true);
  void returned(const std::string& dp) { waiting_.push(dp); }
  void stop();

 private:
  using Rows = std::map<std::string, v1::PackageDp>;  // of one DP, by package ID
  struct Seen {
    std::string dp;
    Rows before;                       // of the DP's answer
    std::vector<v1::DpContent> holds;  // as it answered
    bool back = false;                 // it was away
  };

  void run(const v1::FaultList& unfinished, bool for_good);
  void look_at(const std::string& dp, bool back);
  Status compare(const DpAddress& dp, bool back);
  Result<Rows> rows_of(const store::ReadTxn& txn, const std::string& dp) const;
  // True when the row was changed.
  bool agree(const v1::Package& package, const Seen& seen, v1::PackageDp* row) const;
  Result<std::vector<v1::DpContent>> record(const Seen& seen);

  Site& site_;
  const DpDirectory& dps_;
  PackageQueue waiting_;  // of DPs
  std::thread thread_;
};

}  // namespace smslab::mp
