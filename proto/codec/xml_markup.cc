#include "proto/codec/xml_markup.h"

namespace smslab::codec {
namespace {
constexpr std::string_view kBlanks = " \t\r\n";
}

bool xml_blank(std::string_view text) { return text.find_first_not_of(kBlanks) == std::string_view::npos; }

XmlPiece XmlMarkup::next() {
  if (at_ == text_.size()) return {.at = at_};
  const std::string_view rest = text_.substr(at_);
  const auto until = [&](std::string_view end, size_t from) {
    const size_t found = rest.find(end, from);
    return found == std::string_view::npos ? found : found + end.size();
  };
  if (rest[0] != '<') return take(XmlPiece::kText, rest.find('<'));
  if (rest.starts_with("<!--")) return take(XmlPiece::kComment, until("-->", 4));
  if (rest.starts_with("<![CDATA[")) return take(XmlPiece::kCdata, until("]]>", 9));
  if (rest.starts_with("<?")) return take(XmlPiece::kInstruction, until("?>", 2));
  if (rest.starts_with("<!")) return take(XmlPiece::kDoctype, until(">", 2));
  return tag();
}

XmlPiece XmlMarkup::take(XmlPiece::Kind kind, size_t end) {
  const size_t begin = at_;
  if (end == std::string_view::npos && kind != XmlPiece::kText)
    return {.kind = XmlPiece::kCut, .raw = text_.substr(begin), .at = begin};
  const std::string_view raw = text_.substr(begin, end);
  at_ += raw.size();
  return {.kind = kind, .raw = raw, .at = begin};
}

XmlPiece XmlMarkup::tag() {
  size_t end = at_ + 1;
  char quote = '\0';  // inside an attribute's value
  size_t attributes = 0;
  while (end < text_.size() && (quote != '\0' || text_[end] != '>')) {
    const char c = text_[end++];
    if (c == quote) {
      quote = '\0';
    } else if (quote == '\0' && (c == '"' || c == '\'')) {
      quote = c;
      attributes++;
    }
  }
  const bool whole = end < text_.size();
  XmlPiece piece = take(XmlPiece::kStartTag, whole ? end + 1 - at_ : std::string_view::npos);
  piece.attributes = attributes;
  if (!whole) return piece;
  const bool closing = piece.raw[1] == '/';
  if (closing) {
    piece.kind = XmlPiece::kEndTag;
  } else if (piece.raw[piece.raw.size() - 2] == '/') {
    piece.kind = XmlPiece::kEmptyTag;
  }
  const size_t begin = closing ? 2 : 1;
  piece.name = piece.raw.substr(begin, piece.raw.find_first_of(" \t\r\n/>", begin) - begin);
  return piece;
}

}  // namespace smslab::codec
