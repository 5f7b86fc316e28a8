// Instances written in MOF, as policy bodies of the 2003 profile carry them (facts: protocol 5.5).
//
//   ASSIGN_OR_RETURN(auto instances, read_mof("instance of C { Name = \"x\"; Flags = {1, 2}; };"));
//
// Instances only: no classes, qualifiers or pragmas. Strings (adjacent ones are joined; \\ \" \n \r \t escapes),
// numbers, TRUE, FALSE, NULL and arrays of them; // and /* */ comments. Values come out as text: TRUE as "true", NULL
// as no value. kInvalidArgument says the line. Pure; the caller limits the text.
#pragma once

#include <string_view>
#include <vector>

#include "proto/base/status.h"
#include "proto/schema/client_messages.pb.h"

namespace smslab::client {

Result<std::vector<v1::PolicyInstance>> read_mof(std::string_view text);

}  // namespace smslab::client
