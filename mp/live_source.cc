#include "mp/live_source.h"

#include <fmt/format.h>

#include <utility>

#include "mp/distmgr_log.h"
#include "mp/status.h"
#include "store/manifest.h"

namespace smslab::mp {

Result<store::Snapshot> read_source(const Site& site, const v1::Package& package, uint32_t version,
                                    const store::Staging::Progress& progress) {
  const auto before = store::load_manifest(site.store.read(), package.id(), package.source_version());
  return store::import_folder(site.store.env(), site.store.blobs(),
                              {.package_id = package.id(),
                               .version = version,
                               .source = package.source(),
                               .threads = store::usual_import_threads(),
                               .before = before.ok() ? &*before : nullptr},
                              progress);
}

Result<std::shared_ptr<const store::Snapshot>> read_live_source(const Site& site, const v1::Package& package,
                                                                const store::Staging::Progress& progress) {
  ASSIGN_OR_RETURN(store::Snapshot snapshot, read_source(site, package, package.source_version(), progress));
  return std::make_shared<const store::Snapshot>(std::move(snapshot));
}

SourceTrouble source_trouble(const Site& site, const v1::Package& package, const Status& why) {
  if (why.ok() || why.field() != "source") return SourceTrouble::kNone;
  const auto root = site.store.env().info(package.source());
  const bool folder = root.ok() && root->type == FileType::kFolder;
  if (!folder && (root.ok() || root.status().code() == Code::kNotFound)) return SourceTrouble::kMissing;
  if (why.code() == Code::kAborted) return SourceTrouble::kLocked;
  return why.code() == Code::kInvalidArgument ? SourceTrouble::kNone : SourceTrouble::kRefused;
}

Status tell_source_trouble(store::WriteTxn& txn, const Site& site, const v1::Package& package, const Status& why) {
  const SourceTrouble trouble = source_trouble(site, package, why);
  if (trouble == SourceTrouble::kNone) return ok_status();
  // The wording is assumed, after "Cannot update the package ... in the package source, error = 8" (8.4).
  log_distmgr(txn, site,
              fmt::format("~Cannot read the source of package {}, error = {}: {}", package.id(),
                          static_cast<uint32_t>(trouble), why.message()));
  if (trouble == SourceTrouble::kLocked) return ok_status();
  return emit(txn, site,
              {.id = trouble == SourceTrouble::kMissing ? 2306U : 2307U,
               .strings = {package.source(), package.id(), why.message()},
               .package = package.id()});
}

}  // namespace smslab::mp
