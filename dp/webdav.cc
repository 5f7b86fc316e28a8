#include "dp/webdav.h"

#include <algorithm>

#include "dp/address.h"
#include "dp/content.h"
#include "proto/base/uri.h"
#include "proto/dav/propfind.h"
#include "proto/schema/timestamp.h"
#include "proto/wire/grammar.h"

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

// Items of one package below `base`, its root's URL with the final '/'.
class Listing {
 public:
  Listing(const Loaded& package, std::string base, std::string root_name)
      : package_(package),
        base_(std::move(base)),
        root_name_(std::move(root_name)),
        installed_(from_timestamp(package.content.installed())) {}

  // The node itself first, then what is below it as far as `depth` goes.
  std::vector<dav::Item> of(const store::Node& node, Depth depth) {
    if (depth != Depth::kOneNoRoot) items_.push_back(item(node));
    if (depth != Depth::kZero) add_children(node, depth == Depth::kInfinity);
    return std::move(items_);
  }

 private:
  void add_children(const store::Node& folder, bool deep) {
    for (const store::Node* child : package_.tree->children(folder)) {
      items_.push_back(item(*child));
      if (deep) add_children(*child, true);
    }
  }

  dav::Item item(const store::Node& node) const {
    const std::string url = base_ + percent_encode_path(node.path);
    if (node.path.empty()) return folder_item(url, root_name_, installed_, installed_);
    const std::string name = node.path.substr(node.path.rfind('/') + 1);
    if (node.folder) {
      return folder_item(url + '/', name, installed_, node.entry ? from_timestamp(node.entry->modified()) : installed_);
    }
    dav::Item item;
    item.href = url;
    item.name = name;
    item.hidden = node.file->hidden();
    item.size = node.file->size();
    item.created = installed_;
    item.modified = from_timestamp(node.file->modified());
    item.etag = package_.etag(*node.file);
    item.content_type = content_type_of(name);
    return item;
  }

  const Loaded& package_;
  const std::string base_, root_name_;
  const LabTime installed_;
  std::vector<dav::Item> items_;
};

Result<std::vector<dav::Item>> list_packages(const Contents& contents, const std::string& base, const std::string& name,
                                             Depth depth) {
  ASSIGN_OR_RETURN(const std::vector<v1::DpContent> installed, contents.list());
  LabTime latest{};
  for (const auto& content : installed) latest = std::max(latest, from_timestamp(content.installed()));
  std::vector<dav::Item> items;
  if (depth != Depth::kOneNoRoot) items.push_back(folder_item(base, name, latest, latest));
  if (depth == Depth::kZero) return items;
  for (const auto& content : installed) {
    const LabTime time = from_timestamp(content.installed());
    items.push_back(folder_item(base + content.package_id() + '/', content.package_id(), time, time));
  }
  return items;
}

}  // namespace

Result<wire::Reply> list_content(Contents& contents, const wire::Request& request) {
  const auto depth = wire::list_field(request.fields, "Depth");  // two of them are none that is known
  ASSIGN_OR_RETURN(const dav::PropfindRequest ask, dav::read_propfind(depth ? &*depth : nullptr, request.body));
  ASSIGN_OR_RETURN(const Address address, parse_address(request));
  if (address.manifest) return not_found("a manifest has no properties");

  // As the client spelled it: clients compare what they get with what they asked for. Both parts consist of characters
  // that need no escape; '$' stands raw in the recorded replies.
  std::string base = request.origin() + '/' + address.directory + '/';
  std::vector<dav::Item> items;
  if (address.is_directory()) {
    ASSIGN_OR_RETURN(items, list_packages(contents, base, address.directory, ask.depth));
  } else {
    ASSIGN_OR_RETURN(const LoadedPtr package, find_package(contents, address));
    ASSIGN_OR_RETURN(const store::Node* node, find_node(*package, address));
    base += address.content_id + '/';
    items = Listing(*package, std::move(base), address.content_id).of(*node, ask.depth);
  }

  wire::Reply reply;
  reply.status = 207;
  reply.set("Content-Type", "text/xml");
  reply.body = wire::Body(dav::write_multistatus(items, ask));
  return reply;
}

}  // namespace smslab::dp
