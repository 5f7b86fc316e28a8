#include "mp/dps.h"

#include <algorithm>
#include <utility>

#include "proto/base/ids.h"
#include "proto/base/text.h"

namespace smslab::mp {

void DpDirectory::add(DpAddress dp) {
  // The site code is the same in all of them and does not move the order.
  const auto nal = [](const DpAddress& at) { return nal_path(at.name, "XXX"); };
  const MutexLock lock(mu_);
  Snapshot::Dps next = *dps_.dps_;
  std::erase_if(next, [&](const DpAddress& each) { return iequals(each.name, dp.name); });
  const auto place = std::lower_bound(next.begin(), next.end(), dp,
                                      [&](const DpAddress& a, const DpAddress& b) { return nal(a) < nal(b); });
  next.insert(place, std::move(dp));
  dps_ = Snapshot(std::make_shared<const Snapshot::Dps>(std::move(next)));
}

void DpDirectory::remove(std::string_view name) {
  const MutexLock lock(mu_);
  Snapshot::Dps next = *dps_.dps_;
  std::erase_if(next, [&](const DpAddress& each) { return iequals(each.name, name); });
  dps_ = Snapshot(std::make_shared<const Snapshot::Dps>(std::move(next)));
}

DpDirectory::Snapshot DpDirectory::all() const {
  const MutexLock lock(mu_);
  return dps_;
}

std::shared_ptr<const DpAddress> DpDirectory::find(std::string_view name) const {
  const Snapshot now = all();
  const auto found = std::find_if(now.begin(), now.end(), [&](const DpAddress& dp) { return iequals(dp.name, name); });
  return found == now.end() ? nullptr : std::shared_ptr<const DpAddress>(now.dps_, &*found);
}

}  // namespace smslab::mp
