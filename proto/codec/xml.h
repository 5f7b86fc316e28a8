// Messages as XML, as the options of proto/schema/xml.proto lay them out.
//
//   std::string text = to_xml(reply);                       // <SiteInfoReply SchemaVersion="1.00">...
//   RETURN_IF_ERROR(from_xml(text, &request));
//
// Writing: in declaration order, no white space between elements, <X/> for an empty element, no XML declaration. A
// singular field is written when it is set: `optional` and messages when present, otherwise when not its default;
// attributes of fields that are not `optional` are always written. Characters that XML 1.0 cannot hold become U+FFFD.
// Reading: order-free, unknown elements and attributes skipped, names exact, namespace declarations and xsi:nil style
// attributes skipped, white space around element text trimmed unless it is CDATA. What is not well-formed, has a
// DOCTYPE, nests deeper than the limit, has another document element, a singular element twice, or a value that does
// not fit its field (a number that is none) is kInvalidArgument; too many bytes, or too much markup in them, kTooLarge.
// On error the message is left empty. All text is UTF-8 here, whatever an XML declaration says; UTF-16 is the
// envelope's business (proto/ccm).
#pragma once

#include <google/protobuf/message.h>

#include <string>
#include <string_view>

#include "proto/base/status.h"

namespace smslab::codec {

struct XmlLimits {
  size_t bytes = size_t{16} << 20;
  int depth = 64;
  size_t pieces = 200'000;  // tags, attributes, texts, comments ...: what a tree of a few bytes each is built of
  size_t attributes = 256;  // of one element
};

std::string to_xml(const google::protobuf::Message& message);
Status from_xml(std::string_view text, google::protobuf::Message* message, const XmlLimits& limits = {});
// Name of the document element, without looking at the rest: how a body is dispatched.
Result<std::string> xml_root_name(std::string_view text);
// The bytes of the first element of this name, from '<' to its closing '>', exactly as they stand: what a signature
// covers.
Result<std::string> xml_element_text(std::string_view text, std::string_view name);

// Adds `text` with what XML does not take as it is escaped or, where that cannot be, as U+FFFD. For writers of XML that
// is no message.
void append_xml_escaped(std::string_view text, bool attribute, std::string* out);

}  // namespace smslab::codec
