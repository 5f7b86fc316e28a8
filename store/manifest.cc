#include "store/manifest.h"

#include <set>

#include "proto/base/digest.h"
#include "proto/base/names.h"
#include "proto/base/tree_hash.h"
#include "store/blobs.h"

namespace smslab::store {
namespace {

bool is_hex_of(std::string_view text, size_t bytes) {
  return text.size() == 2 * bytes && text.find_first_not_of("0123456789ABCDEF") == std::string_view::npos;
}

Status wrong(const v1::Manifest& manifest, const std::string& what) {
  return {Code::kDataLoss,
          "the manifest of " + manifest.package_id() + " version " + std::to_string(manifest.version()) + " " + what};
}

}  // namespace

Key manifest_key(const std::string& package_id, uint32_t version) { return {package_id, number_key(version)}; }

Result<v1::Manifest> load_manifest(const ReadTxn& txn, const std::string& package_id, uint32_t version) {
  return kManifests.get(txn, manifest_key(package_id, version));
}

Status drop_manifest(WriteTxn& txn, Blobs& blobs, const Key& key) {
  const auto manifest = kManifests.get(txn, key);
  if (manifest.status().code() == Code::kNotFound) return ok_status();
  if (manifest.status().code() != Code::kDataLoss) {
    RETURN_IF_ERROR(manifest.status());
    RETURN_IF_ERROR(blobs.drop(txn, *manifest));
  }
  return kManifests.erase(txn, key);
}

std::string manifest_digest(const v1::Manifest& manifest) {
  return digest_hex(Algorithm::kSha256, manifest.SerializeAsString());
}

v1::Hash package_hash(const v1::Manifest& manifest) {
  PackageTree tree;
  for (const auto& folder : manifest.folders()) tree.add_folder(folder.path());
  for (const auto& file : manifest.files()) {
    tree.add_file(file.path(), {file.hash().md5(), file.hash().sha1(), file.hash().sha256()});
  }
  v1::Hash hash;
  hash.set_md5(tree.hash(Algorithm::kMd5));
  hash.set_sha1(tree.hash(Algorithm::kSha1));
  hash.set_sha256(tree.hash(Algorithm::kSha256));
  return hash;
}

Status check_manifest(const v1::Manifest& manifest) {
  std::set<std::string> folders, files;
  const auto add = [&](std::set<std::string>* to, const std::string& path) -> Status {
    if (Status s = check_content_path(path); !s.ok()) return wrong(manifest, "is damaged: " + s.message());
    const std::string folded = fold_name(path);
    if (!to->insert(folded).second) return wrong(manifest, "names '" + path + "' twice");
    const auto slash = folded.rfind('/');
    if (slash != std::string::npos && !folders.contains(folded.substr(0, slash))) {
      return wrong(manifest, "lacks the folder of '" + path + "'");
    }
    return ok_status();
  };
  // Folders in ascending order: each parent comes before its children.
  for (const auto& folder : manifest.folders()) RETURN_IF_ERROR(add(&folders, folder.path()));
  uint64_t size = 0;
  for (const auto& file : manifest.files()) {
    RETURN_IF_ERROR(add(&files, file.path()));
    if (folders.contains(fold_name(file.path()))) return wrong(manifest, "names '" + file.path() + "' twice");
    if (!is_hex_of(file.hash().md5(), 16) || !is_hex_of(file.hash().sha1(), 20) || !is_sha256(file.hash().sha256())) {
      return wrong(manifest, "has no whole digests for '" + file.path() + "'");
    }
    size += file.size();
  }
  if (size != manifest.size()) {
    return wrong(manifest, "says " + std::to_string(manifest.size()) + " bytes, its files " + std::to_string(size));
  }
  const v1::Hash hash = package_hash(manifest);
  if (hash.md5() != manifest.hash().md5() || hash.sha1() != manifest.hash().sha1() ||
      hash.sha256() != manifest.hash().sha256()) {
    return wrong(manifest, "does not match its own hash: names or digests are altered");
  }
  return ok_status();
}

}  // namespace smslab::store
