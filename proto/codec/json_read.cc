#include <google/protobuf/timestamp.pb.h>

#include <charconv>
#include <cmath>
#include <optional>
#include <set>

#include "proto/base/text.h"
#include "proto/base/time_text.h"
#include "proto/codec/events.h"
#include "proto/codec/json.h"
#include "proto/codec/yaml.h"

namespace smslab::codec {
namespace {
using google::protobuf::Descriptor;
using google::protobuf::EnumDescriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

constexpr int kListedNames = 16;  // an error names what is right when it is no more than this

std::string key_list(const Descriptor& type) {
  if (type.field_count() == 0) return "; it takes none";
  if (type.field_count() > kListedNames) return "";
  std::string out = "; it takes";
  for (int i = 0; i < type.field_count(); i++) out += (i == 0 ? " " : ", ") + type.field(i)->json_name();
  return out;
}

std::string name_list(const EnumDescriptor& type) {
  std::string out;
  for (int i = 0; i < std::min(type.value_count(), kListedNames); i++) {
    out += (i == 0 ? "" : ", ") + type.value(i)->name();
  }
  return out;
}

const FieldDescriptor* find_field(const Descriptor& type, const std::string& key) {
  if (const auto* field = type.FindFieldByName(key)) return field;
  for (int i = 0; i < type.field_count(); i++) {
    if (type.field(i)->json_name() == key) return type.field(i);
  }
  return nullptr;
}

std::string_view kind_name(EventKind kind) {
  switch (kind) {
    case EventKind::kObject: return "an object";
    case EventKind::kList: return "a list";
    case EventKind::kString: return "a string";
    case EventKind::kNumber: return "a number";
    case EventKind::kBool: return "true or false";
    case EventKind::kNull: return "null";
    default: return "a value";
  }
}

// RFC 4648, section 4: standard alphabet, padded.
std::optional<std::string> from_base64(std::string_view text) {
  constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  if (text.size() % 4 != 0) return std::nullopt;
  size_t padding = 0;
  while (padding < 2 && text.ends_with('=')) {
    text.remove_suffix(1);
    padding++;
  }
  std::string out;
  uint32_t bits = 0;
  int held = 0;
  for (const char c : text) {
    const auto digit = kDigits.find(c);
    if (digit == std::string_view::npos) return std::nullopt;
    bits = (bits << 6) | static_cast<uint32_t>(digit);
    held += 6;
    if (held < 8) continue;
    held -= 8;
    out += static_cast<char>(bits >> held & 0xFF);
  }
  return (bits & ((1u << held) - 1)) == 0 ? std::optional(out) : std::nullopt;
}

// One scalar, whatever its place: field, item or map value.
struct Scalar {
  int64_t i = 0;
  uint64_t u = 0;
  double d = 0;
  bool b = false;
  std::string s;
};

class Walk {
 public:
  // With a `file`, what is wrong is noted there and the walk goes on behind it; else the first error ends it.
  explicit Walk(EventSource* events, YamlFile* file = nullptr) : events_(*events), file_(file) {}

  Status document(Message* message) {
    ASSIGN_OR_RETURN(const Event first, events_.next());
    if (first.kind != EventKind::kObject) return refused(first, wrong_type(first, "an object", ""));
    RETURN_IF_ERROR(object(message, ""));
    return events_.next().status();
  }

 private:
  Status error(const Event& event, const std::string& what, const std::string& path) const {
    if (file_ == nullptr) return invalid_argument(place_text(events_.place(event.at)) + ": " + what, path);
    return invalid_argument(what, path);
  }
  // `why` ends the walk, or is noted and the rest of what began with `event` passed over.
  Status refused(const Event& event, const Status& why) {
    if (file_ == nullptr) return why;
    file_->errors.push_back({events_.place(event.at), why.field(), why.message()});
    return pass_over(event);
  }
  // A key that cannot be taken, with its value.
  Status refused_key(const Event& key, const Status& why) {
    RETURN_IF_ERROR(refused(key, why));
    ASSIGN_OR_RETURN(const Event value, events_.next());
    return pass_over(value);
  }
  Status pass_over(const Event& event) {
    const auto opens = [](EventKind kind) { return kind == EventKind::kObject || kind == EventKind::kList; };
    for (int open = opens(event.kind) ? 1 : 0; open > 0;) {
      ASSIGN_OR_RETURN(const Event next, events_.next());
      open += opens(next.kind) ? 1 : next.kind == EventKind::kEnd ? -1 : 0;
    }
    return ok_status();
  }
  void note(const Event& event, const std::string& path) {
    if (file_ != nullptr) file_->places.emplace(path, events_.place(event.at));
  }
  Status wrong_type(const Event& event, const std::string& expected, const std::string& path) const {
    if (event.kind == EventKind::kNull) return error(event, "null is no value here; leave the key out", path);
    const std::string got =
        event.kind == EventKind::kPlain ? "'" + event.text + "'" : std::string(kind_name(event.kind));
    return error(event, "expected " + expected + ", not " + got, path);
  }

