// Every message that clients and the MP exchange, as XML: what is read and written reads back equal, and the first look
// at a body agrees with the whole reading of it.
#include "proto/codec/xml.h"

#include <google/protobuf/util/message_differencer.h>

#include <memory>

#include "proto/schema/client_messages.pb.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/message_check.h"

namespace smslab::codec {
namespace {
using google::protobuf::Message;
using google::protobuf::util::MessageDifferencer;

// The message with this document element; null when there is none.
std::unique_ptr<Message> message_of(const std::string& root) {
  const auto* file = v1::Msg::descriptor()->file();
  for (int i = 0; i < file->message_type_count(); i++) {
    const auto* type = file->message_type(i);
    if (type->options().GetExtension(v1::xml_root) != root) continue;
    return std::unique_ptr<Message>(google::protobuf::MessageFactory::generated_factory()->GetPrototype(type)->New());
  }
  return nullptr;
}

std::unique_ptr<Message> written_and_read(const Message& message) {
  std::unique_ptr<Message> again(message.New());
  const std::string text = to_xml(message);
  MUST(from_xml(text, again.get()).ok());
  const auto root = xml_root_name(text);
  const auto element = xml_element_text(text, *root);
  MUST(element.ok() && *element == text);
  return again;
}
}  // namespace
}  // namespace smslab::codec

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace smslab;
  using namespace smslab::codec;
  const std::string_view text = fuzz::Input(data, size).rest();
  const auto root = xml_root_name(text);
  const auto message = message_of(root.ok() ? *root : "Msg");
  if (!message) return 0;
  if (const Status status = from_xml(text, message.get()); !status.ok()) {
    MUST(status.code() == Code::kInvalidArgument || status.code() == Code::kTooLarge);
    MUST(message->ByteSizeLong() == 0);
    return 0;
  }
  MUST(root.ok());
  const auto element = xml_element_text(text, *root);
  MUST(element.ok() && text.find(*element) != std::string_view::npos);
  const auto again = written_and_read(*message);
  if (fuzz::speakable(*message)) MUST(MessageDifferencer::Equals(*message, *again));
  MUST(MessageDifferencer::Equals(*again, *written_and_read(*again)));
  return 0;
}
