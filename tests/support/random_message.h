// Messages with anything in them, for round trips: by reflection, from a seed.
#pragma once

#include <google/protobuf/message.h>
#include <google/protobuf/timestamp.pb.h>

#include <cstdlib>
#include <random>
#include <string>

namespace smslab::testing {

// SMSLAB_SEED, or another one with every run. A test prints it when it fails.
inline uint64_t random_seed() {
  const char* given = std::getenv("SMSLAB_SEED");
  return given != nullptr ? std::strtoull(given, nullptr, 10) : std::random_device{}();
}

class MessageFiller {
 public:
  // `characters`: what strings are made of.
  MessageFiller(uint64_t seed, std::u32string characters) : random_(seed), characters_(std::move(characters)) {}

  void fill(google::protobuf::Message* message, int depth = 0) {
    using google::protobuf::FieldDescriptor;
    if (auto* time = dynamic_cast<google::protobuf::Timestamp*>(message)) {
      time->set_seconds(static_cast<int64_t>(below(253'402'300'800)));  // to the end of 9999
      time->set_nanos(static_cast<int32_t>(below(1000)) * 1'000'000);
      return;
    }
    const auto& type = *message->GetDescriptor();
    for (int i = 0; i < type.field_count(); i++) {
      const FieldDescriptor* field = type.field(i);
      if (const auto* oneof = field->real_containing_oneof();
          oneof != nullptr && message->GetReflection()->HasOneof(*message, oneof)) {
        continue;
      }
      const uint64_t count = field->is_repeated() ? (field->is_map() ? 1 : below(4)) : below(4) == 0 ? 0 : 1;
      for (uint64_t n = 0; n < count && depth < 8; n++) set(message, field, depth);
    }
  }

 private:
  uint64_t below(uint64_t limit) { return random_() % limit; }
  // Small ones, large ones, and the ends of the range.
  uint64_t number() { return below(3) == 0 ? below(10) : below(2) == 0 ? random_() : ~uint64_t{0}; }

  std::string text() {
    std::string out;
    for (uint64_t n = below(12); n > 0; n--) append(characters_[below(characters_.size())], &out);
    return out;
  }
  static void append(char32_t c, std::string* out) {
    const auto put = [&](char32_t byte) { *out += static_cast<char>(byte); };
    if (c < 0x80) return put(c);
    if (c < 0x800) {
      put(0xC0 | (c >> 6));
    } else if (c < 0x10000) {
      put(0xE0 | (c >> 12));
      put(0x80 | ((c >> 6) & 0x3F));
    } else {
      put(0xF0 | (c >> 18));
      put(0x80 | ((c >> 12) & 0x3F));
      put(0x80 | ((c >> 6) & 0x3F));
    }
    put(0x80 | (c & 0x3F));
  }

  void set(google::protobuf::Message* m, const google::protobuf::FieldDescriptor* f, int depth) {
    using google::protobuf::FieldDescriptor;
    const auto& r = *m->GetReflection();
    const bool add = f->is_repeated();
    switch (f->cpp_type()) {
      case FieldDescriptor::CPPTYPE_INT32: {
        const auto v = static_cast<int32_t>(number());
        add ? r.AddInt32(m, f, v) : r.SetInt32(m, f, v);
        break;
      }
      case FieldDescriptor::CPPTYPE_INT64: {
        const auto v = static_cast<int64_t>(number());
        add ? r.AddInt64(m, f, v) : r.SetInt64(m, f, v);
        break;
      }
      case FieldDescriptor::CPPTYPE_UINT32: {
        const auto v = static_cast<uint32_t>(number());
        add ? r.AddUInt32(m, f, v) : r.SetUInt32(m, f, v);
        break;
      }
      case FieldDescriptor::CPPTYPE_UINT64: {
        const uint64_t v = number();
        add ? r.AddUInt64(m, f, v) : r.SetUInt64(m, f, v);
        break;
      }
      case FieldDescriptor::CPPTYPE_BOOL: {
        const bool v = below(2) == 0;
        add ? r.AddBool(m, f, v) : r.SetBool(m, f, v);
        break;
      }
      case FieldDescriptor::CPPTYPE_ENUM: {
        const auto& values = *f->enum_type();
        const auto* v = values.value(static_cast<int>(below(static_cast<uint64_t>(values.value_count()))));
        add ? r.AddEnum(m, f, v) : r.SetEnum(m, f, v);
        break;
      }
      case FieldDescriptor::CPPTYPE_STRING: {
        const std::string v = text();
        add ? r.AddString(m, f, v) : r.SetString(m, f, v);
        break;
      }
      case FieldDescriptor::CPPTYPE_MESSAGE: fill(add ? r.AddMessage(m, f) : r.MutableMessage(m, f), depth + 1); break;
      default: break;
    }
  }

  std::mt19937_64 random_;
  std::u32string characters_;
};

inline void fill_random(uint64_t seed, google::protobuf::Message* message) {
  MessageFiller(seed, U"aZ09 \"\\/<>&']-\t\n\r\x01\x7Féß€\uFEFF\uFFFD😀").fill(message);
}

}  // namespace smslab::testing
