#include "mp/fault_foresight.h"

#include <algorithm>
#include <span>
#include <utility>

#include "mp/saying_rules.h"
#include "mp/store_faults.h"
#include "proto/fault/damage.h"
#include "proto/fault/oracle.h"
#include "proto/fault/plan.h"
#include "proto/fault/sayings.h"
#include "store/manifest.h"
#include "store/tables.h"

namespace smslab::mp {
namespace {
// Of bytes that are wrong in the reply of one file of one DP, as of damage at rest.
Result<v1::Foretold> foretell_corruption(const Site& site, const v1::FaultRule& rule) {
  const v1::FaultMatch& match = rule.match();
  v1::Foretold foretold;
  const bool known =
      !match.dp().empty() && !match.package().empty() && !match.file().empty() && !fault::is_glob(match.file());
  if (!known) return foretold;
  const store::ReadTxn txn = site.store.read();
  ASSIGN_OR_RETURN(const v1::Package package, store::kPackages.get(txn, {match.package()}));
  const uint32_t version = match.version() == 0 ? package.source_version() : match.version();
  ASSIGN_OR_RETURN(v1::Manifest manifest, store::load_manifest(txn, package.id(), version));
  const auto file = std::ranges::find_if(*manifest.mutable_files(), [&](const v1::FileEntry& one) {
    return fault::glob_matches(match.file(), one.path());
  });
  ASSIGN_OR_RETURN(const auto content, site.store.blobs().open(file->hash().sha256()));
  ASSIGN_OR_RETURN(const v1::FileDamage damage,
                   fault::plan_damage(rule.corrupt(), {site.random.seed(), rule.id(), match.dp(), package.id()}, *file,
                                      [&](uint64_t offset, std::span<char> into) -> Status {
                                        ASSIGN_OR_RETURN(const size_t got, content->pread(offset, into));
                                        if (got == into.size()) return ok_status();
                                        return Status(Code::kDataLoss, "the stored bytes are too few");
                                      }));
  *file->mutable_hash() = damage.hash();
  *foretold.mutable_file() = damage.hash();
  *foretold.mutable_package() = store::package_hash(manifest);
  foretold.set_first_wrong_offset(damage.extents(0).offset());
  return foretold;
}
}  // namespace

Result<std::optional<v1::Foretold>> foretell(const Site& site, const v1::FaultRule& rule) {
  v1::Foretold foretold = fault::foretell_effect(rule, content_of(site, rule));
  const auto add = [&](const v1::Foretold& more) {
    if (more.has_client()) foretold.clear_client();
    foretold.MergeFrom(more);
  };
  if (fault::saying_of(rule) != nullptr) {
    ASSIGN_OR_RETURN(const v1::Foretold said, foretell_saying(site, rule));
    add(said);
  } else if (rule.has_corrupt()) {
    ASSIGN_OR_RETURN(const v1::Foretold corrupted, foretell_corruption(site, rule));
    add(corrupted);
  } else {
    ASSIGN_OR_RETURN(const auto stored, foretell_store_fault(site, site.store.read(), rule));
    if (stored) add(*stored);
  }
  return foretold.ByteSizeLong() == 0 ? std::nullopt : std::optional(std::move(foretold));
}

v1::Foretold with_symptom(const Site& site, const v1::FaultRule& rule, v1::Foretold foretold) {
  const v1::Foretold told = fault::foretell_effect(rule, content_of(site, rule));
  if (told.has_client()) *foretold.mutable_client() = told.client();
  return foretold;
}

}  // namespace smslab::mp
