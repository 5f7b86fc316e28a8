// Whether XML can say a message's texts as they are: white space around an element's text is layout to a reader, and a
// carriage return in CDATA a line feed.
#pragma once

#include <google/protobuf/message.h>

#include <vector>

#include "proto/base/text.h"

namespace smslab::fuzz {

inline bool speakable(const google::protobuf::Message& message) {
  using google::protobuf::FieldDescriptor;
  const auto& reflection = *message.GetReflection();
  const auto plain = [](const std::string& text) { return trim(text) == text && text.find('\r') == std::string::npos; };
  std::vector<const FieldDescriptor*> fields;
  reflection.ListFields(message, &fields);
  for (const FieldDescriptor* field : fields) {
    const bool one = !field->is_repeated();
    const int count = one ? 1 : reflection.FieldSize(message, field);
    for (int i = 0; i < count; i++) {
      if (field->cpp_type() == FieldDescriptor::CPPTYPE_STRING &&
          !plain(one ? reflection.GetString(message, field) : reflection.GetRepeatedString(message, field, i))) {
        return false;
      }
      if (field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE &&
          !speakable(one ? reflection.GetMessage(message, field) : reflection.GetRepeatedMessage(message, field, i))) {
        return false;
      }
    }
  }
  return true;
}

}  // namespace smslab::fuzz
