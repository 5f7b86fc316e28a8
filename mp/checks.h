// Checks of what users hand in. Each names the field at fault, in the API's spelling.
#pragma once

#include <string>
#include <string_view>

#include "proto/base/env.h"
#include "proto/base/status.h"

namespace smslab::mp {

// A name of something: one line of 1 to 127 bytes that neither begins nor ends with a blank.
Status check_name(std::string_view name, std::string_view field);
// Free text, maybe empty: one line of at most 2,000 bytes.
Status check_text(std::string_view text, std::string_view field);
// An absolute path of a folder that is there.
Status check_source(Env& env, const std::string& source, std::string_view field);

}  // namespace smslab::mp
