// File names as NTFS and the protocol see them: which are possible, and when two are the same.
//
// Case folding is by Unicode's simple upper-case mapping (utf8proc's table), never by the locale: what NTFS does, as
// far as is known (facts: protocol 7.2, A9, assumed).
#pragma once

#include <string>
#include <string_view>

#include "proto/base/status.h"

namespace smslab {

constexpr size_t kMaxPathUnits = 255;  // UTF-16 units of a relative path

// One key for all spellings of a name or '/'-separated path that differ only in case. Also the sort key of the tree
// hash.
std::string fold_name(std::string_view name);
// Each code point's simple lower-case form: what the tree hash is fed with.
std::string lower_name(std::string_view name);

// Whether a '/'-separated path relative to a package's root can stand in a package: valid UTF-8, no empty, "." or ".."
// part, none of \ : * ? " < > | and no control character, no part that ends in a dot or a space, at most 255 UTF-16
// units. The error names the path and the rule.
Status check_content_path(std::string_view path);

}  // namespace smslab
