#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <sstream>
#include <vector>

#include "proto/base/utf16.h"
#include "proto/codec/events.h"

namespace smslab::codec {
namespace {
Place place_of(const YAML::Mark& mark) {
  return {static_cast<size_t>(mark.line) + 1, static_cast<size_t>(mark.column) + 1};
}

// How a handler makes the parser stop; never leaves this file.
struct Refused {
  Place place;
  std::string why;
};
[[noreturn]] void refuse(const YAML::Mark& mark, const std::string& why) { throw Refused{place_of(mark), why}; }

class YamlEvents final : public EventSource, private YAML::EventHandler {
 public:
  explicit YamlEvents(int depth) : depth_(static_cast<size_t>(depth)) {}

  Status read(std::string_view text, Place* place) {
    if (!valid_utf8(text)) return invalid_argument("the text is not UTF-8");
    // YAML has none of them, and the parser makes bytes of its own of some.
    const auto control = std::find_if(text.begin(), text.end(), [](char c) {
      return (static_cast<unsigned char>(c) < 0x20 && c != '\t' && c != '\n' && c != '\r') || c == 0x7F;
    });
    if (control != text.end()) {
      const std::string_view before = text.substr(0, static_cast<size_t>(control - text.begin()));
      place->line = static_cast<size_t>(std::count(before.begin(), before.end(), '\n')) + 1;
      const std::string_view line = before.substr(before.rfind('\n') + 1);
      const auto begins = [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; };
      place->column = static_cast<size_t>(std::count_if(line.begin(), line.end(), begins)) + 1;
      return invalid_argument(place_text(*place) + ": a control character, which no text has");
    }
    std::istringstream in{std::string(text)};
    try {
      YAML::Parser parser(in);
      if (!parser.HandleNextDocument(*this)) return invalid_argument("there is no document in it");
      if (parser.HandleNextDocument(*this)) return invalid_argument("there is more than one document in it");
    } catch (const Refused& refused) {
      *place = refused.place;
      return invalid_argument(place_text(*place) + ": " + refused.why);
    } catch (const YAML::Exception& error) {
      *place = place_of(error.mark);
      return invalid_argument(place_text(*place) + ": " + error.msg);
    }
    return ok_status();
  }

  Result<Event> next() override {
    if (given_ == events_.size()) return Event{EventKind::kDone, {}, given_};
    events_[given_].at = given_;
    return std::move(events_[given_++]);
  }
  Place place(size_t at) const override { return place_of(marks_[std::min(at, marks_.size() - 1)]); }

 private:
  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}
  void OnAnchor(const YAML::Mark& mark, const std::string&) override { refuse(mark, "anchors are not taken"); }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override { refuse(mark, "aliases are not taken"); }

  void OnNull(const YAML::Mark& mark, YAML::anchor_t) override { scalar(mark, EventKind::kNull, ""); }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t, const std::string& value) override {
    if (tag != "?" && tag != "!") refuse(mark, "tags are not taken");
    const bool quoted = tag == "!";
    const bool null = value.empty() || value == "~" || value == "null" || value == "Null" || value == "NULL";
    scalar(mark, quoted ? EventKind::kString : null ? EventKind::kNull : EventKind::kPlain, value);
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t,
                       YAML::EmitterStyle::value) override {
    begin(mark, tag, EventKind::kList);
  }
  void OnSequenceEnd() override { end(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t, YAML::EmitterStyle::value) override {
    begin(mark, tag, EventKind::kObject);
  }
  void OnMapEnd() override { end(); }

  // What the next value is in its collection.
  enum class Next { kItem, kKey, kValue };

  void scalar(const YAML::Mark& mark, EventKind kind, const std::string& text) {
    const bool key = !open_.empty() && open_.back() == Next::kKey;
    if (key && kind == EventKind::kNull) refuse(mark, "expected a key");
    add(mark, key ? EventKind::kKey : kind, text);
    turn();
  }
  void begin(const YAML::Mark& mark, const std::string& tag, EventKind kind) {
    if (tag != "?" && !tag.empty()) refuse(mark, "tags are not taken");
    if (!open_.empty() && open_.back() == Next::kKey) refuse(mark, "a key must be a plain text");
    if (open_.size() == depth_) refuse(mark, "nested deeper than " + std::to_string(depth_) + " levels");
    add(mark, kind, "");
    open_.push_back(kind == EventKind::kObject ? Next::kKey : Next::kItem);
  }
  void end() {
    open_.pop_back();
    add(marks_.back(), EventKind::kEnd, "");
    turn();
  }
  void turn() {
    if (open_.empty() || open_.back() == Next::kItem) return;
    open_.back() = open_.back() == Next::kKey ? Next::kValue : Next::kKey;
  }
  void add(const YAML::Mark& mark, EventKind kind, const std::string& text) {
    events_.push_back({kind, text, 0});
    marks_.push_back(mark);
  }

  const size_t depth_;
  std::vector<Next> open_;
  std::vector<Event> events_;
  std::vector<YAML::Mark> marks_;  // of events_, by index
  size_t given_ = 0;
};
}  // namespace

Result<std::unique_ptr<EventSource>> yaml_events(std::string_view text, int depth, Place* place) {
  auto events = std::make_unique<YamlEvents>(depth);
  RETURN_IF_ERROR(events->read(text, place));
  return std::unique_ptr<EventSource>(std::move(events));
}

}  // namespace smslab::codec
