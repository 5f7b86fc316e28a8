// What proto/schema/xml.proto says of a field, as the reader and the writer ask for it.
#pragma once

#include <google/protobuf/message.h>
#include <google/protobuf/timestamp.pb.h>

#include <string>
#include <vector>

#include "proto/schema/xml.pb.h"

namespace smslab::codec {

inline const std::string& xml_root(const google::protobuf::Descriptor& type) {
  const std::string& name = type.options().GetExtension(v1::xml_root);
  return name.empty() ? type.name() : name;
}

struct XmlLayout {
  const google::protobuf::FieldDescriptor* field;
  std::string name;  // of its element or attribute
  std::string wrap;  // of the element around a repeated field's; empty: none
  bool wrap_always;  // also around none
  bool attribute, text, cdata;
  bool scalar;  // one text in XML, as a time is
};

// The fields of a message type in their order. Worked out once: options are slow to ask. Thread-safe.
const std::vector<XmlLayout>& xml_layout(const google::protobuf::Descriptor& type);

}  // namespace smslab::codec
