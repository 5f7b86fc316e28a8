#include "dp/address.h"

#include <algorithm>
#include <utility>

#include "proto/base/hex.h"
#include "proto/base/ids.h"
#include "proto/base/text.h"
#include "proto/base/uri.h"
#include "proto/base/utf16.h"
#include "proto/wire/reply_head.h"

namespace smslab::dp {
namespace {

constexpr std::string_view kDirectory = "SMS_DP_SMSPKG";
constexpr std::string_view kManifest = ".manifest";

// Text up to the first '/', which goes too.
std::string_view take_part(std::string_view& rest) {
  const size_t end = std::min(rest.find('/'), rest.size());
  const std::string_view part = rest.substr(0, end);
  rest.remove_prefix(std::min(end + 1, rest.size()));
  return part;
}

bool is_virtual_directory(std::string_view name) {
  if (!istarts_with(name, kDirectory)) return false;
  name.remove_prefix(kDirectory.size());
  if (name.size() == 2 && ascii_lower(name[0]) >= 'a' && ascii_lower(name[0]) <= 'z') name.remove_prefix(1);
  return name == "$";
}

std::string without_slash(std::string_view target) {
  if (target.ends_with('/')) target.remove_suffix(1);
  return std::string(target);
}

// What the server refuses in a path it must refuse here too: this one it has not looked at.
Result<std::string> decode_query_path(std::string_view query) {
  const Status bad = invalid_argument("the query is not a relative path");
  const std::string raw = ascii_lower(query);
  if (raw.find("%2f") != std::string::npos || raw.find("%5c") != std::string::npos) return bad;
  auto path = percent_decode(query);
  if (!path || !valid_utf8(*path) || path->find('\0') != std::string::npos || path->find('\\') != std::string::npos) {
    return bad;
  }
  for (const std::string_view part : split(*path, '/')) {
    if (part == "." || part == "..") return bad;
  }
  return *std::move(path);
}

}  // namespace

Result<Address> parse_address(const wire::Request& request) {
  const Status unknown = not_found("nothing is here");
  std::string_view rest = request.path;
  if (!rest.empty()) rest.remove_prefix(1);
  Address address;
  address.spelled = without_slash(std::string_view(request.target).substr(0, request.target.find('?')));
  address.directory = take_part(rest);
  if (!is_virtual_directory(address.directory)) return unknown;
  const bool more = !rest.empty();
  address.content_id = take_part(rest);
  if (address.content_id.empty()) return more ? Result<Address>(unknown) : address;

  std::string_view id = address.content_id;
  if (id.size() > kManifest.size() && iequals(id.substr(id.size() - kManifest.size()), kManifest)) {
    address.manifest = true;
    id.remove_suffix(kManifest.size());
  }
  if (const size_t dot = id.find('.'); dot != std::string_view::npos) {
    const auto version = parse_u64(id.substr(dot + 1));
    if (!version || *version == 0 || *version > UINT32_MAX) return unknown;
    address.version = static_cast<uint32_t>(*version);
    id = id.substr(0, dot);
  }
  auto package_id = parse_package_id(id, "");
  if (!package_id.ok()) return unknown;
  address.package_id = *std::move(package_id);
  if (address.manifest && (!address.version || !rest.empty())) return unknown;

  address.path = rest;
  // The root folder of a package may hold a file named "sccm": only a query that is a path makes the form.
  if (iequals(address.path, "sccm") && request.query.starts_with('/')) {
    ASSIGN_OR_RETURN(address.path, decode_query_path(std::string_view(request.query).substr(1)));
    address.spelled = without_slash(request.target);
  }
  return address;
}

Result<LoadedPtr> find_package(Contents& contents, const Address& address) {
  ASSIGN_OR_RETURN(LoadedPtr package, contents.find(address.package_id));
  if (address.version && *address.version != package->content.version()) {
    return not_found("version " + std::to_string(package->content.version()) + " of " + address.package_id +
                     " is installed, not " + std::to_string(*address.version));
  }
  return package;
}

Result<const store::Node*> find_node(const Loaded& package, const Address& address) {
  const store::Node* node = address.path.starts_with('/') ? nullptr : package.tree->find(address.path);
  if (!node) return not_found("'" + address.path + "' is not in " + address.package_id);
  return node;
}

wire::Reply absent(std::string_view route, const Loaded& package, const Address& address, const Status& why) {
  wire::Reply reply = wire::error_reply(http_status(why.code()), why.message());
  reply.topic = topic_of(route, package, address.path);
  return reply;
}

std::shared_ptr<const wire::Topic> topic_of(std::string_view route, const Loaded& package, const std::string& path,
                                            std::string_view sha256) {
  auto topic = std::make_shared<wire::Topic>();
  topic->route = route;
  topic->package = package.content.package_id();
  topic->version = package.content.version();
  topic->file = path;
  topic->sha256 = from_hex(sha256).value_or("");
  topic->names_addresses = route == "propfind";  // in every href
  return topic;
}

}  // namespace smslab::dp
