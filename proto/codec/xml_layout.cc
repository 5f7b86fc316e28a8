#include "proto/codec/xml_layout.h"

#include <unordered_map>

namespace smslab::codec {
namespace {
using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;

std::vector<XmlLayout> read_layout(const Descriptor& type) {
  std::vector<XmlLayout> fields;
  for (int i = 0; i < type.field_count(); i++) {
    const FieldDescriptor& field = *type.field(i);
    const v1::XmlField& options = field.options().GetExtension(v1::xml);
    const bool time = field.cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE &&
                      field.message_type() == google::protobuf::Timestamp::descriptor();
    fields.push_back({.field = &field,
                      .name = options.name().empty() ? field.name() : options.name(),
                      .wrap = options.wrap(),
                      .wrap_always = options.wrap_always(),
                      .attribute = options.attribute(),
                      .text = options.text(),
                      .cdata = options.cdata(),
                      .scalar = time || field.cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE});
  }
  return fields;
}
}  // namespace

const std::vector<XmlLayout>& xml_layout(const Descriptor& type) {
  static thread_local std::unordered_map<const Descriptor*, std::vector<XmlLayout>> known;  // no lock
  const auto found = known.find(&type);
  return found != known.end() ? found->second : known.emplace(&type, read_layout(type)).first->second;
}

}  // namespace smslab::codec
