// The DPs of the site, as it knows them: names, addresses and settings.
//
//   for (const DpAddress& dp : dps.all()) ...;                    // one state of the list, whatever changes meanwhile
//   if (const auto dp = dps.find("lon-dp-02")) DpLink link(*dp);  // a copy that lives as long as the pointer
//
// A look costs one short lock and copies nothing. Thread-safe.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "mp/mp.h"
#include "proto/base/mutex.h"

namespace smslab::mp {

class DpDirectory {
 public:
  // What the directory was when it was asked. By NAL path, which is by name (semantics 11.6).
  class Snapshot {
   public:
    auto begin() const { return dps_->begin(); }
    auto end() const { return dps_->end(); }

   private:
    friend class DpDirectory;
    using Dps = std::vector<DpAddress>;
    explicit Snapshot(std::shared_ptr<const Dps> dps) : dps_(std::move(dps)) {}
    std::shared_ptr<const Dps> dps_;
  };

  void add(DpAddress dp);  // or replaces the one of that name
  void remove(std::string_view name);
  Snapshot all() const;
  std::shared_ptr<const DpAddress> find(std::string_view name) const;  // any letter case; nullptr when there is none

 private:
  mutable Mutex mu_;
  Snapshot dps_ GUARDED_BY(mu_){std::make_shared<const Snapshot::Dps>()};
};

}  // namespace smslab::mp
