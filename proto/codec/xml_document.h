// The strict way to a pugixml tree: what pugixml forgives is refused here. For the XML codec and the PROPFIND reader.
//
//   pugi::xml_document document;
//   RETURN_IF_ERROR(load_xml(text, {}, &document));
//   pugi::xml_node root = document.document_element();
//
// kInvalidArgument: not UTF-8, not well-formed, a DOCTYPE, a reference to anything but a character that XML can hold,
// text or a second element outside the document element, an attribute twice, nesting beyond the limit. kTooLarge: too
// many bytes, or too much markup: said before a tree is built. White space between elements is not in the tree.
#pragma once

#include <pugixml.hpp>
#include <string_view>

#include "proto/base/status.h"
#include "proto/codec/xml.h"

namespace smslab::codec {

Status load_xml(std::string_view text, const XmlLimits& limits, pugi::xml_document* document);

}  // namespace smslab::codec
