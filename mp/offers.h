// Offer: which distribution points a client is told of for a package (facts: protocol 4.3, semantics 7.5, 11.6).
//
//   Offer offer = offer_of(server, package, 2, place);
//   for (const OfferedDp& one : offer.dps) ...                // in the order in which the client is to try them
//
// Functions of the records and the list of DPs alone.
#pragma once

#include <cstdint>
#include <vector>

#include "mp/boundaries.h"
#include "mp/ccm_request.h"
#include "proto/schema/site.pb.h"

namespace smslab::mp {

struct OfferedDp {
  DpAddress dp;
  Locality locality = Locality::kLocal;  // LOCAL or REMOTE
};

struct Offer {
  std::vector<OfferedDp> dps;
  bool with_hash = false;  // of the content, which the site knows of the last update alone
};

// The DPs that hold exactly this version, for a client there: those whose own boundaries hold it, then the other LOCAL
// ones, then the REMOTE; by NAL path within each.
Offer offer_of(const CcmServer& server, const v1::Package& package, uint64_t version, const ClientPlace& place);

// Those that hold another one, in the same order: what an honest site never offers.
std::vector<OfferedDp> stale_dps(const CcmServer& server, const v1::Package& package, uint64_t version,
                                 const ClientPlace& place);

}  // namespace smslab::mp
