#include "mp/boundaries.h"

#include <algorithm>
#include <functional>
#include <vector>

#include "mp/checks.h"
#include "mp/commit.h"
#include "mp/site_record.h"
#include "proto/base/subnet.h"
#include "proto/base/text.h"
#include "store/tables.h"

namespace smslab::mp {
namespace {
Status check_boundary(const v1::Boundary& boundary) {
  RETURN_IF_ERROR(check_name(boundary.name(), "name"));
  if (boundary.subnet().empty() == boundary.ad_site().empty()) {
    return invalid_argument("a boundary is either a subnet or an Active Directory site", "subnet");
  }
  if (boundary.subnet().empty()) return check_name(boundary.ad_site(), "adSite");
  return parse_subnet(boundary.subnet(), "subnet").status();
}

bool overlap(const v1::Boundary& a, const v1::Boundary& b) {
  if (!a.ad_site().empty() || !b.ad_site().empty()) return iequals(a.ad_site(), b.ad_site());
  const auto one = parse_subnet(a.subnet(), "subnet"), other = parse_subnet(b.subnet(), "subnet");
  return one.ok() && other.ok() && one->overlaps(*other);
}

Status change_boundaries(store::WriteTxn& txn, const std::function<Status(Boundaries*)>& act) {
  return change_site_record(
      txn, [&](v1::SiteRecord* record) { return act(record->mutable_settings()->mutable_boundaries()); });
}

// A DP that has this boundary for its own; "" when there is none.
Result<std::string> dp_within(const store::ReadTxn& txn, const std::string& boundary) {
  std::string found;
  RETURN_IF_ERROR(store::kDps.each(txn, {}, [&](const store::Key&, const v1::DpRecord& dp) {
    const bool has = std::ranges::any_of(dp.boundaries(), [&](const auto& name) { return iequals(name, boundary); });
    if (has) found = dp.name();
    return !has;
  }));
  return found;
}

struct WhereItIs {
  std::vector<std::string> addresses, subnets;
  std::string ad_site;

  bool empty() const { return addresses.empty() && subnets.empty() && ad_site.empty(); }
};

WhereItIs said_by(const v1::ClientLocationInfo& client) {
  WhereItIs where{.addresses = {}, .subnets = {}, .ad_site = std::string(trim(client.ad_site().name()))};
  for (const auto& address : client.addresses()) {
    if (!trim(address.address()).empty()) where.addresses.emplace_back(trim(address.address()));
    if (!trim(address.subnet_address()).empty()) where.subnets.emplace_back(trim(address.subnet_address()));
  }
  return where;
}

bool holds(const v1::Boundary& boundary, const WhereItIs& where) {
  if (!boundary.ad_site().empty()) return iequals(boundary.ad_site(), where.ad_site);
  const auto subnet = parse_subnet(boundary.subnet(), "subnet");
  if (!subnet.ok()) return false;
  const auto inside = [&](const std::string& address) { return subnet->contains(address); };
  return std::ranges::any_of(where.subnets, inside) || std::ranges::any_of(where.addresses, inside);
}
}  // namespace

std::string_view locality_text(Locality locality) {
  switch (locality) {
    case Locality::kLocal: return "LOCAL";
    case Locality::kRemote: return "REMOTE";
    case Locality::kFallback: break;
  }
  return "FALLBACK";
}

Result<v1::Boundary> record_boundary(store::WriteTxn& txn, const v1::Boundary& request) {
  RETURN_IF_ERROR(check_boundary(request));
  RETURN_IF_ERROR(change_boundaries(txn, [&](Boundaries* all) -> Status {
    for (const v1::Boundary& other : *all) {
      if (iequals(other.name(), request.name())) {
        return already_exists("boundary '" + other.name() + "' exists already", "name");
      }
      if (overlap(other, request)) {
        return invalid_argument("boundaries '" + request.name() + "' and '" + other.name() + "' overlap",
                                request.subnet().empty() ? "adSite" : "subnet");
      }
    }
    *all->Add() = request;
    std::sort(all->begin(), all->end(), [](const auto& a, const auto& b) { return a.name() < b.name(); });
    return ok_status();
  }));
  return request;
}

Result<v1::Boundary> create_boundary(Site& site, const v1::Boundary& request) {
  return commit_result(site, [&](store::WriteTxn& txn) { return record_boundary(txn, request); });
}

Status delete_boundary(Site& site, const std::string& name) {
  return site.store.commit([&](store::WriteTxn& txn) -> Status {
    ASSIGN_OR_RETURN(const std::string dp, dp_within(txn, name));
    if (!dp.empty()) {
      return failed_precondition("distribution point " + dp + " has the boundary '" + name +
                                     "'; take it away there first: smslab dp set " + dp,
                                 "name");
    }
    return change_boundaries(txn, [&](Boundaries* all) -> Status {
      const auto found = std::ranges::find_if(*all, [&](const auto& each) { return iequals(each.name(), name); });
      if (found == all->end()) return not_found("there is no boundary '" + name + "'", "name");
      all->erase(found);
      return ok_status();
    });
  });
}

Result<v1::BoundaryList> list_boundaries(const Site& site) {
  ASSIGN_OR_RETURN(const v1::SiteRecord record, site_record(site.store.read()));
  v1::BoundaryList list;
  *list.mutable_boundaries() = record.settings().boundaries();
  return list;
}

Result<v1::Boundary> show_boundary(const Site& site, const std::string& name) {
  ASSIGN_OR_RETURN(const v1::BoundaryList list, list_boundaries(site));
  for (const auto& each : list.boundaries()) {
    if (iequals(each.name(), name)) return each;
  }
  return not_found("there is no boundary '" + name + "'", "name");
}

ClientPlace place_of(const Boundaries& boundaries, const v1::ClientLocationInfo& client, std::string_view peer) {
  ClientPlace place;
  if (boundaries.empty()) return place;
  WhereItIs where = said_by(client);
  const bool silent = where.empty();
  if (silent) where.addresses.emplace_back(peer);
  bool fast = false;
  for (const v1::Boundary& boundary : boundaries) {
    if (!holds(boundary, where)) continue;
    place.boundaries.insert(boundary.name());
    fast = fast || !boundary.slow();
  }
  if (place.boundaries.empty()) {
    place.locality = silent ? Locality::kLocal : Locality::kFallback;
  } else {
    place.locality = fast ? Locality::kLocal : Locality::kRemote;
  }
  return place;
}

}  // namespace smslab::mp
