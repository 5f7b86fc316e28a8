#include "proto/dav/namespaces.h"

#include <cstring>

namespace smslab::dav {
namespace {
// The namespace that `prefix` means at `element`; null when nothing declares it.
const char* resolve(pugi::xml_node element, std::string_view prefix) {
  const std::string declaration = prefix.empty() ? "xmlns" : "xmlns:" + std::string(prefix);
  for (; element; element = element.parent()) {
    if (const auto attribute = element.attribute(declaration.c_str())) return attribute.value();
  }
  return prefix.empty() ? "" : nullptr;
}

std::pair<std::string_view, std::string_view> split_name(std::string_view name) {
  const auto colon = name.find(':');
  if (colon == std::string_view::npos) return {{}, name};
  return {name.substr(0, colon), name.substr(colon + 1)};
}
}  // namespace

Result<PropName> expanded_name(const pugi::xml_node& element) {
  const auto [prefix, local] = split_name(element.name());
  const char* space = resolve(element, prefix);
  if (space == nullptr || local.empty() || (*space == '\0' && !prefix.empty())) {
    return invalid_argument("no namespace is declared for <" + std::string(element.name()) + ">");
  }
  return PropName{space, std::string(local)};
}

bool is_dav(const pugi::xml_node& element, std::string_view local) {
  const auto [prefix, own] = split_name(element.name());
  if (own != local) return false;
  const char* space = resolve(element, prefix);
  return space != nullptr && space == kDav;
}

}  // namespace smslab::dav
