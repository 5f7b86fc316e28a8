#include "mp/dps.h"

#include <algorithm>
#include <utility>

#include "proto/base/ids.h"
#include "proto/base/text.h"

namespace smslab::mp {

void DpDirectory::add(DpAddress dp) {
  // The site code is the same in all of them and does not move the order.
  const auto nal = [](const DpAddress& at) { return nal_path(at.name, "XXX"); };
  const auto place = std::lower_bound(dps_.begin(), dps_.end(), dp,
                                      [&](const DpAddress& a, const DpAddress& b) { return nal(a) < nal(b); });
  dps_.insert(place, std::move(dp));
}

const DpAddress* DpDirectory::find(std::string_view name) const {
  const auto found =
      std::find_if(dps_.begin(), dps_.end(), [&](const DpAddress& dp) { return iequals(dp.name, name); });
  return found == dps_.end() ? nullptr : &*found;
}

}  // namespace smslab::mp
