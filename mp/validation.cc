#include "mp/validation.h"

#include <vector>

#include "mp/dp_link.h"
#include "mp/package_dps.h"
#include "mp/packages.h"
#include "mp/status.h"
#include "proto/base/ids.h"
#include "store/manifest.h"

namespace smslab::mp {
namespace {
constexpr std::chrono::minutes kReadPatience{60};  // for a DP that reads many gigabytes

uint32_t message_of(const v1::DpValidation& found) {
  if (!found.error().empty()) return 2383;
  if (!found.missing().empty()) return 2385;
  return found.wrong().empty() ? 2384 : 2382;
}

v1::DpValidation ask(const DpDirectory& dps, const std::string& name, const v1::Manifest& manifest) {
  v1::DpValidation found;
  found.set_dp(name);
  const auto dp = dps.find(name);
  if (dp == nullptr) {
    found.set_error("the lab runs without this distribution point");
  } else if (auto reply = DpLink(*dp, kReadPatience).validate(manifest); !reply.ok()) {
    found.set_error(reply.status().message());
  } else {
    found.mutable_missing()->Swap(reply->mutable_missing());
    found.mutable_wrong()->Swap(reply->mutable_wrong());
    *found.mutable_hash() = reply->hash();
  }
  found.set_message(message_of(found));
  return found;
}

Status tell(Site& site, uint32_t message, const v1::Package& package, const std::string& dp) {
  const std::string nal = nal_path(dp, site.options.site);
  return site.store.commit([&](store::WriteTxn& txn) {
    return emit(txn, site, {.id = message, .strings = {package.id(), nal}, .package = package.id(), .nal = nal});
  });
}
}  // namespace

Result<v1::ValidationList> validate_package(Site& site, const DpDirectory& dps, const std::string& id,
                                            const v1::DpSelection& selection) {
  v1::Package package;
  v1::Manifest manifest;
  {
    const store::ReadTxn txn = site.store.read();
    ASSIGN_OR_RETURN(package, get_usable_package(txn, id, "id"));
    ASSIGN_OR_RETURN(manifest, store::load_manifest(txn, package.id(), package.source_version()));
  }
  ASSIGN_OR_RETURN(const std::vector<std::string> names, assigned_dps(dps, &package, selection));
  v1::ValidationList list;
  for (const auto& name : names) {
    RETURN_IF_ERROR(tell(site, 2380, package, name));
    v1::DpValidation& found = *list.add_validations();
    found = ask(dps, name, manifest);
    RETURN_IF_ERROR(tell(site, found.message(), package, name));
  }
  return list;
}

}  // namespace smslab::mp
