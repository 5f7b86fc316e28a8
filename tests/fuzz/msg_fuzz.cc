// The CCM_POST envelope: an accepted request, written by us and read again, holds the same documents under the same
// header, and from then on not a byte changes.
#include <google/protobuf/util/message_differencer.h>

#include "proto/base/utf16.h"
#include "proto/ccm/envelope.h"
#include "proto/ccm/mime.h"
#include "proto/ccm/zlib.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/message_check.h"

namespace smslab::ccm {
namespace {
using google::protobuf::util::MessageDifferencer;

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

// An envelope around UTF-8 texts, so that a changed byte need not break UTF-16, MIME or zlib.
Multipart assemble(std::string_view header, std::string_view payload, bool compress) {
  if (!valid_utf8(header)) header = {};
  if (!valid_utf8(payload)) payload = {};
  const std::string bytes = utf16le_from_utf8(payload);
  return write_parts(utf16le_from_utf8(header), compress ? deflate(bytes) : bytes, "");
}

size_t count(std::string_view text, std::string_view word) {
  size_t found = 0;
  for (size_t at = text.find(word); at != std::string_view::npos; at = text.find(word, at + 1)) found++;
  return found;
}

void must_stay(const Envelope& in) {
  MUST(!in.documents.empty() && in.documents.size() <= kLimits.documents);
  const bool compressed_by_another_hook =
      Envelope{.header = essence(in.header), .payload = {}, .documents = {}}.has_hook(
          "zlib-compress");  // which encode_payload() leaves as it is
  for (const bool compress : {false, true}) {
    if (compressed_by_another_hook && !compress) continue;
    const Multipart out = write_again(in, compress);
    // The boundary is a constant of the protocol: bytes that spell it cannot be sent.
    if (count(out.body, kBoundary) != 3) continue;
    const auto again = read_request(out.content_type, out.body);
    MUST(again.ok());
    MUST(again->documents == in.documents);
    MUST(again->has_hook("zlib-compress") == compress);
    if (!fuzz::speakable(in.header)) continue;
    MUST(MessageDifferencer::Equals(essence(in.header), essence(again->header)));
    MUST(write_again(*again, compress).body == out.body);
  }
}
}  // namespace
}  // namespace smslab::ccm

// Either a Content-Type, a line end and the body; or, by the last byte, header and payload to be put together.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace smslab;
  using namespace smslab::ccm;
  fuzz::Input input(data, size);
  const uint64_t form = input.number(2);
  Multipart post{.content_type = std::string(input.take_to('\n')), .body = {}};
  if (form == 0) {
    post.body = input.rest();
  } else {
    post = assemble(post.content_type, input.rest(), form == 2);
  }
  const auto in = read_request(post.content_type, post.body, kLimits);
  if (in.ok()) {
    must_stay(*in);
  } else {
    MUST(in.status().code() == Code::kInvalidArgument || in.status().code() == Code::kTooLarge);
  }
  return 0;
}