  // What follows the opening of an object, to its end.
  Status object(Message* message, const std::string& path) {
    const Descriptor& type = *message->GetDescriptor();
    const Reflection& reflection = *message->GetReflection();
    std::set<int> seen;
    for (;;) {
      ASSIGN_OR_RETURN(const Event key, events_.next());
      if (key.kind == EventKind::kEnd) return ok_status();
      const FieldDescriptor* field = find_field(type, key.text);
      const std::string& name = field == nullptr ? key.text : field->json_name();
      const std::string inner = path.empty() ? name : path + "." + name;
      if (field == nullptr) {
        RETURN_IF_ERROR(refused_key(key, error(key, "unknown key '" + key.text + "'" + key_list(type), inner)));
        continue;
      }
      if (!seen.insert(field->number()).second) {
        RETURN_IF_ERROR(refused_key(key, error(key, "'" + key.text + "' is given twice", inner)));
        continue;
      }
      if (const auto* oneof = field->real_containing_oneof();
          oneof != nullptr && reflection.HasOneof(*message, oneof)) {
        const FieldDescriptor* other = reflection.GetOneofFieldDescriptor(*message, oneof);
        RETURN_IF_ERROR(refused_key(
            key, error(key, "'" + key.text + "' and '" + other->json_name() + "' exclude each other", inner)));
        continue;
      }
      ASSIGN_OR_RETURN(const Event value, events_.next());
      note(value, inner);
      if (field->is_map()) {
        RETURN_IF_ERROR(map(value, message, field, inner));
      } else if (field->is_repeated()) {
        RETURN_IF_ERROR(list(value, message, field, inner));
      } else {
        RETURN_IF_ERROR(store(value, message, field, inner));
      }
    }
  }

  Status list(const Event& event, Message* message, const FieldDescriptor* field, const std::string& path) {
    if (event.kind != EventKind::kList) return refused(event, wrong_type(event, "a list", path));
    for (size_t i = 0;; i++) {
      ASSIGN_OR_RETURN(const Event item, events_.next());
      if (item.kind == EventKind::kEnd) return ok_status();
      const std::string inner = path + "[" + std::to_string(i) + "]";
      note(item, inner);
      RETURN_IF_ERROR(store(item, message, field, inner));
    }
  }

  Status map(const Event& event, Message* message, const FieldDescriptor* field, const std::string& path) {
    if (event.kind != EventKind::kObject) return refused(event, wrong_type(event, "an object", path));
    const FieldDescriptor* key_field = field->message_type()->map_key();
    std::set<std::string> seen;
    for (;;) {
      ASSIGN_OR_RETURN(Event key, events_.next());
      if (key.kind == EventKind::kEnd) return ok_status();
      const std::string inner = path + "." + key.text;
      if (!seen.insert(key.text).second) {
        RETURN_IF_ERROR(refused_key(key, error(key, "'" + key.text + "' is given twice", inner)));
        continue;
      }
      ASSIGN_OR_RETURN(const Event value, events_.next());
      Message* entry = message->GetReflection()->AddMessage(message, field);
      key.kind = key_field->cpp_type() == FieldDescriptor::CPPTYPE_STRING ? EventKind::kString : EventKind::kPlain;
      RETURN_IF_ERROR(store(key, entry, key_field, inner));
      RETURN_IF_ERROR(store(value, entry, field->message_type()->map_value(), inner));
    }
  }

