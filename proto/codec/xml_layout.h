// What proto/schema/xml.proto says of a field, as the reader and the writer ask for it.
#pragma once

#include <google/protobuf/message.h>
#include <google/protobuf/timestamp.pb.h>

#include <string>

#include "proto/schema/xml.pb.h"

namespace smslab::codec {

inline const v1::XmlField& xml_layout(const google::protobuf::FieldDescriptor& field) {
  return field.options().GetExtension(v1::xml);
}

inline const std::string& xml_name(const google::protobuf::FieldDescriptor& field) {
  const std::string& name = xml_layout(field).name();
  return name.empty() ? field.name() : name;
}

inline const std::string& xml_root(const google::protobuf::Descriptor& type) {
  const std::string& name = type.options().GetExtension(v1::xml_root);
  return name.empty() ? type.name() : name;
}

// A message that is one text in XML.
inline bool xml_is_time(const google::protobuf::FieldDescriptor& field) {
  return field.message_type() == google::protobuf::Timestamp::descriptor();
}
inline bool xml_is_scalar(const google::protobuf::FieldDescriptor& field) {
  return field.cpp_type() != google::protobuf::FieldDescriptor::CPPTYPE_MESSAGE || xml_is_time(field);
}

}  // namespace smslab::codec
