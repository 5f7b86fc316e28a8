// What a JSON or YAML document consists of, one event after the other, with its place: the input of the one walk in
// json_read.cc. An implementation refuses what its grammar, or we, do not take (anchors, tags), and nesting beyond its
// limit; of types, names and duplicates it knows nothing.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "proto/base/status.h"
#include "proto/codec/place.h"

namespace smslab::codec {

enum class EventKind {
  kObject,  // until kEnd: kKey and a value, again and again
  kList,    // until kEnd: values
  kEnd,
  kKey,
  kString,
  kNumber,  // as JSON writes numbers; `text` is as it stands
  kBool,    // `text` is true or false
  kNull,
  kPlain,  // YAML without quotes: the field that it is for decides what it means
  kDone,   // the document is over
};

struct Event {
  EventKind kind = EventKind::kDone;
  std::string text;
  size_t at = 0;  // for place()
};

class EventSource {
 public:
  virtual ~EventSource() = default;
  virtual Result<Event> next() = 0;  // not again after an error or kDone
  virtual Place place(size_t at) const = 0;
};

// Both need `text` as long as they live.
std::unique_ptr<EventSource> json_events(std::string_view text, int depth);
// Reads the whole document at once. What is wrong stands at `place` and, as text, in the error's message.
Result<std::unique_ptr<EventSource>> yaml_events(std::string_view text, int depth, Place* place);

std::string place_text(const Place& place);  // "line 3, column 7"

}  // namespace smslab::codec
