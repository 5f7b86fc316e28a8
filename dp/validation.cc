#include "dp/validation.h"

#include <algorithm>
#include <utility>

#include "proto/base/ids.h"
#include "proto/fault/damage.h"
#include "store/manifest.h"

namespace smslab::dp {
namespace {

// The manifest of the bytes as they are served; what cannot be read is left out.
v1::Manifest as_served(const Contents& contents, const Loaded& package) {
  v1::Manifest served = package.manifest();
  served.clear_files();
  for (const v1::FileEntry& file : package.manifest().files()) {
    auto body = contents.body(package, file);
    if (!body.ok()) continue;
    auto hash = fault::hash_file(file.size(), reader(*std::move(body)));
    if (!hash.ok()) continue;
    v1::FileEntry& entry = *served.add_files();
    entry = file;
    *entry.mutable_hash() = *std::move(hash);
  }
  *served.mutable_hash() = store::package_hash(served);
  return served;
}

}  // namespace

Result<v1::ValidationReply> validate(Contents& contents, const v1::ValidationRequest& request) {
  ASSIGN_OR_RETURN(const std::string package_id, parse_package_id(request.manifest().package_id(), "manifest"));
  if (const Status checked = store::check_manifest(request.manifest()); !checked.ok()) {
    return invalid_argument(checked.message(), "manifest");
  }
  ASSIGN_OR_RETURN(const LoadedPtr package, contents.find(package_id));
  const v1::Manifest served = as_served(contents, *package);
  const auto wanted = store::ContentTree::build(request.manifest());
  const auto here = store::ContentTree::build(served);
  v1::ValidationReply reply;
  for (const v1::FileEntry& file : request.manifest().files()) {
    const store::Node* node = here->find(file.path());
    if (node == nullptr || node->folder) {
      reply.add_missing(file.path());
    } else if (node->file->hash().sha256() != file.hash().sha256()) {
      reply.add_wrong(file.path());
    }
  }
  for (const v1::FileEntry& file : served.files()) {
    const store::Node* node = wanted->find(file.path());
    if (node == nullptr || node->folder) reply.add_wrong(file.path());
  }
  *reply.mutable_hash() = served.hash();
  return reply;
}

}  // namespace smslab::dp
