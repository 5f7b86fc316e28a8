#include <google/protobuf/util/json_util.h>

#include "proto/codec/json.h"

namespace smslab::codec {
namespace {
std::string write(const google::protobuf::Message& message, bool lines) {
  google::protobuf::util::JsonPrintOptions options;
  options.always_print_primitive_fields = true;
  options.add_whitespace = lines;
  std::string out;
  const auto status = google::protobuf::util::MessageToJsonString(message, &out, options);
  return status.ok() ? out : "{}";
}
}  // namespace

std::string to_json(const google::protobuf::Message& message) { return write(message, false); }

std::string to_pretty_json(const google::protobuf::Message& message) {
  // protobuf indents by one blank; no string holds a raw line end, so a blank at the start of a line is indentation.
  std::string out;
  bool indent = true;
  for (char c : write(message, true)) {
    if (indent && c == ' ') out += ' ';
    indent = c == '\n' || (indent && c == ' ');
    out += c;
  }
  return out;
}

}  // namespace smslab::codec
