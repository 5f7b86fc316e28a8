#include "mp/offers.h"

#include <algorithm>
#include <optional>
#include <string>

#include "proto/base/text.h"

namespace smslab::mp {
namespace {
bool any_holds(const std::vector<std::string>& names, const ClientPlace& place) {
  return std::ranges::any_of(names, [&](const std::string& name) {
    return std::ranges::any_of(place.boundaries, [&](const std::string& held) { return iequals(held, name); });
  });
}

// Whether, and how near, a DP is for a client there. A DP without boundaries of its own has the site's; one with them
// is REMOTE for clients elsewhere, a protected one is not for them at all.
std::optional<OfferedDp> offered(const DpAddress& dp, const ClientPlace& place) {
  const bool own = !dp.boundaries.empty();
  const bool inside = own ? any_holds(dp.boundaries, place) : place.locality != Locality::kFallback;
  if (dp.is_protected && !inside) return std::nullopt;
  const bool local = inside && place.locality == Locality::kLocal;
  return OfferedDp{.dp = dp, .locality = local ? Locality::kLocal : Locality::kRemote};
}

// `holds`: whether it is one of those, by the version that is on it.
template <class Holds>
std::vector<OfferedDp> offered_dps(const CcmServer& server, const v1::Package& package, const ClientPlace& place,
                                   Holds holds) {
  std::vector<OfferedDp> own, local, remote;
  for (const DpAddress& dp : server.dps.all()) {
    const bool there = std::ranges::any_of(package.dps(), [&](const v1::PackageDp& row) {
      return iequals(row.dp(), dp.name) && row.state() == v1::PackageDp::INSTALLED && holds(row.version());
    });
    if (!there) continue;
    const auto offer = offered(dp, place);
    if (!offer) continue;
    auto& group = any_holds(dp.boundaries, place) ? own : offer->locality == Locality::kLocal ? local : remote;
    group.push_back(*offer);
  }
  own.insert(own.end(), local.begin(), local.end());
  own.insert(own.end(), remote.begin(), remote.end());
  return own;
}
}  // namespace

Offer offer_of(const CcmServer& server, const v1::Package& package, uint64_t version, const ClientPlace& place) {
  Offer offer;
  offer.dps = offered_dps(server, package, place, [version](uint64_t held) { return held == version; });
  // The hash is that of the last update; of an older version that a DP still holds it is not known here.
  offer.with_hash = server.site.profile.location_hashes && !offer.dps.empty() && version == package.source_version() &&
                    !package.hash().sha256().empty();
  return offer;
}

std::vector<OfferedDp> stale_dps(const CcmServer& server, const v1::Package& package, uint64_t version,
                                 const ClientPlace& place) {
  return offered_dps(server, package, place, [version](uint64_t held) { return held != version; });
}

}  // namespace smslab::mp
