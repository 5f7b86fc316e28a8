// Clients as the administrator sees them: declared beforehand, or found because they reported.
//
//   ASSIGN_OR_RETURN(v1::Client c, create_client(site, request));   // name, and maybe smsid and certificate
#pragma once

#include <string>

#include "mp/site.h"
#include "proto/schema/control.pb.h"
#include "proto/schema/site.pb.h"

namespace smslab::mp {

// The certificate may be PEM or DER in hex; the public key is taken from it. kAlreadyExists naming `name` or `smsid`.
Result<v1::Client> create_client(Site& site, const v1::Client& request);
// `change` says `approval`, which is all that can be changed. What it says counts at the client's next registration and
// next request for policy.
Result<v1::Client> set_client(Site& site, const std::string& name, const v1::Client& change);
// With its events and its last report of each kind.
Result<v1::Client> show_client(const Site& site, const std::string& name);
// At most `limit`, in the order of their names, those after the name `after`; empty: from the first.
Result<v1::ClientList> list_clients(const Site& site, const std::string& after, size_t limit);

// ---- part of changes
// create_client as a part of a larger change.
Result<v1::Client> record_client(store::WriteTxn& txn, const Site& site, const v1::Client& request);

}  // namespace smslab::mp
