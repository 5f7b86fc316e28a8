#include "store/tree.h"

#include <algorithm>
#include <utility>

#include "proto/base/names.h"

namespace smslab::store {

std::shared_ptr<const ContentTree> ContentTree::build(v1::Manifest manifest) {
  auto tree = std::make_shared<ContentTree>();
  tree->manifest_ = std::move(manifest);
  auto& nodes = tree->nodes_;
  auto& by_path = tree->by_path_;
  nodes.emplace_back();
  by_path.emplace("", 0);
  std::vector<std::string> folded_paths{""};  // by node

  // Makes missing parents too, so that every node hangs in the tree whatever the manifest lists.
  const auto node_at = [&](const std::string& path, bool folder) -> Node& {
    uint32_t at = 0;
    for (size_t end = 0; end < path.size();) {
      end = std::min(path.find('/', end + 1), path.size());
      std::string spelled = path.substr(0, end);
      std::string folded = fold_name(spelled);
      const auto [it, fresh] = by_path.try_emplace(folded, static_cast<uint32_t>(nodes.size()));
      if (fresh) {
        Node& node = nodes.emplace_back();
        node.folder = folder || end < path.size();
        node.path = std::move(spelled);
        folded_paths.push_back(std::move(folded));
        nodes[at].children.push_back(it->second);
      }
      at = it->second;
    }
    return nodes[at];
  };
  for (const auto& folder : tree->manifest_.folders()) node_at(folder.path(), true).entry = &folder;
  for (const auto& file : tree->manifest_.files()) node_at(file.path(), false).file = &file;

  for (Node& node : nodes) {
    std::sort(node.children.begin(), node.children.end(), [&](uint32_t a, uint32_t b) {
      return std::pair(!nodes[a].folder, std::string_view(folded_paths[a])) <
             std::pair(!nodes[b].folder, std::string_view(folded_paths[b]));
    });
  }
  return tree;
}

const Node* ContentTree::find(std::string_view path) const {
  const bool slash = path.ends_with('/');
  if (slash) path.remove_suffix(1);
  const auto found = by_path_.find(fold_name(path));
  if (found == by_path_.end()) return nullptr;
  const Node& node = nodes_[found->second];
  return slash && !node.folder ? nullptr : &node;
}

std::vector<const Node*> ContentTree::children(const Node& folder) const {
  std::vector<const Node*> children;
  children.reserve(folder.children.size());
  for (const uint32_t child : folder.children) children.push_back(&nodes_[child]);
  return children;
}

}  // namespace smslab::store
