// Boundaries: the IP subnets and Active Directory sites that belong to the site, and where a client is among them
// (facts: protocol 4.3, semantics 7.5).
//
//   const ClientPlace place = place_of(settings.boundaries(), request.client_location_info(), peer);
//   place.locality;                                // LOCAL, REMOTE (within a slow one only), FALLBACK (outside)
//
// They stand in the site's settings; no two overlap. A subnet with a prefix holds a client by its address or subnet; an
// address alone, as SMS writes a subnet, by the subnet that the client names.
#pragma once

#include <google/protobuf/repeated_ptr_field.h>

#include <set>
#include <string>
#include <string_view>

#include "mp/site.h"
#include "proto/schema/client_messages.pb.h"
#include "proto/schema/control.pb.h"

namespace smslab::mp {

Result<v1::Boundary> create_boundary(Site& site, const v1::Boundary& request);
Status delete_boundary(Site& site, const std::string& name);
Result<v1::BoundaryList> list_boundaries(const Site& site);  // by name
Result<v1::Boundary> show_boundary(const Site& site, const std::string& name);

// ---- part of changes
// create_boundary as a part of a larger change.
Result<v1::Boundary> record_boundary(store::WriteTxn& txn, const v1::Boundary& request);

enum class Locality { kLocal, kRemote, kFallback };
std::string_view locality_text(Locality locality);  // "LOCAL", ...

using Boundaries = google::protobuf::RepeatedPtrField<v1::Boundary>;
struct ClientPlace {
  Locality locality = Locality::kLocal;
  std::set<std::string> boundaries;  // that hold it, by name
};
// A client that says neither addresses nor a site is looked up by `peer`, the address that it comes from, and is LOCAL
// when no boundary holds that (assumed; protocol 4.3 has an empty location LOCAL). Without boundaries all are LOCAL.
ClientPlace place_of(const Boundaries& boundaries, const v1::ClientLocationInfo& client, std::string_view peer);

}  // namespace smslab::mp
