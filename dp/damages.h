// Damages: damage at rest on this DP, placed and lifted by the site (facts: semantics 3.4, kind A).
//
// A damage is a stored fact laid over a file that stays whole. Several rules may damage one file where their bytes are
// apart; the digests kept, and foretold, are those of the file with all of them. It goes when it is lifted, and with
// any commit or removal of its package. Thread-safe; calls block on the disk and read the damaged file once.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "dp/contents.h"
#include "proto/base/log.h"
#include "proto/base/mutex.h"
#include "proto/schema/control.pb.h"
#include "store/store.h"

namespace smslab::dp {

class Damages {
 public:
  Damages(std::string dp_name, store::Store& store, Contents& contents, const Log& log)
      : dp_name_(std::move(dp_name)), store_(store), contents_(contents), log_(log) {}

  // kNotFound for a package, version or file that is not here, kInvalidArgument for bytes that the file has not,
  // kFailedPrecondition when another rule has damaged them already, kAlreadyExists for a rule that is placed. Without a
  // file the seed chooses one that is long enough.
  Result<v1::DamageReply> place(const v1::DamageRequest& request);

  // Absent is fine: a refresh may have healed it. One that is being placed will not be: its place() fails.
  Result<v1::DamageRemovalReply> lift(const v1::DamageRemoval& removal);

 private:
  Result<v1::DamageReply> place_once(const v1::DamageRequest& request, uint64_t rule);
  bool is_taken_back(uint64_t rule) const;
  Result<v1::DamageRemovalReply> lift_once(uint64_t rule);
  // What clients see of each rule in the package, by rule: all its damage together.
  Result<std::vector<v1::LiveDamage>> foretell(const std::string& package_id);
  // One change that holds only if the package is still as it was when it was planned; kAborted otherwise.
  Status store_change(const Loaded& planned, const std::vector<v1::DamageRecord>& put,
                      const std::function<Status(store::WriteTxn& txn)>& before);

  const std::string dp_name_;
  store::Store& store_;
  Contents& contents_;
  const Log& log_;
  mutable Mutex mu_;
  std::map<uint64_t, bool> placing_ GUARDED_BY(mu_);  // rules; whether it was taken back meanwhile
};

}  // namespace smslab::dp
