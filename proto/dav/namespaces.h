// Names of a pugixml tree with their namespaces resolved, which pugixml leaves to its user. For the two readers here.
#pragma once

#include <pugixml.hpp>

#include "proto/base/status.h"
#include "proto/dav/propfind.h"

namespace smslab::dav {

inline constexpr std::string_view kDav = "DAV:";

// The name of an element. kInvalidArgument for a prefix that no element around it declares.
Result<PropName> expanded_name(const pugi::xml_node& element);
// True for an element of the DAV: namespace with this local name, whatever its prefix.
bool is_dav(const pugi::xml_node& element, std::string_view local);

}  // namespace smslab::dav
