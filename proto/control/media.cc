#include "proto/control/media.h"

#include <google/protobuf/timestamp.pb.h>

#include <vector>

#include "proto/base/text.h"
#include "proto/codec/json.h"

namespace smslab::control {
namespace {
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

// JSON has no form for other times: once stored, such a record could not be shown again.
bool times_fit(const Message& message) {
  if (const auto* time = dynamic_cast<const google::protobuf::Timestamp*>(&message)) {
    constexpr int64_t kFirst = -62'135'596'800, kLast = 253'402'300'799;  // 0001-01-01 to 9999-12-31
    return time->seconds() >= kFirst && time->seconds() <= kLast && time->nanos() >= 0 && time->nanos() < 1'000'000'000;
  }
  const auto& r = *message.GetReflection();
  std::vector<const FieldDescriptor*> fields;
  r.ListFields(message, &fields);
  for (const FieldDescriptor* field : fields) {
    if (field->cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE) continue;
    const int count = field->is_repeated() ? r.FieldSize(message, field) : 1;
    for (int i = 0; i < count; i++) {
      if (!times_fit(field->is_repeated() ? r.GetRepeatedMessage(message, field, i) : r.GetMessage(message, field))) {
        return false;
      }
    }
  }
  return true;
}
}  // namespace

bool names_protobuf(std::string_view field) {
  const std::string lower = ascii_lower(field);
  return lower.find(kProtobuf) != std::string::npos || lower.find("application/protobuf") != std::string::npos;
}

Status decode_message(std::string_view content_type, std::string_view body, google::protobuf::Message* message) {
  message->Clear();
  if (body.empty()) return ok_status();
  if (names_protobuf(content_type)) {
    const bool parsed = message->ParseFromArray(body.data(), static_cast<int>(body.size()));
    if (parsed && times_fit(*message)) return ok_status();
    message->Clear();
    return invalid_argument(parsed ? "a time in the body is outside the years 1 to 9999"
                                   : "the body is not a protobuf " + message->GetDescriptor()->name());
  }
  const std::string type = ascii_lower(trim(content_type.substr(0, content_type.find(';'))));
  if (type.empty() || type == kJson || type == "application/x-www-form-urlencoded") {
    return codec::from_json(body, message);
  }
  return invalid_argument(
      "a body of type '" + type + "' is not understood; send " + std::string(kJson) + " or " + std::string(kProtobuf),
      "Content-Type");
}

Code code_from_name(std::string_view name) {
  for (int i = static_cast<int>(Code::kOk); i < static_cast<int>(Code::kInternal); i++) {
    const Code code = static_cast<Code>(i);
    if (code != Code::kOk && code_name(code) == name) return code;
  }
  return Code::kInternal;
}

}  // namespace smslab::control
