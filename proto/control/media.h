// The two encodings of the control plane, as header fields name them.
#pragma once

#include <google/protobuf/message.h>

#include <string>
#include <string_view>

#include "proto/base/status.h"

namespace smslab::control {

inline constexpr std::string_view kJson = "application/json";
inline constexpr std::string_view kProtobuf = "application/x-protobuf";

// True when an Accept or Content-Type field names protobuf.
bool names_protobuf(std::string_view field);

// JSON also when the field is empty or curl's default for --data; kInvalidArgument for other types. On error `message`
// is empty.
Status decode_message(std::string_view content_type, std::string_view body, google::protobuf::Message* message);

// A code by its name; kInternal for a name that this program does not know.
Code code_from_name(std::string_view name);

}  // namespace smslab::control
