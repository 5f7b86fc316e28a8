// Identifiers of the site (facts: semantics 2.1) and their shapes.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "proto/base/status.h"

namespace smslab {

// Three letters or digits, upper-cased: "LON".
Result<std::string> parse_site_code(std::string_view text, std::string_view field);
// Site code and five hex digits, upper-cased: "LON00001". The site code may be another site's.
Result<std::string> parse_package_id(std::string_view text, std::string_view field);
Result<std::string> parse_advert_id(std::string_view text, std::string_view field);  // the same shape, "LON20000"
// "GUID:F5EC9167-62AB-43BB-870E-4F40A720AB52", upper-cased; braces or a missing "GUID:" are forgiven.
Result<std::string> parse_smsid(std::string_view text, std::string_view field);
// A NetBIOS name, upper-cased: 1 to 63 letters, digits, '-', '_' or '.'.
Result<std::string> parse_host_name(std::string_view text, std::string_view field);

// The suffix of an advertisement's policy ID: CRC-32 of the program name in UTF-16LE, initial value 0, no final
// inversion, eight upper-case hex digits (facts: protocol 5.1). "Per-system unattended" gives 4A48FD56.
std::string policy_suffix(std::string_view program);
// "LON20000-LON00001-4A48FD56"
std::string policy_id(std::string_view advert, std::string_view package, std::string_view program);

// The NAL path of a DP: ["Display=\\LON-DCSMS-01\"]MSWNET:["SMS_SITE=LON"]\\LON-DCSMS-01\  (facts: semantics 2.1)
std::string nal_path(std::string_view server, std::string_view site);

}  // namespace smslab
