#include <google/protobuf/timestamp.pb.h>
#include <yaml-cpp/emitter.h>
#include <yaml-cpp/emittermanip.h>

#include "proto/base/time_text.h"
#include "proto/codec/yaml.h"
#include "proto/schema/timestamp.h"

namespace smslab::codec {
namespace {
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

void write_object(YAML::Emitter& out, const Message& message);

// yaml-cpp quotes what would not read back as text, but not what our reader would take for "no value".
void write_text(YAML::Emitter& out, const std::string& text) {
  const bool null = text.empty() || text == "~" || text == "null" || text == "Null" || text == "NULL";
  if (null) out << YAML::DoubleQuoted;
  out << text;
}

// One value of a field: its only one, or the item `i` of a list.
void write_value(YAML::Emitter& out, const Message& message, const FieldDescriptor* field, int i) {
  const Reflection& r = *message.GetReflection();
  const bool item = field->is_repeated();
  switch (field->cpp_type()) {
    case FieldDescriptor::CPPTYPE_MESSAGE: {
      const Message& inner = item ? r.GetRepeatedMessage(message, field, i) : r.GetMessage(message, field);
      if (field->message_type() == google::protobuf::Timestamp::descriptor()) {
        out << format_rfc3339(from_timestamp(static_cast<const google::protobuf::Timestamp&>(inner)));
      } else {
        write_object(out, inner);
      }
      break;
    }
    case FieldDescriptor::CPPTYPE_ENUM:
      out << (item ? r.GetRepeatedEnum(message, field, i) : r.GetEnum(message, field))->name();
      break;
    case FieldDescriptor::CPPTYPE_BOOL:
      out << (item ? r.GetRepeatedBool(message, field, i) : r.GetBool(message, field));
      break;
    case FieldDescriptor::CPPTYPE_INT32:
      out << (item ? r.GetRepeatedInt32(message, field, i) : r.GetInt32(message, field));
      break;
    case FieldDescriptor::CPPTYPE_INT64:
      out << (item ? r.GetRepeatedInt64(message, field, i) : r.GetInt64(message, field));
      break;
    case FieldDescriptor::CPPTYPE_UINT32:
      out << (item ? r.GetRepeatedUInt32(message, field, i) : r.GetUInt32(message, field));
      break;
    case FieldDescriptor::CPPTYPE_UINT64:
      out << (item ? r.GetRepeatedUInt64(message, field, i) : r.GetUInt64(message, field));
      break;
    case FieldDescriptor::CPPTYPE_DOUBLE:
      out << (item ? r.GetRepeatedDouble(message, field, i) : r.GetDouble(message, field));
      break;
    case FieldDescriptor::CPPTYPE_FLOAT:
      out << (item ? r.GetRepeatedFloat(message, field, i) : r.GetFloat(message, field));
      break;
    case FieldDescriptor::CPPTYPE_STRING:
      write_text(out, item ? r.GetRepeatedString(message, field, i) : r.GetString(message, field));
      break;
  }
}

void write_object(YAML::Emitter& out, const Message& message) {
  const Reflection& r = *message.GetReflection();
  std::vector<const FieldDescriptor*> set;  // by number
  r.ListFields(message, &set);
  if (set.empty()) out << YAML::Flow;
  out << YAML::BeginMap;
  for (const FieldDescriptor* field : set) {
    out << YAML::Key << field->json_name() << YAML::Value;
    if (field->is_repeated()) {
      out << YAML::BeginSeq;
      for (int i = 0; i < r.FieldSize(message, field); i++) write_value(out, message, field, i);
      out << YAML::EndSeq;
    } else {
      write_value(out, message, field, 0);
    }
  }
  out << YAML::EndMap;
}
}  // namespace

std::string to_yaml(const Message& message) {
  YAML::Emitter out;
  write_object(out, message);
  return std::string(out.c_str(), out.size()) + "\n";
}

}  // namespace smslab::codec
