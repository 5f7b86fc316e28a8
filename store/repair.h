// Repair: puts right what fsck finds wrong with a store that no server has open.
//
//   ASSIGN_OR_RETURN(v1::FsckReply report, repair(env, "/data/dp/LON-DCSMS-01", {"/data/site"}));
//
// `others`: stores that may have the same contents and manifests whole; of a DP the site's, of the site its DPs'. They
// are read only, and passed over when somebody has them open.
//   content altered or missing     copied from another store; else marked lost (Blobs::lost): a refresh brings it to a
//                                  DP again, an update of the package to the site
//   its record or count wrong      made anew from its bytes and from the manifests that name it
//   manifest damaged or missing    copied from another store, where a record of this one says that it is the same
//   row that points at nothing     removed, with files that no record names and what a crash left
// Nothing else is touched: what cannot be put right stays as it was, and `problems` says why. While a manifest is
// damaged, nothing that it might name is removed. Each repair is one change: a crash leaves it done or not.
#pragma once

#include <string>
#include <vector>

#include "proto/schema/control.pb.h"
#include "store/store.h"

namespace smslab::store {

// `problems`: those that are left.
Result<v1::FsckReply> repair(Env& env, const std::string& folder, const std::vector<std::string>& others,
                             const std::string& lab = "default");

}  // namespace smslab::store
