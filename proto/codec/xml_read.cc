#include <charconv>

#include "proto/base/text.h"
#include "proto/base/time_text.h"
#include "proto/codec/xml.h"
#include "proto/codec/xml_document.h"
#include "proto/codec/xml_layout.h"

namespace smslab::codec {
namespace {
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

// The element's own text: white space around it is layout, unless it is CDATA.
std::string element_text(const pugi::xml_node& element) {
  std::string out;
  bool trim_end = false;
  size_t end_of_cdata = 0;
  for (const auto& node : element.children()) {
    if (node.type() != pugi::node_pcdata && node.type() != pugi::node_cdata) continue;
    const std::string_view value = node.value();
    trim_end = node.type() == pugi::node_pcdata;
    const size_t skip = trim_end && out.empty() ? std::min(value.find_first_not_of(" \t\r\n"), value.size()) : 0;
    out += value.substr(skip);
    if (!trim_end) end_of_cdata = out.size();
  }
  while (trim_end && out.size() > end_of_cdata && trim(std::string_view(out).substr(out.size() - 1)).empty()) {
    out.pop_back();
  }
  return out;
}

bool has_cdata(const pugi::xml_node& element) {
  for (const auto& node : element.children()) {
    if (node.type() == pugi::node_cdata) return true;
  }
  return false;
}

template <class Int>
bool parse_number(std::string_view text, Int* out) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), *out);
  return error == std::errc() && end == text.data() + text.size();
}

// Sets a singular field, adds to a repeated one. False when the text does not fit.
bool store(std::string text, Message* message, const FieldDescriptor* f) {
  const auto& r = *message->GetReflection();
  const bool add = f->is_repeated();
  switch (f->cpp_type()) {
    case FieldDescriptor::CPPTYPE_STRING:
      add ? r.AddString(message, f, std::move(text)) : r.SetString(message, f, std::move(text));
      return true;
    case FieldDescriptor::CPPTYPE_INT32: {
      int32_t value = 0;
      if (!parse_number(text, &value)) return false;
      add ? r.AddInt32(message, f, value) : r.SetInt32(message, f, value);
      return true;
    }
    case FieldDescriptor::CPPTYPE_INT64: {
      int64_t value = 0;
      if (!parse_number(text, &value)) return false;
      add ? r.AddInt64(message, f, value) : r.SetInt64(message, f, value);
      return true;
    }
    case FieldDescriptor::CPPTYPE_UINT32: {
      uint32_t value = 0;
      if (!parse_number(text, &value)) return false;
      add ? r.AddUInt32(message, f, value) : r.SetUInt32(message, f, value);
      return true;
    }
    case FieldDescriptor::CPPTYPE_UINT64: {
      uint64_t value = 0;
      if (!parse_number(text, &value)) return false;
      add ? r.AddUInt64(message, f, value) : r.SetUInt64(message, f, value);
      return true;
    }
    case FieldDescriptor::CPPTYPE_BOOL: {
      const bool value = text == "true" || text == "1";
      if (!value && text != "false" && text != "0") return false;
      add ? r.AddBool(message, f, value) : r.SetBool(message, f, value);
      return true;
    }
    case FieldDescriptor::CPPTYPE_ENUM: {
      const auto* value = f->enum_type()->FindValueByName(text);
      if (value == nullptr) return false;
      add ? r.AddEnum(message, f, value) : r.SetEnum(message, f, value);
      return true;
    }
    case FieldDescriptor::CPPTYPE_MESSAGE: {
      const auto time = parse_rfc3339(text);
      if (!time) return false;
      auto* value =
          static_cast<google::protobuf::Timestamp*>(add ? r.AddMessage(message, f) : r.MutableMessage(message, f));
      const auto seconds = std::chrono::floor<std::chrono::seconds>(*time);
      value->set_seconds(seconds.time_since_epoch().count());
      value->set_nanos(static_cast<int32_t>((*time - seconds).count() * 1'000'000));
      return true;
    }
    default: return false;
  }
}

// "Msg/Hooks/Hook": worked out when something is wrong.
std::string path_of(const pugi::xml_node& element) {
  const auto parent = element.parent();
  const bool root = parent.type() == pugi::node_document;
  return (root ? std::string() : path_of(parent) + "/") + element.name();
}

Status misfit(const std::string& text, const std::string& path) {
  return invalid_argument("'" + text + "' is not a value of " + path, path);
}

Status read_element(const pugi::xml_node& element, Message* message);

Status read_children(const pugi::xml_node& parent, Message* message, const XmlLayout& layout) {
  const auto& r = *message->GetReflection();
  const FieldDescriptor* field = layout.field;
  bool seen = false;
  for (const auto& child : parent.children(layout.name.c_str())) {
    if (seen && !field->is_repeated()) {
      return invalid_argument("element " + path_of(child) + " is there twice", path_of(child));
    }
    seen = true;
    if (!layout.scalar) {
      RETURN_IF_ERROR(
          read_element(child, field->is_repeated() ? r.AddMessage(message, field) : r.MutableMessage(message, field)));
    } else if (std::string text = element_text(child); !store(text, message, field)) {
      return misfit(text, path_of(child));
    }
  }
  return ok_status();
}

Status read_element(const pugi::xml_node& element, Message* message) {
  for (const XmlLayout& layout : xml_layout(*message->GetDescriptor())) {
    const FieldDescriptor* field = layout.field;
    if (layout.attribute) {
      const auto attribute = element.attribute(layout.name.c_str());
      if (attribute && !store(attribute.value(), message, field)) {
        return misfit(attribute.value(), path_of(element) + "/@" + attribute.name());
      }
    } else if (layout.text) {
      const std::string text = element_text(element);
      if (text.empty() && !(field->has_presence() && has_cdata(element))) continue;
      if (!store(text, message, field)) return misfit(text, path_of(element));
    } else if (layout.wrap.empty()) {
      RETURN_IF_ERROR(read_children(element, message, layout));
    } else {
      for (const auto& wrapper : element.children(layout.wrap.c_str())) {
        RETURN_IF_ERROR(read_children(wrapper, message, layout));
      }
    }
  }
  return ok_status();
}
}  // namespace

Status from_xml(std::string_view text, Message* message, const XmlLimits& limits) {
  message->Clear();
  pugi::xml_document document;
  RETURN_IF_ERROR(load_xml(text, limits, &document));
  const auto root = document.document_element();
  const std::string& expected = xml_root(*message->GetDescriptor());
  if (root.name() != expected) {
    return invalid_argument("the document element is " + std::string(root.name()) + ", not " + expected);
  }
  Status status = read_element(root, message);
  if (!status.ok()) message->Clear();
  return status;
}

}  // namespace smslab::codec
