#include "dp/listing.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "dp/content.h"
#include "proto/base/uri.h"
#include "proto/schema/timestamp.h"

namespace smslab::dp {
namespace {

using dav::Depth;

dav::Item folder_item(std::string href, std::string name, LabTime created, LabTime modified) {
  dav::Item item;
  item.href = std::move(href);
  item.name = std::move(name);
  item.folder = true;
  item.created = created;
  item.modified = modified;
  return item;
}

// The nodes of a listing in their order.
class Walk {
 public:
  Walk(const store::ContentTree& tree, const store::Node& node, Depth depth) : tree_(tree), depth_(depth) {
    if (depth == Depth::kOneNoRoot) {
      levels_.push_back({tree.children(node)});
    } else {
      levels_.push_back({{&node}});
    }
  }

  const store::Node* next() {
    while (!levels_.empty() && levels_.back().at == levels_.back().nodes.size()) levels_.pop_back();
    if (levels_.empty()) return nullptr;
    const store::Node* node = levels_.back().nodes[levels_.back().at++];
    const bool deeper = depth_ == Depth::kInfinity || (depth_ == Depth::kOne && levels_.size() == 1);
    if (deeper && node->folder) levels_.push_back({tree_.children(*node)});
    return node;
  }

 private:
  struct Level {
    std::vector<const store::Node*> nodes;
    size_t at = 0;
  };
  const store::ContentTree& tree_;
  const Depth depth_;
  std::vector<Level> levels_;  // from the top down to where the walk is
};

class PackageListing {
 public:
  PackageListing(LoadedPtr package, const store::Node& node, Depth depth, std::string url, std::string name)
      : package_(std::move(package)),
        walk_(*package_->tree, node, depth),
        asked_(node),
        url_(std::move(url)),
        below_(node.path.empty() ? 0 : node.path.size() + 1),
        root_name_(std::move(name)),
        installed_(from_timestamp(package_->content.installed())) {}

  std::optional<dav::Item> operator()() {
    const store::Node* node = walk_.next();
    return node ? std::optional(item(*node)) : std::nullopt;
  }

 private:
  dav::Item item(const store::Node& node) const {
    std::string url = &node == &asked_ ? url_ : url_ + '/' + percent_encode_path(node.path.substr(below_));
    if (node.path.empty()) return folder_item(url + '/', root_name_, installed_, installed_);
    const std::string name = node.path.substr(node.path.rfind('/') + 1);
    if (node.folder) {
      return folder_item(url + '/', name, installed_, node.entry ? from_timestamp(node.entry->modified()) : installed_);
    }
    dav::Item item;
    item.href = std::move(url);
    item.name = name;
    item.hidden = node.file->hidden();
    item.size = node.file->size();
    item.created = installed_;
    item.modified = from_timestamp(node.file->modified());
    item.etag = package_->etag(*node.file);
    item.content_type = content_type_of(name);
    return item;
  }

  const LoadedPtr package_;  // keeps the nodes
  Walk walk_;
  const store::Node& asked_;
  const std::string url_;  // of asked_
  const size_t below_;     // where in a path begins what is below asked_
  const std::string root_name_;
  const LabTime installed_;
};

}  // namespace

Listing list_package(LoadedPtr package, const store::Node& node, Depth depth, std::string url, std::string name) {
  return PackageListing(std::move(package), node, depth, std::move(url), std::move(name));
}

Result<Listing> list_packages(const Contents& contents, Depth depth, const std::string& url, std::string name) {
  ASSIGN_OR_RETURN(const std::vector<v1::DpContent> installed, contents.list());
  LabTime latest{};
  for (const auto& content : installed) latest = std::max(latest, from_timestamp(content.installed()));
  std::vector<dav::Item> items;
  if (depth != Depth::kOneNoRoot) items.push_back(folder_item(url + '/', std::move(name), latest, latest));
  if (depth != Depth::kZero) {
    for (const auto& content : installed) {
      const LabTime time = from_timestamp(content.installed());
      items.push_back(folder_item(url + '/' + content.package_id() + '/', content.package_id(), time, time));
    }
  }
  return Listing([items = std::move(items), at = size_t{0}]() mutable {
    return at == items.size() ? std::nullopt : std::optional(std::move(items[at++]));
  });
}

}  // namespace smslab::dp
