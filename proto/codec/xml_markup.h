// XML text cut into its pieces, for what must be looked at as it stands: how long an element is, what its name is, and
// what pugixml forgives. Knows where markup begins and ends, and nothing else of XML.
#pragma once

#include <string_view>

namespace smslab::codec {

struct XmlPiece {
  enum Kind { kText, kStartTag, kEmptyTag, kEndTag, kCdata, kComment, kInstruction, kDoctype, kCut, kDone };
  Kind kind = kDone;           // kCut: markup without its end
  std::string_view raw = {};   // with its brackets
  std::string_view name = {};  // of a tag
  size_t at = 0;               // in the text
  size_t attributes = 0;       // of a tag: its quoted values
};

class XmlMarkup {
 public:
  explicit XmlMarkup(std::string_view text) : text_(text) {}
  XmlPiece next();  // kDone, kCut: again and again

 private:
  XmlPiece take(XmlPiece::Kind kind, size_t end);
  XmlPiece tag();

  std::string_view text_;
  size_t at_ = 0;
};

bool xml_blank(std::string_view text);  // nothing but white space

}  // namespace smslab::codec
