// Messages as JSON and YAML: protobuf's mapping out, one strict reader in.
//
//   std::string text = to_json(package);            // lowerCamelCase, 64-bit numbers as strings, defaults printed
//   RETURN_IF_ERROR(from_json(text, &package));     // lowerCamelCase or snake_case
//
// The reader walks the message's descriptor: an unknown key, a duplicate key (also one key in both spellings), two
// members of a oneof, a wrong type, a number out of range, null, text that is not UTF-8, a trailing comma, or anything
// after the value is kInvalidArgument; the message says line and column (in characters, from 1) and what would be
// right, `field` is the path ("match.dp", "files[3].path"). Numbers of 64 bits come as number or string, enums by name
// or number, bytes in padded base64, times in RFC 3339. Text beyond the limit is kTooLarge. On error the message is
// left empty. Protobuf's own reader is not used: it accepts trailing commas and duplicate keys and gives no line. YAML
// is read through the same walk; one document, no anchors, no tags; what stands there without quotes means what its
// field needs.
#pragma once

#include <google/protobuf/message.h>

#include <string>
#include <string_view>

#include "proto/base/status.h"

namespace smslab::codec {

struct ReadLimits {
  size_t bytes = size_t{64} << 20;
  int depth = 64;
};

// The message's strings are UTF-8 and its times are within the years 1 to 9999.
std::string to_json(const google::protobuf::Message& message);
std::string to_pretty_json(const google::protobuf::Message& message);  // for files and people, two blanks a level
Status from_json(std::string_view text, google::protobuf::Message* message, const ReadLimits& limits = {});
Status from_yaml(std::string_view text, google::protobuf::Message* message, const ReadLimits& limits = {});

}  // namespace smslab::codec
