// Whether a JSON object says something of a key, be it an empty list: what a message does not tell.
#pragma once

#include <string_view>

namespace smslab::codec {

// `key` in lowerCamelCase, of the outermost object. False for what is no JSON object.
bool json_names_key(std::string_view text, std::string_view key);

}  // namespace smslab::codec
