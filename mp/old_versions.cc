#include "mp/old_versions.h"

#include <utility>

#include "store/manifest.h"

namespace smslab::mp {

Result<std::shared_ptr<const fault::PackageVersion>> old_version(store::Store& store, const std::string& package,
                                                                 uint32_t version) {
  auto found = std::make_shared<fault::PackageVersion>();
  ASSIGN_OR_RETURN(found->manifest, store::load_manifest(store.read(), package, version));
  found->open = [&store](const std::string& sha256) { return store.blobs().open(sha256); };
  return std::shared_ptr<const fault::PackageVersion>(std::move(found));
}

}  // namespace smslab::mp
