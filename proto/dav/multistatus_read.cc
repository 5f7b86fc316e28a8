#include "proto/base/text.h"
#include "proto/codec/xml_document.h"
#include "proto/dav/namespaces.h"

namespace smslab::dav {
namespace {
// 100,000 items in the long form of a real server, and room to spare.
constexpr codec::XmlLimits kLimits{.bytes = size_t{256} << 20, .depth = 32, .pieces = 20'000'000};

pugi::xml_node dav_child(const pugi::xml_node& parent, std::string_view local) {
  for (const auto& child : parent.children()) {
    if (is_dav(child, local)) return child;
  }
  return {};
}

std::string dav_text(const pugi::xml_node& parent, std::string_view local) {
  return std::string(trim(dav_child(parent, local).text().get()));
}

// The status line's code; a propstat without a status counts as 200.
bool is_200(const std::string& status) {
  const auto parts = split(status, ' ');
  return status.empty() || (parts.size() > 1 && parts[1] == "200");
}

Result<ListedItem> read_response(const pugi::xml_node& response) {
  ListedItem item;
  item.href = dav_text(response, "href");
  if (item.href.empty()) return invalid_argument("a response of the multistatus has no href");
  for (const auto& propstat : response.children()) {
    if (!is_dav(propstat, "propstat") || !is_200(dav_text(propstat, "status"))) continue;
    const auto prop = dav_child(propstat, "prop");
    const std::string collection = dav_text(prop, "iscollection");
    item.folder = item.folder || collection == "1" || dav_child(dav_child(prop, "resourcetype"), "collection");
    const std::string length = dav_text(prop, "getcontentlength");
    if (length.empty()) continue;
    const auto size = parse_u64(length);
    if (!size) return invalid_argument("getcontentlength '" + length + "' of " + item.href + " is no length");
    item.size = *size;
  }
  return item;
}
}  // namespace

Result<std::vector<ListedItem>> read_multistatus(std::string_view xml) {
  pugi::xml_document document;
  RETURN_IF_ERROR(codec::load_xml(xml, kLimits, &document));
  const auto root = document.document_element();
  if (!is_dav(root, "multistatus")) return invalid_argument("the answer is not a multistatus document");
  std::vector<ListedItem> items;
  for (const auto& response : root.children()) {
    if (!is_dav(response, "response")) continue;
    ASSIGN_OR_RETURN(ListedItem item, read_response(response));
    items.push_back(std::move(item));
  }
  return items;
}

}  // namespace smslab::dav
