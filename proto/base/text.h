// Small text tools that more than one room needs. ASCII only where case matters; Unicode case is in names.h.
#pragma once

#include <concepts>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace smslab {

char ascii_lower(char c);
std::string ascii_lower(std::string_view text);
std::string ascii_upper(std::string_view text);
bool iequals(std::string_view a, std::string_view b);
bool istarts_with(std::string_view text, std::string_view prefix);
std::string_view trim(std::string_view text);                                // blanks, tabs, CR, LF
std::vector<std::string_view> split(std::string_view text, char separator);  // "" gives one empty part
template <std::same_as<std::string> Temporary>
std::vector<std::string_view> split(Temporary&& text, char separator) = delete;  // the parts would outlive it
std::optional<uint64_t> parse_u64(std::string_view digits);  // decimal digits only, no sign, no blanks

// "a, b, c" of anything that holds strings.
template <class Texts>
std::string joined(const Texts& texts, std::string_view separator = ", ") {
  std::string out;
  bool first = true;
  for (const auto& text : texts) {
    if (!first) out += separator;
    out += text;
    first = false;
  }
  return out;
}
// The same for people, who want no more than a dozen: "a, b, (1998 more), z".
std::string shortened(const std::vector<std::string>& texts, std::string_view separator = ", ");

}  // namespace smslab