  // Sets a singular field, adds to a repeated one.
  Status store(const Event& event, Message* message, const FieldDescriptor* field, const std::string& path) {
    const Reflection& r = *message->GetReflection();
    const bool add = field->is_repeated();
    if (field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
      const bool time = field->message_type() == google::protobuf::Timestamp::descriptor();
      if (!time && event.kind != EventKind::kObject) return refused(event, wrong_type(event, "an object", path));
      Message* inner = add ? r.AddMessage(message, field) : r.MutableMessage(message, field);
      if (!time) return object(inner, path);
      const Status read = timestamp(event, static_cast<google::protobuf::Timestamp*>(inner), path);
      return read.ok() ? read : refused(event, read);
    }
    auto value = scalar(event, field, path);
    if (!value.ok()) return refused(event, value.status());
    Scalar v = *std::move(value);
    switch (field->cpp_type()) {
      case FieldDescriptor::CPPTYPE_INT32:
        add ? r.AddInt32(message, field, static_cast<int32_t>(v.i))
            : r.SetInt32(message, field, static_cast<int32_t>(v.i));
        break;
      case FieldDescriptor::CPPTYPE_INT64:
        add ? r.AddInt64(message, field, v.i) : r.SetInt64(message, field, v.i);
        break;
      case FieldDescriptor::CPPTYPE_UINT32:
        add ? r.AddUInt32(message, field, static_cast<uint32_t>(v.u))
            : r.SetUInt32(message, field, static_cast<uint32_t>(v.u));
        break;
      case FieldDescriptor::CPPTYPE_UINT64:
        add ? r.AddUInt64(message, field, v.u) : r.SetUInt64(message, field, v.u);
        break;
      case FieldDescriptor::CPPTYPE_DOUBLE:
        add ? r.AddDouble(message, field, v.d) : r.SetDouble(message, field, v.d);
        break;
      case FieldDescriptor::CPPTYPE_FLOAT:
        add ? r.AddFloat(message, field, static_cast<float>(v.d)) : r.SetFloat(message, field, static_cast<float>(v.d));
        break;
      case FieldDescriptor::CPPTYPE_BOOL: add ? r.AddBool(message, field, v.b) : r.SetBool(message, field, v.b); break;
      case FieldDescriptor::CPPTYPE_ENUM:
        add ? r.AddEnumValue(message, field, static_cast<int>(v.i))
            : r.SetEnumValue(message, field, static_cast<int>(v.i));
        break;
      case FieldDescriptor::CPPTYPE_STRING:
        add ? r.AddString(message, field, std::move(v.s)) : r.SetString(message, field, std::move(v.s));
        break;
      case FieldDescriptor::CPPTYPE_MESSAGE: break;
    }
    return ok_status();
  }

  Result<Scalar> scalar(const Event& event, const FieldDescriptor* field, const std::string& path) const {
    Scalar v;
    switch (field->cpp_type()) {
      case FieldDescriptor::CPPTYPE_INT32: return whole<int32_t>(event, false, path, &v.i, v);
      case FieldDescriptor::CPPTYPE_INT64: return whole<int64_t>(event, true, path, &v.i, v);
      case FieldDescriptor::CPPTYPE_UINT32: return whole<uint32_t>(event, false, path, &v.u, v);
      case FieldDescriptor::CPPTYPE_UINT64: return whole<uint64_t>(event, true, path, &v.u, v);
      case FieldDescriptor::CPPTYPE_DOUBLE:
      case FieldDescriptor::CPPTYPE_FLOAT: {
        if (event.kind != EventKind::kNumber && event.kind != EventKind::kPlain) {
          return wrong_type(event, "a number", path);
        }
        const char* end = event.text.data() + event.text.size();
        const auto [stop, fault] = std::from_chars(event.text.data(), end, v.d);
        if (fault != std::errc() || stop != end || !std::isfinite(v.d)) {
          return error(event, "'" + event.text + "' is not a number within range", path);
        }
        return v;
      }
      case FieldDescriptor::CPPTYPE_BOOL:
        if (event.kind != EventKind::kBool &&
            (event.kind != EventKind::kPlain || (event.text != "true" && event.text != "false"))) {
          return wrong_type(event, "true or false", path);
        }
        v.b = event.text == "true";
        return v;
      case FieldDescriptor::CPPTYPE_ENUM: return enumeration(event, field, path);
      default: break;
    }
    if (event.kind != EventKind::kString && event.kind != EventKind::kPlain) return wrong_type(event, "a string", path);
    v.s = event.text;
    if (field->type() == FieldDescriptor::TYPE_BYTES) {
      auto bytes = from_base64(event.text);
      if (!bytes) return error(event, "expected base64 (A-Z a-z 0-9 + / and = at the end)", path);
      v.s = *std::move(bytes);
    }
    return v;
  }

