// The CCM_POST envelope: an accepted request, written by us and read again, holds the same documents under the same
// header, and from then on not a byte changes.
#include <google/protobuf/util/message_differencer.h>

#include "proto/ccm/envelope.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/message_check.h"

namespace smslab::ccm {
namespace {
constexpr EnvelopeLimits kLimits{.header_bytes = 16'384, .payload_bytes = 65'536, .documents = 8};

Multipart write_again(const Envelope& in, bool compress) {
  v1::Msg header = in.header;
  const std::string payload = encode_payload(in.documents, compress, &header);
  return write_request(header, payload);
}

// Without what encode_payload() sets.
v1::Msg essence(v1::Msg header) {
  header.clear_body();
  header.clear_attachments();
  header.mutable_hooks()->clear_hook3();
  return header;
}
}  // namespace
}  // namespace smslab::ccm

// The Content-Type, a line end, the body.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace smslab;
  using namespace smslab::ccm;
  using google::protobuf::util::MessageDifferencer;
  fuzz::Input input(data, size);
  const std::string_view content_type = input.take_to('\n');
  const auto in = read_request(content_type, input.rest(), kLimits);
  if (!in.ok()) {
    MUST(in.status().code() == Code::kInvalidArgument || in.status().code() == Code::kTooLarge);
    return 0;
  }
  MUST(!in->documents.empty() && in->documents.size() <= kLimits.documents);
  for (const bool compress : {false, true}) {
    const Multipart out = write_again(*in, compress);
    const auto again = read_request(out.content_type, out.body);
    MUST(again.ok());
    MUST(again->documents == in->documents);
    MUST(again->has_hook("zlib-compress") == compress || !essence(in->header).hooks().hook().empty() ||
         !essence(in->header).hooks().hook2().empty());
    if (!fuzz::speakable(in->header)) continue;
    MUST(MessageDifferencer::Equals(essence(in->header), essence(again->header)));
    MUST(write_again(*again, compress).body == out.body);
  }
  return 0;
}
