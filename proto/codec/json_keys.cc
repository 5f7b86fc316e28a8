#include "proto/codec/json_keys.h"

#include "proto/codec/events.h"
#include "proto/codec/json.h"

namespace smslab::codec {

bool json_names_key(std::string_view text, std::string_view key) {
  const auto events = json_events(text, ReadLimits().depth);
  int open = 0;
  while (true) {
    const auto event = events->next();
    if (!event.ok() || event->kind == EventKind::kDone) return false;
    if (event->kind == EventKind::kObject || event->kind == EventKind::kList) open++;
    if (event->kind == EventKind::kEnd) open--;
    if (event->kind == EventKind::kKey && open == 1 && event->text == key) return true;
  }
}

}  // namespace smslab::codec