  template <class Int, class Wide>
  Result<Scalar> whole(const Event& event, bool quoted, const std::string& path, Wide* out, Scalar& v) const {
    const bool number = event.kind == EventKind::kNumber || event.kind == EventKind::kPlain;
    const bool in_quotes = quoted && event.kind == EventKind::kString;
    if (!number && !in_quotes) return wrong_type(event, "a whole number", path);
    Int value{};
    const char* end = event.text.data() + event.text.size();
    const auto [stop, fault] = std::from_chars(event.text.data(), end, value);
    const bool unsigned_below_zero = std::is_unsigned_v<Int> && event.text.starts_with('-');
    if (fault == std::errc::result_out_of_range || (unsigned_below_zero && parse_u64(event.text.substr(1)))) {
      return error(event,
                   event.text + " is not in " + std::to_string(std::numeric_limits<Int>::min()) + " to " +
                       std::to_string(std::numeric_limits<Int>::max()),
                   path);
    }
    if (fault != std::errc() || stop != end)
      return error(event, "expected a whole number, not '" + event.text + "'", path);
    *out = value;
    return v;
  }

  Result<Scalar> enumeration(const Event& event, const FieldDescriptor* field, const std::string& path) const {
    const EnumDescriptor& type = *field->enum_type();
    const auto* value = event.kind == EventKind::kNumber ? nullptr : type.FindValueByName(event.text);
    if (int number = 0; value == nullptr && (event.kind == EventKind::kNumber || event.kind == EventKind::kPlain)) {
      const char* end = event.text.data() + event.text.size();
      if (std::from_chars(event.text.data(), end, number).ptr == end) value = type.FindValueByNumber(number);
    } else if (event.kind != EventKind::kString && event.kind != EventKind::kPlain) {
      return wrong_type(event, "one of " + name_list(type), path);
    }
    if (value == nullptr) return error(event, "'" + event.text + "' is none of " + name_list(type), path);
    Scalar v;
    v.i = value->number();
    return v;
  }

  Status timestamp(const Event& event, google::protobuf::Timestamp* time, const std::string& path) const {
    if (event.kind != EventKind::kString && event.kind != EventKind::kPlain) {
      return wrong_type(event, "a time such as \"2026-11-21T20:00:00Z\"", path);
    }
    const auto parsed = parse_rfc3339(event.text);
    if (!parsed) return error(event, "'" + event.text + "' is not a time such as 2026-11-21T20:00:00Z", path);
    const auto seconds = std::chrono::floor<std::chrono::seconds>(*parsed);
    time->set_seconds(seconds.time_since_epoch().count());
    time->set_nanos(static_cast<int32_t>((*parsed - seconds).count() * 1'000'000));
    return ok_status();
  }

  EventSource& events_;
  YamlFile* const file_;
};

Status read(EventSource* events, Message* message) {
  Status status = Walk(events).document(message);
  if (!status.ok()) message->Clear();
  return status;
}

Status check_size(std::string_view text, const ReadLimits& limits) {
  if (text.size() <= limits.bytes) return ok_status();
  return {Code::kTooLarge, "the text is larger than " + std::to_string(limits.bytes) + " bytes"};
}
}  // namespace

Status from_json(std::string_view text, Message* message, const ReadLimits& limits) {
  message->Clear();
  RETURN_IF_ERROR(check_size(text, limits));
  const auto events = json_events(text, limits.depth);
  return read(events.get(), message);
}

Status from_yaml(std::string_view text, Message* message, const ReadLimits& limits) {
  message->Clear();
  RETURN_IF_ERROR(check_size(text, limits));
  Place place;
  ASSIGN_OR_RETURN(const auto events, yaml_events(text, limits.depth, &place));
  return read(events.get(), message);
}

YamlFile read_yaml(std::string_view text, Message* message, const ReadLimits& limits) {
  message->Clear();
  YamlFile file;
  const auto fail = [&](const Place& place, const Status& why) {
    // The event source's message begins with the place, which stands beside it here.
    const std::string prefix = place_text(place) + ": ";
    const bool twice = why.message().starts_with(prefix);
    file.errors.push_back({place, why.field(), twice ? why.message().substr(prefix.size()) : why.message()});
  };
  if (const Status size = check_size(text, limits); !size.ok()) {
    fail({}, size);
    return file;
  }
  Place place;
  const auto events = yaml_events(text, limits.depth, &place);
  if (!events.ok()) {
    fail(place, events.status());
    return file;
  }
  if (const Status status = Walk(events->get(), &file).document(message); !status.ok()) fail({}, status);
  return file;
}

Place YamlFile::place_of(std::string path) const {
  for (;;) {
    if (const auto found = places.find(path); found != places.end()) return found->second;
    const auto cut = path.find_last_of(".[");
    if (cut == std::string::npos) return {1, 1};
    path.resize(cut);
  }
}

}  // namespace smslab::codec
