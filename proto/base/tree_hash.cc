#include "proto/base/tree_hash.h"

#include "proto/base/hex.h"
#include "proto/base/names.h"
#include "proto/base/utf16.h"

namespace smslab {
namespace {
std::string wire_path(std::string_view path) {
  std::string text = lower_name(path);
  for (char& c : text) {
    if (c == '/') c = '\\';
  }
  return utf16le_from_utf8(text);
}
const std::string& digest_of(const ContentDigests& digests, Algorithm generation) {
  switch (generation) {
    case Algorithm::kMd5: return digests.md5;
    case Algorithm::kSha1: return digests.sha1;
    case Algorithm::kSha256: break;
  }
  return digests.sha256;
}
}  // namespace

PackageTree::Folder& PackageTree::folder_at(std::string_view path) {
  Folder* folder = &root_;
  for (size_t at = 0; at < path.size();) {
    const size_t end = std::min(path.find('/', at), path.size());
    auto& child = folder->folders[fold_name(path.substr(at, end - at))];
    child.first = std::string(path.substr(0, end));
    folder = &child.second;
    at = end + 1;
  }
  return *folder;
}

void PackageTree::add_folder(std::string_view path) { folder_at(path); }

void PackageTree::add_file(std::string_view path, ContentDigests digests) {
  const auto slash = path.rfind('/');
  Folder& folder = slash == std::string_view::npos ? root_ : folder_at(path.substr(0, slash));
  const std::string_view name = slash == std::string_view::npos ? path : path.substr(slash + 1);
  folder.files[fold_name(name)] = {std::string(path), std::move(digests)};
}

void PackageTree::feed(const Folder& folder, Algorithm generation, Hasher* hasher) {
  for (const auto& [key, child] : folder.folders) hasher->update(wire_path(child.first));
  for (const auto& [key, file] : folder.files) hasher->update(wire_path(file.first));
  for (const auto& [key, file] : folder.files) hasher->update(utf16le_from_utf8(digest_of(file.second, generation)));
  for (const auto& [key, child] : folder.folders) feed(child.second, generation, hasher);
}

std::string PackageTree::hash(Algorithm generation) const {
  Hasher hasher(generation);
  feed(root_, generation, &hasher);
  return to_hex(hasher.finish());
}

}  // namespace smslab
