// ContentTree: a manifest made quick to look things up in. Immutable; share it between threads.
//
//   auto tree = ContentTree::build(manifest);
//   const Node* node = tree->find("sub/SETUP.exe");      // any letter case; "" is the root
//   for (const Node* child : tree->children(*node)) ...   // folders first, then files, in the tree hash's order
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "proto/schema/content.pb.h"

namespace smslab::store {

struct Node {
  bool folder = true;
  std::string path;                        // as spelled in the manifest, '/'-separated; "" is the root
  const v1::FileEntry* file = nullptr;     // of a file
  const v1::FolderEntry* entry = nullptr;  // of a folder; null for the root
  std::vector<uint32_t> children;          // of a folder: indices, see children()
};

class ContentTree {
 public:
  static std::shared_ptr<const ContentTree> build(v1::Manifest manifest);

  const v1::Manifest& manifest() const { return manifest_; }
  const Node* find(std::string_view path) const;  // nullptr when absent; a trailing '/' is fine for a folder
  const Node& root() const { return nodes_.front(); }
  std::vector<const Node*> children(const Node& folder) const;

 private:
  v1::Manifest manifest_;
  std::vector<Node> nodes_;                            // root first
  std::unordered_map<std::string, uint32_t> by_path_;  // folded path -> index
};

}  // namespace smslab::store
