#include "proto/control/media.h"

#include "proto/base/text.h"
#include "proto/codec/json.h"

namespace smslab::control {

bool names_protobuf(std::string_view field) {
  const std::string lower = ascii_lower(field);
  return lower.find(kProtobuf) != std::string::npos || lower.find("application/protobuf") != std::string::npos;
}

Status decode_message(std::string_view content_type, std::string_view body, google::protobuf::Message* message) {
  message->Clear();
  if (body.empty()) return ok_status();
  if (names_protobuf(content_type)) {
    if (message->ParseFromArray(body.data(), static_cast<int>(body.size()))) return ok_status();
    message->Clear();
    return invalid_argument("the body is not a protobuf " + message->GetDescriptor()->name());
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
