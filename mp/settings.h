// What an administrator sets for the whole site: retries, the client agent's settings, approval, boundaries.
//
//   ASSIGN_OR_RETURN(const v1::SiteSettings settings, site_settings(txn));     // every field present
#pragma once

#include "mp/site.h"
#include "proto/schema/site.pb.h"
#include "store/index.h"

namespace smslab::mp {

// With its default where nothing was set. The defaults of retries are those of semantics 4.3, assumed for SMS 2003
// (11.3).
Result<v1::SiteSettings> site_settings(const store::ReadTxn& txn);
LabDuration retry_interval(const v1::SiteSettings& settings);

}  // namespace smslab::mp
