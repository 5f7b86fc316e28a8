// The DPs of the site, as the site knows them: names and addresses. Fixed once the lab serves.
#pragma once

#include <string>
#include <vector>

#include "mp/mp.h"

namespace smslab::mp {

class DpDirectory {
 public:
  void add(DpAddress dp);                                     // before serving
  const std::vector<DpAddress>& all() const { return dps_; }  // by NAL path, which is by name (semantics 11.6)
  const DpAddress* find(std::string_view name) const;         // any letter case

 private:
  std::vector<DpAddress> dps_;
};

}  // namespace smslab::mp
