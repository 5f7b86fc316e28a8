// Identity: whose a DP's folder is. What one site has sent is not served for another, nor under another name.
#pragma once

#include <string>

#include "proto/schema/control.pb.h"
#include "store/store.h"

namespace smslab::dp {

// Empty before the first claim.
Result<v1::DpIdentity> identity_of(const store::ReadTxn& txn);

// kFailedPrecondition when the folder is another DP's or another site's. An empty `site` claims nothing of the kind.
Status claim_folder(store::Store& store, const std::string& name, const std::string& site);

}  // namespace smslab::dp
