#include "mp/dp_records.h"

#include <algorithm>
#include <chrono>
#include <utility>
#include <vector>

#include "mp/commit.h"
#include "mp/dp_link.h"
#include "mp/package_dps.h"
#include "mp/settings.h"
#include "proto/base/ids.h"
#include "proto/base/text.h"
#include "store/tables.h"

namespace smslab::mp {
namespace {
constexpr std::chrono::seconds kListPatience{2};  // of a listing for a DP that does not answer

Status no_such_dp(const std::string& name) {
  return not_found("the site has no distribution point '" + name + "'", "name");
}

v1::DpInfo describe(const Site& site, const DpAddress& dp) {
  v1::DpInfo info;
  auto contents = DpLink(dp, kListPatience).contents();
  if (contents.ok()) {
    info = *std::move(contents);
  } else {
    info.set_error(contents.status().message());
  }
  info.set_name(dp.name);
  info.set_url(dp.url);
  info.set_control_url(dp.control_url);
  info.set_nal_path(nal_path(dp.name, site.options.site));
  info.set_protected_(dp.is_protected);
  info.mutable_boundaries()->Assign(dp.boundaries.begin(), dp.boundaries.end());
  info.set_remote(dp.remote);
  return info;
}

// As the site's settings spell them.
Result<std::vector<std::string>> known_boundaries(const store::ReadTxn& txn, const v1::DpInfo& change) {
  std::vector<std::string> names;
  if (change.boundaries_size() == 1 && change.boundaries(0).empty()) return names;
  ASSIGN_OR_RETURN(const v1::SiteSettings settings, site_settings(txn));
  for (const auto& wanted : change.boundaries()) {
    const auto known = std::find_if(settings.boundaries().begin(), settings.boundaries().end(),
                                    [&](const v1::Boundary& each) { return iequals(each.name(), wanted); });
    if (known == settings.boundaries().end()) {
      return not_found("the site has no boundary '" + wanted + "'", "boundaries");
    }
    if (std::find(names.begin(), names.end(), known->name()) == names.end()) names.push_back(known->name());
  }
  return names;
}
}  // namespace

DpAddress address_of(const v1::DpRecord& record) {
  return {.name = record.name(),
          .url = record.url(),
          .control_url = record.control_url(),
          .token = record.token(),
          .is_protected = record.protected_(),
          .boundaries = {record.boundaries().begin(), record.boundaries().end()},
          .remote = record.remote(),
          .session = record.session()};
}

Result<v1::DpRecord> dp_record(const store::ReadTxn& txn, const std::string& name) {
  auto record = store::kDps.get(txn, {name});
  if (record.status().code() != Code::kNotFound) return record;
  v1::DpRecord fresh;
  fresh.set_name(name);
  return fresh;
}

Status add_remote_dps(Site& site, DpDirectory& dps) {
  return store::kDps.each(site.store.read(), {}, [&](const store::Key&, const v1::DpRecord& record) {
    if (record.remote()) dps.add(address_of(record));
    return true;
  });
}

Status add_own_dp(Site& site, DpDirectory& dps, DpAddress dp) {
  ASSIGN_OR_RETURN(v1::DpRecord record, dp_record(site.store.read(), dp.name));
  dp.is_protected = record.protected_();
  dp.boundaries = {record.boundaries().begin(), record.boundaries().end()};
  dps.add(dp);
  if (!record.remote()) return ok_status();
  for (const auto clear : {&v1::DpRecord::clear_url, &v1::DpRecord::clear_control_url, &v1::DpRecord::clear_token,
                           &v1::DpRecord::clear_remote, &v1::DpRecord::clear_session}) {
    (record.*clear)();
  }
  return site.store.commit([&](store::WriteTxn& txn) { return store::kDps.put(txn, {dp.name}, record); });
}

Result<v1::DpInfo> show_dp(const Site& site, const DpDirectory& dps, const std::string& name) {
  const auto dp = dps.find(name);
  if (dp == nullptr) return no_such_dp(name);
  return describe(site, *dp);
}

v1::DpList list_dps(const Site& site, const DpDirectory& dps) {
  v1::DpList list;
  for (const DpAddress& dp : dps.all()) *list.add_dps() = describe(site, dp);
  return list;
}

Status record_dp(store::WriteTxn& txn, DpDirectory& dps, const std::string& name, const v1::DpInfo& change) {
  const auto dp = dps.find(name);
  if (dp == nullptr) return no_such_dp(name);
  ASSIGN_OR_RETURN(v1::DpRecord record, dp_record(txn, dp->name));
  if (change.has_protected_()) record.set_protected_(change.protected_());
  if (!change.boundaries().empty()) {
    ASSIGN_OR_RETURN(const auto names, known_boundaries(txn, change));
    record.mutable_boundaries()->Assign(names.begin(), names.end());
  }
  DpAddress now = *dp;
  now.is_protected = record.protected_();
  now.boundaries = {record.boundaries().begin(), record.boundaries().end()};
  txn.after_commit([&dps, now] { dps.add(now); });
  return store::kDps.put(txn, {dp->name}, record);
}

Result<v1::DpInfo> set_dp(Site& site, DpDirectory& dps, const std::string& name, const v1::DpInfo& change) {
  v1::DpInfo others = change;
  others.clear_protected_();
  others.clear_boundaries();
  if (others.ByteSizeLong() > 0) return invalid_argument("only protected and boundaries of a DP can be set");
  RETURN_IF_ERROR(site.store.commit([&](store::WriteTxn& txn) { return record_dp(txn, dps, name, change); }));
  return show_dp(site, dps, name);
}

Status delete_dp(Site& site, DpDirectory& dps, const std::string& name, bool force) {
  return site.store.commit([&](store::WriteTxn& txn) -> Status {
    const auto dp = dps.find(name);  // nullptr also for one that the lab was started without
    if (dp != nullptr && !dp->remote) {
      return failed_precondition(
          dp->name + " runs in the site's own process; start the site without it to be rid of it", "name");
    }
    std::vector<v1::Package> assigned;
    RETURN_IF_ERROR(store::kPackages.each(txn, {}, [&](const store::Key&, v1::Package package) {
      if (find_dp(&package, name) != nullptr) assigned.push_back(std::move(package));
      return true;
    }));
    if (dp == nullptr && assigned.empty()) return no_such_dp(name);
    const std::string known = ascii_upper(name);
    if (!assigned.empty() && !force) {
      std::vector<std::string> ids;
      for (const v1::Package& package : assigned) ids.push_back(package.id());
      return failed_precondition("packages are assigned to " + known + ": remove " + shortened(ids) +
                                     " from it first, or delete it with force (--force) when it is gone for good",
                                 "name");
    }
    for (v1::Package& package : assigned) {
      ASSIGN_OR_RETURN(const bool stays, let_go(txn, site, &package, name));
      if (stays) RETURN_IF_ERROR(store::kPackages.put(txn, {package.id()}, package));
    }
    if (dp != nullptr) {
      // At once, not after the commit: a change behind this one in the same commit must not find the DP any more.
      dps.remove(dp->name);
      txn.on_abort([&dps, dp] { dps.add(*dp); });
    }
    return store::kDps.erase(txn, {known});
  });
}

}  // namespace smslab::mp
