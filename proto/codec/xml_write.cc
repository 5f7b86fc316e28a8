#include <algorithm>

#include "proto/base/time_text.h"
#include "proto/codec/xml.h"
#include "proto/codec/xml_layout.h"

namespace smslab::codec {
namespace {
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

// Length of the character at `at` if XML 1.0 cannot hold it, else 0. `text` is UTF-8.
size_t unspeakable(std::string_view text, size_t at) {
  const auto c = static_cast<unsigned char>(text[at]);
  if (c < 0x20) return c == '\t' || c == '\n' || c == '\r' ? 0 : 1;
  const std::string_view three = text.substr(at, 3);
  return three == "\xEF\xBF\xBE" || three == "\xEF\xBF\xBF" ? 3 : 0;
}

void append_cdata(std::string_view text, std::string* out) {
  *out += "<![CDATA[";
  for (size_t i = 0; i < text.size(); i++) {
    if (const size_t length = unspeakable(text, i); length > 0) {
      *out += "\xEF\xBF\xBD";
      i += length - 1;
      continue;
    }
    if (text.substr(i, 3) == "]]>") {
      *out += "]]]]><![CDATA[>";
      i += 2;
      continue;
    }
    *out += text[i];
  }
  *out += "]]>";
}

// One value as text; `index` is -1 for a singular field.
std::string scalar_text(const Message& message, const FieldDescriptor& field, int index) {
  const auto& r = *message.GetReflection();
  const auto* f = &field;
  const bool one = index < 0;
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_STRING: return one ? r.GetString(message, f) : r.GetRepeatedString(message, f, index);
    case FieldDescriptor::CPPTYPE_INT32:
      return std::to_string(one ? r.GetInt32(message, f) : r.GetRepeatedInt32(message, f, index));
    case FieldDescriptor::CPPTYPE_INT64:
      return std::to_string(one ? r.GetInt64(message, f) : r.GetRepeatedInt64(message, f, index));
    case FieldDescriptor::CPPTYPE_UINT32:
      return std::to_string(one ? r.GetUInt32(message, f) : r.GetRepeatedUInt32(message, f, index));
    case FieldDescriptor::CPPTYPE_UINT64:
      return std::to_string(one ? r.GetUInt64(message, f) : r.GetRepeatedUInt64(message, f, index));
    case FieldDescriptor::CPPTYPE_BOOL:
      return (one ? r.GetBool(message, f) : r.GetRepeatedBool(message, f, index)) ? "true" : "false";
    case FieldDescriptor::CPPTYPE_ENUM:
      return (one ? r.GetEnum(message, f) : r.GetRepeatedEnum(message, f, index))->name();
    case FieldDescriptor::CPPTYPE_MESSAGE: {
      const auto& time = static_cast<const google::protobuf::Timestamp&>(one ? r.GetMessage(message, f)
                                                                             : r.GetRepeatedMessage(message, f, index));
      return format_rfc3339(LabTime(std::chrono::seconds(time.seconds()) + LabDuration(time.nanos() / 1'000'000)));
    }
    default: break;
  }
  assert(false && "no message with an XML form has such a field");
  return {};
}

class Writer {
 public:
  explicit Writer(std::string* out) : out_(*out) {}

  void element(const Message& message, const std::string& name) {
    const auto& fields = xml_layout(*message.GetDescriptor());
    out_ += '<';
    out_ += name;
    for (const XmlLayout& layout : fields) {
      if (layout.attribute) attribute(message, layout);
    }
    out_ += '>';
    const size_t begin = out_.size();
    for (const XmlLayout& layout : fields) {
      if (!layout.attribute) content(message, layout);
    }
    close(name, begin);
  }

 private:
  void open(const std::string& name) {
    out_ += '<';
    out_ += name;
    out_ += '>';
  }

  // Ends the element whose content began at `begin`: empty elements as <X/>.
  void close(const std::string& name, size_t begin) {
    if (out_.size() == begin) {
      out_.back() = '/';
      out_ += '>';
      return;
    }
    out_ += "</";
    out_ += name;
    out_ += '>';
  }

  void attribute(const Message& message, const XmlLayout& layout) {
    const FieldDescriptor& field = *layout.field;
    if (field.has_presence() && !message.GetReflection()->HasField(message, &field)) return;
    out_ += ' ';
    out_ += layout.name;
    out_ += "=\"";
    append_xml_escaped(scalar_text(message, field, -1), true, &out_);
    out_ += '"';
  }

  void content(const Message& message, const XmlLayout& layout) {
    const FieldDescriptor& field = *layout.field;
    const auto& r = *message.GetReflection();
    if (!field.is_repeated()) {
      if (!r.HasField(message, &field)) return;
      if (!layout.text) return child(message, layout, -1);
      const std::string text = scalar_text(message, field, -1);
      return layout.cdata ? append_cdata(text, &out_) : append_xml_escaped(text, false, &out_);
    }
    const int count = r.FieldSize(message, &field);
    const bool wrapped = !layout.wrap.empty() && (count > 0 || layout.wrap_always);
    if (wrapped) open(layout.wrap);
    const size_t begin = out_.size();
    for (int i = 0; i < count; i++) child(message, layout, i);
    if (wrapped) close(layout.wrap, begin);
  }

  void child(const Message& message, const XmlLayout& layout, int index) {
    const FieldDescriptor& field = *layout.field;
    if (!layout.scalar) {
      const auto& r = *message.GetReflection();
      return element(index < 0 ? r.GetMessage(message, &field) : r.GetRepeatedMessage(message, &field, index),
                     layout.name);
    }
    open(layout.name);
    const size_t begin = out_.size();
    append_xml_escaped(scalar_text(message, field, index), false, &out_);
    close(layout.name, begin);
  }

  std::string& out_;
};
}  // namespace

void append_xml_escaped(std::string_view text, bool attribute, std::string* out) {
  const auto is_plain = [](char c) { return c >= 0x20 && c != '&' && c != '<' && c != '>' && c != '"'; };
  for (size_t i = 0; i < text.size(); i++) {
    const auto run = std::find_if_not(text.begin() + static_cast<ptrdiff_t>(i), text.end(), is_plain);
    const auto plain = static_cast<size_t>(run - text.begin()) - i;
    out->append(text.substr(i, plain));
    i += plain;
    if (i == text.size()) return;
    if (const size_t length = unspeakable(text, i); length > 0) {
      *out += "\xEF\xBF\xBD";
      i += length - 1;
      continue;
    }
    switch (const char c = text[i]) {
      case '&': *out += "&amp;"; break;
      case '<': *out += "&lt;"; break;
      case '>': *out += "&gt;"; break;
      case '\r': *out += "&#13;"; break;  // raw, a parser would read it as a line feed
      case '"': attribute ? * out += "&quot;" : * out += c; break;
      case '\t': attribute ? * out += "&#9;" : * out += c; break;
      case '\n': attribute ? * out += "&#10;" : * out += c; break;
      default: *out += c;
    }
  }
}

std::string to_xml(const Message& message) {
  std::string out;
  Writer(&out).element(message, xml_root(*message.GetDescriptor()));
  return out;
}

}  // namespace smslab::codec
