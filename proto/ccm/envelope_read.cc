#include <optional>

#include "proto/base/text.h"
#include "proto/base/utf16.h"
#include "proto/ccm/envelope.h"
#include "proto/ccm/mime.h"
#include "proto/ccm/zlib.h"
#include "proto/codec/xml.h"

namespace smslab::ccm {
namespace {
constexpr std::string_view kCompressHook = "zlib-compress";

std::string_view without_bom(std::string_view bytes) {
  if (bytes.starts_with("\xFF\xFE")) bytes.remove_prefix(2);
  return bytes;
}

// A document in UTF-16LE from its start to its last '>': NULs, line ends and odd bytes behind it are padding, of which
// every client has its own (protocol 3.2).
Result<std::string> document_text(std::string_view bytes) {
  bytes = without_bom(bytes);
  for (size_t end = bytes.size() & ~size_t{1}; end >= 2; end -= 2) {
    if (bytes[end - 2] == '>' && bytes[end - 1] == 0) return utf8_from_utf16le(bytes.substr(0, end));
  }
  return invalid_argument("the payload holds no XML in UTF-16");
}

// The documents' places by their Attachment offsets; nullopt when these cannot be: not ascending, odd or outside.
std::optional<std::vector<std::string_view>> split_at_offsets(const v1::Msg& header, std::string_view bytes) {
  std::vector<std::string_view> out;
  const int count = header.attachments_size();
  for (int i = 0; i < count; i++) {
    const uint64_t begin = header.attachments(i).offset();
    const uint64_t end = i + 1 < count ? header.attachments(i + 1).offset() : bytes.size();
    if (begin % 2 != 0 || begin >= end || end > bytes.size()) return std::nullopt;
    out.push_back(bytes.substr(begin, end - begin));
  }
  return out;
}

// Each document ends with a NUL or begins with a BOM, which is all that is left to go by when offsets are nonsense.
std::vector<std::string_view> split_at_marks(std::string_view bytes) {
  std::vector<std::string_view> out;
  size_t begin = 0;
  bool text = false;  // since `begin`
  for (size_t at = 0; at + 2 <= bytes.size(); at += 2) {
    const std::string_view unit = bytes.substr(at, 2);
    const bool nul = unit == std::string_view("\0\0", 2);
    if (nul || unit == "\xFF\xFE") {
      if (text) out.push_back(bytes.substr(begin, at - begin));
      begin = nul ? at + 2 : at;
      text = false;
    } else if (unit == std::string_view(">\0", 2)) {
      text = true;
    }
  }
  if (text) out.push_back(bytes.substr(begin));
  return out;
}

Result<std::vector<std::string>> texts_of(const std::vector<std::string_view>& pieces, const EnvelopeLimits& limits) {
  if (pieces.size() > limits.documents) {
    return Status(Code::kTooLarge, "more than " + std::to_string(limits.documents) + " documents");
  }
  std::vector<std::string> out;
  for (const std::string_view piece : pieces) {
    ASSIGN_OR_RETURN(std::string text, document_text(piece));
    out.push_back(std::move(text));
  }
  if (out.empty()) return invalid_argument("the payload holds no XML in UTF-16");
  return out;
}

Result<std::vector<std::string>> split_documents(const v1::Msg& header, std::string_view bytes,
                                                 const EnvelopeLimits& limits) {
  if (header.attachments_size() == 0) return texts_of({bytes}, limits);
  if (const auto placed = split_at_offsets(header, bytes)) {
    auto texts = texts_of(*placed, limits);
    if (texts.ok() || texts.status().code() == Code::kTooLarge) return texts;
  }
  return texts_of(split_at_marks(bytes), limits);
}

template <class Visit>
void each_hook(const v1::Msg& header, Visit visit) {
  for (const auto* hooks : {&header.hooks().hook(), &header.hooks().hook2(), &header.hooks().hook3()}) {
    for (const v1::MsgHook& hook : *hooks) visit(hook);
  }
}

struct ReadParts {
  v1::Msg header;
  std::string_view payload;
};
Result<ReadParts> read_header(std::string_view content_type, std::string_view body, const EnvelopeLimits& limits) {
  ASSIGN_OR_RETURN(const Parts parts, read_parts(content_type, body, limits.header_bytes));
  auto text = document_text(parts.header);
  if (!text.ok()) return text.status().prefixed("<Msg> header");
  ReadParts out{.header = {}, .payload = parts.payload};
  RETURN_IF_ERROR(codec::from_xml(*text, &out.header, {.bytes = limits.header_bytes}));
  return out;
}
}  // namespace

std::string Envelope::endpoint() const {
  if (!trim(header.target_endpoint()).empty()) return std::string(trim(header.target_endpoint()));
  // "mp:MP_X", "mp:[http]MP_X", "raw:httpsync:HOST:MP_X"
  const std::string_view address = trim(header.target_address());
  const size_t at = address.find_last_of(":]");
  return std::string(at == std::string_view::npos ? address : address.substr(at + 1));
}

bool Envelope::async() const { return iequals(trim(header.reply_mode()), "Async"); }

std::string Envelope::hook_property(std::string_view hook, std::string_view property) const {
  std::string text;
  each_hook(header, [&](const v1::MsgHook& found) {
    if (!iequals(found.name(), hook)) return;
    for (const v1::NameText& p : found.properties()) {
      if (text.empty() && iequals(p.name(), property)) text = p.text();
    }
  });
  return text;
}

bool Envelope::has_hook(std::string_view hook) const {
  bool has = false;
  each_hook(header, [&](const v1::MsgHook& found) { has = has || iequals(found.name(), hook); });
  return has;
}

Result<Envelope> read_request(std::string_view content_type, std::string_view body, const EnvelopeLimits& limits) {
  ASSIGN_OR_RETURN(ReadParts parts, read_header(content_type, body, limits));
  Envelope out{.header = std::move(parts.header), .payload = std::string(parts.payload), .documents = {}};
  if (out.has_hook(kCompressHook)) {
    ASSIGN_OR_RETURN(const std::string bytes, inflate(out.payload, limits.payload_bytes));
    ASSIGN_OR_RETURN(out.documents, split_documents(out.header, bytes, limits));
  } else {
    if (out.payload.size() > limits.payload_bytes) return Status(Code::kTooLarge, "the payload is too large");
    ASSIGN_OR_RETURN(out.documents, split_documents(out.header, out.payload, limits));
  }
  return out;
}

Result<std::string> read_reply(std::string_view content_type, std::string_view body, const EnvelopeLimits& limits) {
  if (body.empty()) return std::string();
  ASSIGN_OR_RETURN(Envelope reply, read_request(content_type, body, limits));
  return std::move(reply.documents.front());
}

}  // namespace smslab::ccm
