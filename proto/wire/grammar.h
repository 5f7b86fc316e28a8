// The small words of HTTP that several parts check (RFC 9110 5.5, 5.6). Pure functions.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "proto/wire/handler.h"

namespace smslab::wire {

bool is_token_char(char c);
bool is_token(std::string_view text);        // not empty
bool is_field_value(std::string_view text);  // no control character but the tab
bool is_authority(std::string_view text);    // only what host:port may hold; may be empty
std::string_view trim_blanks(std::string_view text);

// All lines of a list field as one value; nullopt when absent.
std::optional<std::string> list_field(const Fields& fields, std::string_view name);
// Whether a comma-separated list holds `token`, any letter case.
bool list_has(std::string_view list, std::string_view token);

}  // namespace smslab::wire
