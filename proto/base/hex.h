// Hexadecimal, the wire's way: upper case out, either case in.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace smslab {

std::string to_hex(std::string_view bytes);
std::optional<std::string> from_hex(std::string_view hex);  // nullopt: odd length or not a hex digit

}  // namespace smslab
