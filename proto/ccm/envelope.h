// The CCM_POST envelope: two MIME parts, a <Msg> header in UTF-16LE, a payload that may be compressed (facts: protocol
// 3).
//
//   ASSIGN_OR_RETURN(Envelope in, read_request(content_type, body, limits));
//   in.endpoint();        // "MP_LocationManager"
//   in.documents[0];      // "<ContentLocationRequest ..." as UTF-8
//   std::string out = write_reply(in.header, reply_xml, reply_context);
//
// Reading forgives what real MPs forgive: any boundary, order-free header, BOM or not, wrong Length, trailing NULs and
// line ends, any zlib window. It refuses with kInvalidArgument what has no two parts, no Msg, text that is not UTF-16,
// a broken zlib stream, and kTooLarge what inflates beyond the limit. Pure functions.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "proto/base/clock.h"
#include "proto/base/status.h"
#include "proto/schema/client_messages.pb.h"

namespace smslab::ccm {

class SharedDocument;

// Microsoft's constant; our replies and our client use it too.
inline constexpr std::string_view kBoundary = "aAbBcCdDv1234567890VxXyYzZ";

struct EnvelopeLimits {
  size_t header_bytes = size_t{1} << 20;    // of <Msg>, as sent
  size_t payload_bytes = size_t{16} << 20;  // inflated: what may also come plain, and no more
  size_t documents = 64;
};

struct Envelope {
  v1::Msg header;
  std::string payload;  // the second part's bytes as they stood on the wire: what PayloadSignature covers
  std::vector<std::string> documents;  // UTF-8 XML texts, split by Attachment offsets; at least one

  // TargetEndpoint, else the last part of TargetAddress; lower case for comparing is the caller's.
  std::string endpoint() const;
  bool async() const;  // ReplyMode
  // Text of a property of the hook with this name in Hook, Hook2 or Hook3; "" when absent.
  std::string hook_property(std::string_view hook, std::string_view property) const;
  bool has_hook(std::string_view hook) const;
};

Result<Envelope> read_request(std::string_view content_type, std::string_view body, const EnvelopeLimits& limits = {});

struct ReplyContext {
  std::string message_id;   // GUID without braces
  std::string source_host;  // the MP's name
  LabTime sent;
};
struct Multipart {
  std::string content_type;  // multipart/mixed; boundary="..."
  std::string body;
};
// The MP's answer to `request`: compressed as ReplyCompression asks, correlated with its ID (protocol 3.6).
Multipart write_reply(const v1::Msg& request, std::string_view xml, const ReplyContext& context);

// The same with a document that many get; `own` is this client's part of it (shared_document.h).
Multipart write_reply(const v1::Msg& request, const SharedDocument& document, std::string_view own,
                      const ReplyContext& context);

// The client's side. `header` has everything but Body, Attachment and Hook3, which follow from documents and
// `compress`. `payload_of` builds the second part first, so that a signature over it can go into the header.
std::string encode_payload(const std::vector<std::string>& documents, bool compress, v1::Msg* header);
Multipart write_request(const v1::Msg& header, std::string_view payload);
// The MP's reply: the single document as UTF-8; "" for an empty reply.
Result<std::string> read_reply(std::string_view content_type, std::string_view body, const EnvelopeLimits& limits = {});

}  // namespace smslab::ccm
