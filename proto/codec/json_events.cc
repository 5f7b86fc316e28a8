#include <charconv>
#include <vector>

#include "proto/base/utf16.h"
#include "proto/codec/events.h"

namespace smslab::codec {
namespace {
// RFC 8259 and nothing more.
class JsonEvents final : public EventSource {
 public:
  JsonEvents(std::string_view text, int depth) : text_(text), depth_(static_cast<size_t>(depth)) {}

  Result<Event> next() override {
    skip_blanks();
    switch (expect_) {
      case Expect::kValue: return value();
      case Expect::kFirstItem: return peek() == ']' ? close() : value();
      case Expect::kFirstKey: return peek() == '}' ? close() : key();
      case Expect::kMore: break;
      case Expect::kDone:
        if (at_ < text_.size()) return wrong("nothing after the value", at_);
        return Event{EventKind::kDone, {}, at_};
    }
    const bool object = open_.back() == '}';
    if (peek() == open_.back()) return close();
    if (peek() != ',') return wrong(object ? "',' or '}'" : "',' or ']'", at_);
    at_++;
    skip_blanks();
    return object ? key() : value();
  }

  Place place(size_t at) const override {
    size_t line = 1, column = 1;
    for (const char c : text_.substr(0, at)) {
      if (c == '\n') {
        line++;
        column = 1;
      } else if ((static_cast<unsigned char>(c) & 0xC0) != 0x80) {
        column++;
      }
    }
    return {line, column};
  }

 private:
  enum class Expect { kValue, kFirstItem, kFirstKey, kMore, kDone };

  char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }
  bool digit() const { return peek() >= '0' && peek() <= '9'; }
  void skip_blanks() {
    while (at_ < text_.size() && std::string_view(" \t\r\n").find(text_[at_]) != std::string_view::npos) at_++;
  }
  Status wrong(std::string_view expected, size_t at) const {
    return invalid_argument(place_text(place(at)) + ": expected " + std::string(expected) +
                            (at >= text_.size() ? ", but the text ends" : ""));
  }

  Event close() {
    open_.pop_back();
    after_value();
    return {EventKind::kEnd, {}, at_++};
  }
  void after_value() { expect_ = open_.empty() ? Expect::kDone : Expect::kMore; }

  Result<Event> key() {
    if (peek() != '"') return wrong("a key in double quotes", at_);
    const size_t at = at_;
    ASSIGN_OR_RETURN(std::string name, string());
    skip_blanks();
    if (peek() != ':') return wrong("':'", at_);
    at_++;
    expect_ = Expect::kValue;
    return Event{EventKind::kKey, std::move(name), at};
  }

  Result<Event> value() {
    const size_t at = at_;
    switch (peek()) {
      case '{':
      case '[': {
        const bool object = peek() == '{';
        if (open_.size() == depth_) {
          return invalid_argument(place_text(place(at)) + ": nested deeper than " + std::to_string(depth_) + " levels");
        }
        at_++;
        open_.push_back(object ? '}' : ']');
        expect_ = object ? Expect::kFirstKey : Expect::kFirstItem;
        return Event{object ? EventKind::kObject : EventKind::kList, {}, at};
      }
      case '"': {
        ASSIGN_OR_RETURN(std::string text, string());
        after_value();
        return Event{EventKind::kString, std::move(text), at};
      }
      case 't': return word("true", EventKind::kBool);
      case 'f': return word("false", EventKind::kBool);
      case 'n': return word("null", EventKind::kNull);
      default: return number();
    }
  }

  Result<Event> word(std::string_view expected, EventKind kind) {
    const size_t at = at_;
    if (text_.substr(at_, expected.size()) != expected) return wrong("a value", at_);
    at_ += expected.size();
    after_value();
    return Event{kind, std::string(expected), at};
  }

  Result<Event> number() {
    const size_t at = at_;
    const auto digits = [&] {
      const size_t first = at_;
      while (digit()) at_++;
      return at_ > first;
    };
    if (peek() == '-') at_++;
    const bool zero = peek() == '0';
    if (!digits()) return wrong(at_ == at ? "a value" : "a digit", at_);
    if (zero && at_ - at > (text_[at] == '-' ? 2u : 1u)) return wrong("a number without leading zeros", at);
    if (peek() == '.') {
      at_++;
      if (!digits()) return wrong("a digit", at_);
    }
    if (peek() == 'e' || peek() == 'E') {
      at_++;
      if (peek() == '+' || peek() == '-') at_++;
      if (!digits()) return wrong("a digit", at_);
    }
    after_value();
    return Event{EventKind::kNumber, std::string(text_.substr(at, at_ - at)), at};
  }

  // From its opening quote to behind the closing one.
  Result<std::string> string() {
    const size_t begin = at_++;
    std::string out;
    for (;;) {
      const size_t run = at_;
      while (at_ < text_.size() && text_[at_] != '"' && text_[at_] != '\\' &&
             static_cast<unsigned char>(text_[at_]) >= 0x20) {
        at_++;
      }
      const std::string_view plain = text_.substr(run, at_ - run);
      if (!valid_utf8(plain)) return invalid_argument(place_text(place(begin)) + ": the string is not UTF-8");
      out += plain;
      if (at_ == text_.size()) return wrong("the string's closing '\"'", at_);
      if (text_[at_] == '"') break;
      if (text_[at_] != '\\') return wrong("an escape, such as \\n or \\u0001, in place of a control character", at_);
      RETURN_IF_ERROR(escape(&out));
    }
    at_++;
    return out;
  }

  Status escape(std::string* out) {
    constexpr std::string_view kLetters = "\"\\/bfnrt", kMeanings = "\"\\/\b\f\n\r\t";
    const size_t begin = at_++;
    if (const auto letter = kLetters.find(peek()); at_ < text_.size() && letter != std::string_view::npos) {
      *out += kMeanings[letter];
      at_++;
      return ok_status();
    }
    if (peek() != 'u') return wrong("one of the escapes \\\" \\\\ \\/ \\b \\f \\n \\r \\t \\u", begin);
    std::string units;
    do {
      uint16_t unit = 0;
      const std::string_view hex = text_.substr(std::min(at_ + 1, text_.size()), 4);
      const auto [end, error] = std::from_chars(hex.data(), hex.data() + hex.size(), unit, 16);
      if (error != std::errc() || hex.size() != 4 || end != hex.data() + 4)
        return wrong("\\u and four hex digits", begin);
      units += static_cast<char>(unit & 0xFF);
      units += static_cast<char>(unit >> 8);
      at_ += 5;
      // The first half of a surrogate pair: the other half must follow.
      if (units.size() > 2 || unit < 0xD800 || unit >= 0xDC00 || text_.substr(at_, 2) != "\\u") break;
      at_++;
    } while (true);
    // A mark of byte order would be dropped as one.
    if (units == "\xFF\xFE") {
      *out += "\xEF\xBB\xBF";
      return ok_status();
    }
    const auto text = utf8_from_utf16le(units);
    if (!text.ok()) return wrong("both halves of a surrogate pair", begin);
    *out += *text;
    return ok_status();
  }

  const std::string_view text_;
  const size_t depth_;
  size_t at_ = 0;
  Expect expect_ = Expect::kValue;
  std::string open_;  // the closing brackets that are due, innermost last
};
}  // namespace

std::unique_ptr<EventSource> json_events(std::string_view text, int depth) {
  return std::make_unique<JsonEvents>(text, depth);
}

std::string place_text(const Place& place) {
  return "line " + std::to_string(place.line) + ", column " + std::to_string(place.column);
}

}  // namespace smslab::codec
