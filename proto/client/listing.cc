#include "proto/client/listing.h"

#include <algorithm>
#include <unordered_set>

#include "proto/base/digest.h"
#include "proto/base/names.h"
#include "proto/base/text.h"
#include "proto/base/uri.h"

namespace smslab::client {
namespace {
// The decoded path below the root, "" for the root itself.
Result<std::string> relative_path(const std::string& href, std::string_view decoded_root) {
  std::string target = href;
  if (!href.starts_with('/')) {
    ASSIGN_OR_RETURN(const Url url, parse_url(href, "href"));
    target = url.target;
  }
  auto path = percent_decode(target);
  if (!path) return invalid_argument("an href of the listing has a broken escape");
  while (path->ends_with('/')) path->pop_back();
  if (iequals(*path, decoded_root)) return std::string();
  if (!istarts_with(*path, decoded_root) || (*path)[decoded_root.size()] != '/') {
    return invalid_argument("the listing names something outside the content");
  }
  path->erase(0, decoded_root.size() + 1);
  RETURN_IF_ERROR(check_content_path(*path));
  return *path;
}
}  // namespace

std::string Listing::names_digest() const {
  std::vector<std::string> names;
  names.reserve(folders.size() + files.size());
  for (const auto& folder : folders) names.push_back(folder + "/");
  for (const auto& file : files) names.push_back(file.path);
  std::sort(names.begin(), names.end());
  Hasher hasher(Algorithm::kSha1);
  for (const auto& name : names) hasher.update(name + "\n");
  return hasher.finish();
}

Result<Listing> make_listing(const std::vector<dav::ListedItem>& items, std::string_view root) {
  const auto decoded_root = percent_decode(root);
  if (!decoded_root || decoded_root->empty()) return invalid_argument("the content root is not a path");
  Listing listing;
  std::unordered_set<std::string> files, folders;  // folded paths
  for (const auto& item : items) {
    ASSIGN_OR_RETURN(const std::string path, relative_path(item.href, *decoded_root));
    if (path.empty()) continue;
    if (!(item.folder ? folders : files).insert(fold_name(path)).second) {
      return invalid_argument("the listing names '" + path + "' twice");
    }
    if (item.folder) {
      listing.folders.push_back(path);
      continue;
    }
    if (item.size > UINT64_MAX - listing.bytes) return invalid_argument("the sizes of the listing are absurd");
    listing.bytes += item.size;
    listing.files.push_back({path, std::string(root) + "/" + percent_encode_path(path), item.size});
  }
  const auto is_file = [&](std::string_view path) { return files.count(fold_name(path)) != 0; };
  for (const auto& folder : listing.folders) {
    if (is_file(folder)) return invalid_argument("the listing has '" + folder + "' as a file and as a folder");
  }
  for (const auto& file : listing.files) {
    for (size_t slash = file.path.find('/'); slash != std::string::npos; slash = file.path.find('/', slash + 1)) {
      if (is_file(std::string_view(file.path).substr(0, slash))) {
        return invalid_argument("the listing has a file below the file '" + file.path.substr(0, slash) + "'");
      }
    }
  }
  return listing;
}

}  // namespace smslab::client
