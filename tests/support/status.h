// How a failed expectation prints a Status or a Code.
#pragma once

#include <ostream>

#include "proto/base/status.h"

namespace smslab {

inline void PrintTo(Code code, std::ostream* out) { *out << code_name(code); }
inline void PrintTo(const Status& status, std::ostream* out) { *out << status.to_string(); }

}  // namespace smslab
