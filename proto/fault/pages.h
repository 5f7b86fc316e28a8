// The error pages of the web server that a management point stands on.
//
//   std::optional<std::string> html = page_of("403.7");
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace smslab::fault {

// By status, with its sub-status where it has one; nullopt: none is known.
std::optional<std::string> page_of(std::string_view status);
std::string known_pages();  // "400, 401, ..."

}  // namespace smslab::fault
