#include "proto/codec/xml_document.h"

#include <algorithm>
#include <charconv>
#include <vector>

#include "proto/base/utf16.h"
#include "proto/codec/xml_markup.h"

namespace smslab::codec {
namespace {
Status wrong(const std::string& what, size_t at) {
  return invalid_argument("the XML is not well-formed at byte " + std::to_string(at) + ": " + what);
}

bool holds(uint32_t c) {  // whether XML 1.0 can hold the character at all
  return c == '\t' || c == '\n' || c == '\r' || (c >= 0x20 && c < 0xD800) ||
         (c >= 0xE000 && c <= 0x10FFFF && c != 0xFFFE && c != 0xFFFF);
}

bool known_reference(std::string_view name) {
  if (!name.starts_with('#')) return name == "amp" || name == "lt" || name == "gt" || name == "quot" || name == "apos";
  const bool hex = name.starts_with("#x");
  name.remove_prefix(hex ? 2 : 1);
  uint32_t value = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), value, hex ? 16 : 10);
  return error == std::errc() && end == name.data() + name.size() && holds(value);
}

Status check_references(const XmlPiece& piece) {
  constexpr size_t kLongest = 16;
  for (size_t at = piece.raw.find('&'); at != std::string_view::npos; at = piece.raw.find('&', at + 1)) {
    const std::string_view name = piece.raw.substr(at + 1, kLongest);
    if (!known_reference(name.substr(0, name.find(';')))) return wrong("an unknown reference", piece.at + at);
    if (name.find(';') == std::string_view::npos) return wrong("a '&' without ';'", piece.at + at);
  }
  return ok_status();
}

Status check_characters(std::string_view text) {
  if (!valid_utf8(text)) return invalid_argument("the XML is not UTF-8");
  for (size_t i = 0; i < text.size(); i++) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if (byte < 0x20 && !holds(byte)) return wrong("a control character", i);
  }
  for (const std::string_view none : {"\xEF\xBF\xBE", "\xEF\xBF\xBF"}) {  // U+FFFE, U+FFFF
    if (const size_t at = text.find(none); at != std::string_view::npos) return wrong("no character", at);
  }
  return ok_status();
}

Status too_much(size_t limit, const std::string& what) {
  return {Code::kTooLarge, "the XML has more than " + std::to_string(limit) + " " + what};
}

// What pugixml lets pass, and what would cost more than its bytes say.
Status check_markup(std::string_view text, const XmlLimits& limits) {
  XmlMarkup markup(text);
  int depth = 0, roots = 0;
  size_t pieces = 0;
  for (XmlPiece piece = markup.next(); piece.kind != XmlPiece::kDone; piece = markup.next()) {
    pieces += 1 + piece.attributes;
    if (piece.attributes > limits.attributes) return too_much(limits.attributes, "attributes in one element");
    if (pieces > limits.pieces) return too_much(limits.pieces, "pieces of markup");
    const bool outside = depth == 0;
    switch (piece.kind) {
      case XmlPiece::kText:
        if (outside && !xml_blank(piece.raw)) return wrong("text outside the document element", piece.at);
        RETURN_IF_ERROR(check_references(piece));
        break;
      case XmlPiece::kStartTag:
      case XmlPiece::kEmptyTag:
        if (outside && ++roots > 1) return wrong("a second document element", piece.at);
        if (depth == limits.depth) {
          return invalid_argument("the XML nests deeper than " + std::to_string(limits.depth) + " levels");
        }
        if (piece.raw.find('<', 1) != std::string_view::npos) return wrong("'<' inside a tag", piece.at);
        RETURN_IF_ERROR(check_references(piece));
        if (piece.kind == XmlPiece::kStartTag) depth++;
        break;
      case XmlPiece::kEndTag:
        if (depth-- == 0) return wrong("an end tag without its start", piece.at);
        break;
      case XmlPiece::kCdata:
        if (outside) return wrong("text outside the document element", piece.at);
        break;
      case XmlPiece::kDoctype: return invalid_argument("XML with a DOCTYPE is not taken");
      case XmlPiece::kCut: return wrong("markup without its end", piece.at);
      default: break;
    }
  }
  if (roots == 0) return invalid_argument("the XML has no document element");
  return ok_status();
}

struct DuplicateAttributes : pugi::xml_tree_walker {
  std::string found;
  std::vector<std::string_view> names;
  bool for_each(pugi::xml_node& node) override {
    if (!node.first_attribute().next_attribute()) return true;
    names.clear();
    for (const auto& attribute : node.attributes()) names.emplace_back(attribute.name());
    std::sort(names.begin(), names.end());
    const auto twice = std::adjacent_find(names.begin(), names.end());
    if (twice != names.end()) found = *twice;
    return found.empty();
  }
};
}  // namespace

Status load_xml(std::string_view text, const XmlLimits& limits, pugi::xml_document* document) {
  if (text.size() > limits.bytes) {
    return {Code::kTooLarge, "the XML is larger than " + std::to_string(limits.bytes) + " bytes"};
  }
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  RETURN_IF_ERROR(check_markup(text, limits));  // first: too much of it ends this soonest
  RETURN_IF_ERROR(check_characters(text));
  const auto parsed = document->load_buffer(text.data(), text.size(), pugi::parse_default, pugi::encoding_utf8);
  if (!parsed) return wrong(parsed.description(), static_cast<size_t>(parsed.offset));
  DuplicateAttributes duplicates;
  document->traverse(duplicates);
  if (!duplicates.found.empty()) {
    return invalid_argument("the XML is not well-formed: attribute " + duplicates.found + " is there twice");
  }
  return ok_status();
}

Result<std::string> xml_root_name(std::string_view text) {
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  XmlMarkup markup(text);
  for (;;) {
    const XmlPiece piece = markup.next();
    switch (piece.kind) {
      case XmlPiece::kStartTag:
      case XmlPiece::kEmptyTag:
        if (piece.name.empty()) return wrong("a tag without a name", piece.at);
        return std::string(piece.name);
      case XmlPiece::kInstruction:
      case XmlPiece::kComment: break;
      case XmlPiece::kText:
        if (!xml_blank(piece.raw)) return invalid_argument("this is not XML");
        break;
      case XmlPiece::kDoctype: return invalid_argument("XML with a DOCTYPE is not taken");
      default: return invalid_argument("the XML has no document element");
    }
  }
}

Result<std::string> xml_element_text(std::string_view text, std::string_view name) {
  XmlMarkup markup(text);
  size_t begin = std::string_view::npos;
  int depth = 0;  // inside the element
  for (;;) {
    const XmlPiece piece = markup.next();
    if (piece.kind == XmlPiece::kDone || piece.kind == XmlPiece::kCut || piece.kind == XmlPiece::kDoctype) break;
    if (depth == 0) {
      const bool tag = piece.kind == XmlPiece::kStartTag || piece.kind == XmlPiece::kEmptyTag;
      if (!tag || piece.name != name) continue;
      begin = piece.at;
    }
    if (piece.kind == XmlPiece::kStartTag) depth++;
    if (piece.kind == XmlPiece::kEndTag) depth--;
    if (depth == 0 && piece.name != name) break;
    if (depth == 0) return std::string(text.substr(begin, piece.at + piece.raw.size() - begin));
  }
  return Status(Code::kInvalidArgument, "the XML has no whole element " + std::string(name));
}

}  // namespace smslab::codec
