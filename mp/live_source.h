// The live source of a `direct` package, as assigning and refreshing send it: read like an update reads it, but no
// version of the package (facts: semantics 3.2 rows 3 and 7, 3.4 kind B).
//
//   ASSIGN_OR_RETURN(auto live, read_live_source(site, package, progress));
//   live->manifest: what a DP then holds as the package's current version; live->staging->open(sha256): its contents
//
// The contents lie in the site's store beside the versions, and go with the last holder of the result.
#pragma once

#include <memory>

#include "mp/site.h"
#include "proto/schema/site.pb.h"
#include "store/import.h"

namespace smslab::mp {

// The package's source as it is now, as this version of it. What the current version has already is not written again.
Result<store::Snapshot> read_source(const Site& site, const v1::Package& package, uint32_t version,
                                    const store::Staging::Progress& progress);

Result<std::shared_ptr<const store::Snapshot>> read_live_source(const Site& site, const v1::Package& package,
                                                                const store::Staging::Progress& progress);

// What became of a source that could not be taken (semantics 4.4). The codes are Windows'.
enum class SourceTrouble : uint32_t {
  kNone = 0,     // not the source's fault, or one that no real source has (a name that NTFS cannot have)
  kMissing = 3,  // message 2306
  kRefused = 5,  // message 2307
  kLocked = 32,  // distmgr.log alone
};
SourceTrouble source_trouble(const Site& site, const v1::Package& package, const Status& why);

// 2306 or 2307, or the line of distmgr.log; nothing without trouble.
Status tell_source_trouble(store::WriteTxn& txn, const Site& site, const v1::Package& package, const Status& why);

}  // namespace smslab::mp
