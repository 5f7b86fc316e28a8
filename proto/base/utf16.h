// UTF-8 <-> UTF-16LE, strict: unpaired surrogates, overlong forms and cut sequences are errors, never replaced.
// Inside the program text is UTF-8; UTF-16LE exists only as bytes on the wire (RFC 2781, RFC 3629).
#pragma once

#include <string>
#include <string_view>

#include "proto/base/status.h"

namespace smslab {

bool valid_utf8(std::string_view text);
Result<std::string> utf8_from_utf16le(std::string_view bytes);  // a leading FF FE is dropped
// `text` must be valid UTF-8 (valid_utf8); what came from outside is checked where it came in.
std::string utf16le_from_utf8(std::string_view text);
size_t utf16_units(std::string_view utf8);  // length as Windows counts it

}  // namespace smslab
