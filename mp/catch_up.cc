#include "mp/catch_up.h"

#include <algorithm>
#include <chrono>

#include "mp/commit.h"
#include "mp/dp_link.h"
#include "mp/faults.h"
#include "mp/package_dps.h"
#include "proto/base/text.h"
#include "proto/schema/timestamp.h"
#include "store/tables.h"

namespace smslab::mp {
namespace {
using Dp = v1::PackageDp;

constexpr std::chrono::seconds kCatchUpPatience{5};

// Of what is in the order of package IDs; 0: none.
uint32_t held_version(const std::vector<v1::DpContent>& holds, const std::string& package) {
  const auto found = std::ranges::lower_bound(holds, package, {}, &v1::DpContent::package_id);
  return found == holds.end() || found->package_id() != package ? 0 : found->version();
}
}  // namespace

void CatchUp::start(v1::FaultList unfinished, bool for_good) {
  thread_ = std::thread([this, unfinished = std::move(unfinished), for_good] { run(unfinished, for_good); });
}

void CatchUp::stop() {
  waiting_.stop();
  if (thread_.joinable()) thread_.join();
}

void CatchUp::run(const v1::FaultList& unfinished, bool for_good) {
  take_back_unfinished(site_, dps_, unfinished);
  for (const DpAddress& dp : dps_.all()) {
    if (waiting_.stopped()) return;
    look_at(dp.name, false);
  }
  while (for_good) {
    const auto dp = waiting_.pop(std::nullopt);
    if (!dp) return;
    look_at(*dp, true);
  }
}

void CatchUp::look_at(const std::string& name, bool back) {
  const auto dp = dps_.find(name);
  if (dp == nullptr) return;  // taken out meanwhile
  const Status compared = compare(*dp, back);
  if (compared.ok()) return;
  site_.log.warning("what " + name + " holds is not known: " + compared.to_string());
}

Status CatchUp::compare(const DpAddress& dp, bool back) {
  Seen seen{.dp = dp.name, .before = {}, .holds = {}, .back = back};
  ASSIGN_OR_RETURN(seen.before, rows_of(site_.store.read(), dp.name));
  DpLink link(dp, kCatchUpPatience);
  ASSIGN_OR_RETURN(const v1::DpInfo info, link.contents());
  seen.holds = {info.contents().begin(), info.contents().end()};
  std::ranges::sort(seen.holds, {}, &v1::DpContent::package_id);
  ASSIGN_OR_RETURN(const auto surplus, record(seen));
  for (const v1::DpContent& content : surplus) {
    site_.log.warning(dp.name + " holds " + content.package_id() + ", which is not assigned to it: removed");
    RETURN_IF_ERROR(link.remove(content).status());
  }
  return ok_status();
}

Result<CatchUp::Rows> CatchUp::rows_of(const store::ReadTxn& txn, const std::string& dp) const {
  Rows rows;
  RETURN_IF_ERROR(store::kPackages.each(txn, {}, [&](const store::Key&, const v1::Package& package) {
    for (const Dp& row : package.dps()) {
      if (iequals(row.dp(), dp)) rows[package.id()] = row;
    }
    return true;
  }));
  return rows;
}

bool CatchUp::agree(const v1::Package& package, const Seen& seen, Dp* row) const {
  const std::string was = row->SerializeAsString();
  const auto before = seen.before.find(package.id());
  if (before != seen.before.end() && before->second.SerializeAsString() == was) {
    const uint32_t held = held_version(seen.holds, package.id());
    if (row->state() == Dp::INSTALLED && held != row->version()) {
      site_.log.warning(seen.dp + " should hold version " + std::to_string(row->version()) + " of " + package.id() +
                        " and holds " + (held == 0 ? "none" : std::to_string(held)) + ": it is sent again");
      order_install(site_, row);
    }
    row->set_version(held);
  }
  // Also one that has just failed: it was before the DP came back that it was tried.
  const bool retrying = row->state() == Dp::INSTALL_RETRYING || row->state() == Dp::REMOVAL_RETRYING;
  if (seen.back && retrying) *row->mutable_next_try() = to_timestamp(site_.clock.now());
  return row->SerializeAsString() != was;
}

// What the DP holds and should not.
Result<std::vector<v1::DpContent>> CatchUp::record(const Seen& seen) {
  return commit_result(site_, [&](store::WriteTxn& txn) -> Result<std::vector<v1::DpContent>> {
    std::vector<v1::Package> changed;
    Rows now;
    RETURN_IF_ERROR(store::kPackages.each(txn, {}, [&](const store::Key&, v1::Package package) {
      Dp* row = find_dp(&package, seen.dp);
      if (row == nullptr) return true;
      now[package.id()] = *row;
      if (agree(package, seen, row)) changed.push_back(std::move(package));
      return true;
    }));
    for (const v1::Package& package : changed) {
      RETURN_IF_ERROR(store::kPackages.put(txn, {package.id()}, package));
      txn.after_commit([queue = site_.queue, id = package.id()] { queue->push(id); });
    }
    if (!changed.empty()) txn.after_commit([changes = site_.changes] { changes->notify(); });
    std::vector<v1::DpContent> surplus;
    std::copy_if(seen.holds.begin(), seen.holds.end(), std::back_inserter(surplus), [&](const v1::DpContent& content) {
      return !now.contains(content.package_id()) && !seen.before.contains(content.package_id());
    });
    return surplus;
  });
}

}  // namespace smslab::mp
