// Messages as JSON and YAML: protobuf's mapping out, one strict reader in.
//
//   std::string text = to_json(package);            // lowerCamelCase, 64-bit numbers as strings, defaults printed
//   RETURN_IF_ERROR(from_json(text, &package));     // lowerCamelCase or snake_case
//
// The reader walks the message's descriptor: an unknown key, a duplicate key (also one key in both spellings), a wrong
// type, a number out of range, text that is not UTF-8, a trailing comma, or anything after the value is
// kInvalidArgument; the message says line and column and what would be right, `field` is the path ("match.dp"). On
// error the message is left empty. Protobuf's own reader is not used: it accepts trailing commas and duplicate keys and
// gives no line. YAML is read through the same walk; one document, no anchors, no tags.
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

std::string to_json(const google::protobuf::Message& message);
std::string to_pretty_json(const google::protobuf::Message& message);  // for files and people, two blanks a level
Status from_json(std::string_view text, google::protobuf::Message* message, const ReadLimits& limits = {});
Status from_yaml(std::string_view text, google::protobuf::Message* message, const ReadLimits& limits = {});

}  // namespace smslab::codec
