// Clients as the site finds them: by computer name, SMSID or key.
//
//   RETURN_IF_ERROR(put_client(txn, site, client));             // in a change
//   ASSIGN_OR_RETURN(v1::Client c, client_by_smsid(txn, "GUID:..."));
//
// An SMSID and a key belong to one computer name. Who is stored with another's has it from then on, and the other
// record loses it: a computer that was renamed. Whether a client may is for the caller to ask: smsid_is_anothers().
#pragma once

#include <string>
#include <string_view>

#include "mp/site.h"
#include "proto/schema/site.pb.h"
#include "store/index.h"

namespace smslab::mp {

// Writes the record under client.name() (upper case) and keeps both indices true. Fills in `site` and `created`.
Status put_client(store::WriteTxn& txn, const Site& site, v1::Client client);

// Its SMSID is held by a client of another name and another key.
Result<bool> smsid_is_anothers(const store::ReadTxn& txn, const v1::Client& client);

// kNotFound when there is none; so for an empty argument.
Result<v1::Client> client_by_name(const store::ReadTxn& txn, const std::string& name);
Result<v1::Client> client_by_smsid(const store::ReadTxn& txn, const std::string& smsid);  // "GUID:..."
Result<v1::Client> client_by_key(const store::ReadTxn& txn, std::string_view public_key_blob_hex);

}  // namespace smslab::mp
