#include <cassert>

#include "proto/base/text.h"
#include "proto/base/time_text.h"
#include "proto/base/utf16.h"
#include "proto/ccm/envelope.h"
#include "proto/ccm/mime.h"
#include "proto/ccm/shared_document.h"
#include "proto/ccm/zlib.h"
#include "proto/codec/xml.h"

namespace smslab::ccm {
namespace {
constexpr std::string_view kNul("\0\0", 2);
constexpr std::string_view kBom = "\xFF\xFE";

std::string header_bytes(const v1::Msg& header) { return std::string(kBom) + utf16le_from_utf8(codec::to_xml(header)); }

void set_body(uint64_t length, v1::Msg* header) {
  header->mutable_body()->set_type("ByteRange");
  header->mutable_body()->set_offset(0);
  header->mutable_body()->set_length(length);
}

void set_compressed(bool compress, v1::Msg* header) {
  header->mutable_hooks()->clear_hook3();
  if (compress) header->mutable_hooks()->add_hook3()->set_name("zlib-compress");
}

// The client inflates according to what it asked for, not to what the hooks say.
bool wants_compression(const v1::Msg& request) { return !iequals(trim(request.reply_compression()), "none"); }

// `size`: of the document, before compression.
Multipart reply_parts(const v1::Msg& request, const ReplyContext& context, uint64_t size, std::string_view payload) {
  v1::Msg header;
  header.set_schema_version("1.1");
  header.set_id("{" + context.message_id + "}");
  header.set_source_host(context.source_host);
  header.set_target_address(request.reply_to());
  header.set_reply_to(request.target_address());
  header.set_correlation_id(request.id());
  header.set_priority("0");
  header.set_timeout("600");
  header.set_sent_time(format_rfc3339(std::chrono::floor<std::chrono::seconds>(context.sent)));
  header.set_protocol("http");
  header.mutable_payload()->set_type("inline");
  set_body(size, &header);
  set_compressed(wants_compression(request), &header);
  return write_parts(header_bytes(header), payload, "\r\n");
}
}  // namespace

Multipart write_reply(const v1::Msg& request, std::string_view xml, const ReplyContext& context) {
  const std::string text = utf16le_from_utf8(xml) + std::string(kNul);  // open clients drop exactly one character
  const bool compress = wants_compression(request);
  return reply_parts(request, context, text.size(), compress ? deflate(text) : text);
}

Multipart write_reply(const v1::Msg& request, const SharedDocument& document, std::string_view own,
                      const ReplyContext& context) {
  const SharedDocument::Payload payload = document.payload(own, wants_compression(request));
  return reply_parts(request, context, payload.size, payload.bytes);
}

std::string encode_payload(const std::vector<std::string>& documents, bool compress, v1::Msg* header) {
  assert(!documents.empty());
  header->clear_attachments();
  std::string bytes;
  uint64_t first_length = 0;
  for (size_t i = 0; i < documents.size(); i++) {
    // The recorded layout: a NUL behind the first document, a BOM before each other one.
    const uint64_t begin = bytes.size();
    if (i > 0) bytes += kBom;
    bytes += utf16le_from_utf8(documents[i]);
    if (i == 0) bytes += kNul;
    const uint64_t length = bytes.size() - begin;
    if (i == 0) first_length = length;
    if (documents.size() > 1) {
      v1::MsgAttachment* attachment = header->add_attachments();
      if (i == 0) attachment->set_type("ByteRange");
      attachment->set_length(length);
      attachment->set_name(header->id());
      attachment->set_offset(begin);
    }
  }
  bytes += "\r\n";
  set_body(first_length, header);
  set_compressed(compress, header);
  return compress ? deflate(bytes) : bytes;
}

Multipart write_request(const v1::Msg& header, std::string_view payload) {
  return write_parts(header_bytes(header), payload, "");
}

}  // namespace smslab::ccm
