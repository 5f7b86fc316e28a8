// Wipe: a site of everything that was ever made in it, as a part of the change that makes another in its place.
//
//   ASSIGN_OR_RETURN(const auto gone, wipe_site(txn, site, dps));
//   ...                                                    // what is made instead may use the same contents
//   RETURN_IF_ERROR(drop_contents(txn, site, gone));
//
// The site keeps its code, and the distribution points that announced themselves, without what was set for them. Its
// policy cookie goes on rising; its clock is where it was started; all other numbers begin anew. On the committer's
// thread.
#pragma once

#include <vector>

#include "mp/dps.h"
#include "mp/site.h"
#include "proto/schema/content.pb.h"
#include "store/index.h"

namespace smslab::mp {

// Gives the manifests of all that there was; their contents are still there.
Result<std::vector<v1::Manifest>> wipe_site(store::WriteTxn& txn, Site& site, DpDirectory& dps);
Status drop_contents(store::WriteTxn& txn, Site& site, const std::vector<v1::Manifest>& gone);

}  // namespace smslab::mp
