// What an administrator sets for the whole site: retries, the client agent's settings, approval, boundaries.
//
//   ASSIGN_OR_RETURN(const v1::SiteSettings settings, site_settings(txn));     // every field present
//   ASSIGN_OR_RETURN(v1::SiteSettings now, set_site(site, change));
//
// A change that reaches clients is a change of policy.
#pragma once

#include "mp/site.h"
#include "proto/schema/site.pb.h"
#include "store/index.h"

namespace smslab::mp {

// With its default where nothing was set. The defaults of retries are those of semantics 4.3, assumed for SMS 2003
// (11.3).
Result<v1::SiteSettings> site_settings(const store::ReadTxn& txn);
v1::SiteSettings with_defaults(const v1::SiteRecord& record);
LabDuration retry_interval(const v1::SiteSettings& settings);

// What `change` has replaces what is there; boundaries have their own calls (boundaries.h).
Result<v1::SiteSettings> set_site(Site& site, const v1::SiteSettings& change);
// set_site as a part of a larger change.
Result<v1::SiteSettings> record_settings(store::WriteTxn& txn, const Site& site, const v1::SiteSettings& change);

}  // namespace smslab::mp
