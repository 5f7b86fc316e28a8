#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <google/protobuf/util/json_util.h>
#include <google/protobuf/util/type_resolver_util.h>

#include "proto/codec/json.h"

namespace smslab::codec {
namespace {
using google::protobuf::util::TypeResolver;

constexpr char kUrlPrefix[] = "type.googleapis.com";

// Maps in key order: MessageToJsonString would take them as they lie in memory, another way in each process.
std::string deterministic_bytes(const google::protobuf::Message& message) {
  std::string bytes;
  google::protobuf::io::StringOutputStream stream(&bytes);
  google::protobuf::io::CodedOutputStream out(&stream);
  out.SetSerializationDeterministic(true);
  message.SerializeToCodedStream(&out);
  out.Trim();
  return bytes;
}

std::string write(const google::protobuf::Message& message, bool lines) {
  google::protobuf::util::JsonPrintOptions options;
  options.always_print_primitive_fields = true;
  options.add_whitespace = lines;
  static TypeResolver* const resolver = google::protobuf::util::NewTypeResolverForDescriptorPool(
      kUrlPrefix, google::protobuf::DescriptorPool::generated_pool());
  std::string out;
  const std::string type = std::string(kUrlPrefix) + "/" + message.GetDescriptor()->full_name();
  const auto status =
      google::protobuf::util::BinaryToJsonString(resolver, type, deterministic_bytes(message), &out, options);
  return status.ok() ? out : "{}";
}
}  // namespace

std::string to_json(const google::protobuf::Message& message) { return write(message, false); }

std::string to_pretty_json(const google::protobuf::Message& message) {
  // protobuf indents by one blank; no string holds a raw line end, so a blank at the start of a line is indentation.
  std::string out;
  bool indent = true;
  for (const char c : write(message, true)) {
    if (indent && c == ' ') out += ' ';
    indent = c == '\n' || (indent && c == ' ');
    out += c;
  }
  return out;
}

}  // namespace smslab::codec
