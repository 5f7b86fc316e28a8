#include "mp/policy_document.h"

#include <algorithm>
#include <array>

#include "proto/base/hex.h"
#include "proto/base/text.h"
#include "proto/base/time_text.h"
#include "proto/base/utf16.h"
#include "proto/ccm/zlib.h"
#include "proto/codec/xml.h"
#include "proto/schema/client_messages.pb.h"

namespace smslab::mp {
namespace {
constexpr std::string_view kEol = "\r\n";

// CIM time of policy: UTC with the zone left open, as policy and MOF write it (protocol 5.4, 5.5).
std::string policy_time(LabTime time) { return format_cim(time).substr(0, 21) + "+***"; }

v1::PolicyProperty xml_property(const WmiProperty& property) {
  v1::PolicyProperty out;
  out.set_name(property.name);
  out.set_type(static_cast<uint32_t>(property.type) + (property.array ? kCimArray : 0));
  for (const auto& value : property.values) out.add_values()->set_text(value);
  return out;
}

std::string mof_string(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    switch (c) {
      case '\\': out += "\\\\"; break;
      case '"': out += "\\\""; break;
      case '\n': out += "\\n"; break;
      case '\r': out += "\\r"; break;
      case '\t': out += "\\t"; break;
      default: out += c;
    }
  }
  return out + "\"";
}

std::string mof_value(const WmiProperty& property) {
  const auto one = [&](const std::string& value) {
    switch (property.type) {
      case CimType::kBoolean: return ascii_upper(value);
      case CimType::kUint32: return value;
      case CimType::kString:
      case CimType::kDateTime: break;
    }
    return mof_string(value);
  };
  if (!property.array) return one(property.values.front());
  std::string out = "{";
  for (const auto& value : property.values) {
    if (out.size() > 1) out += ", ";
    out += one(value);
  }
  return out + "}";
}

// The layout of protocol 5.5 (A11, assumed): instances only, one property a line, by name; unlike in WMI-XML each
// instance says whose policy it is.
std::string mof_text(const PolicyDocument& policy) {
  std::string out(kEol);
  for (const WmiInstance& instance : policy.instances) {
    std::vector<WmiProperty> properties = instance.properties();
    for (const auto& [name, value] : {std::pair<const char*, std::string>{"PolicyID", policy.id},
                                      {"PolicyRuleID", "{" + policy.rule_id + "}"},
                                      {"PolicySource", policy.source},
                                      {"PolicyVersion", policy_version_text(policy.version)}}) {
      properties.push_back({.name = name, .type = CimType::kString, .array = false, .values = {value}});
    }
    std::stable_sort(properties.begin(), properties.end(), [](const WmiProperty& a, const WmiProperty& b) {
      return ascii_lower(a.name) < ascii_lower(b.name);
    });
    out += "instance of " + instance.class_name();
    out += kEol;
    out += "{";
    out += kEol;
    for (const WmiProperty& property : properties) {
      out += "\t" + property.name + " = " + mof_value(property) + ";";
      out += kEol;
    }
    out += "};";
    out += kEol;
  }
  return out;
}
}  // namespace

WmiInstance& WmiInstance::set(std::string name, std::string value) {
  properties_.push_back(
      {.name = std::move(name), .type = CimType::kString, .array = false, .values = {std::move(value)}});
  return *this;
}
WmiInstance& WmiInstance::set(std::string name, bool value) {
  properties_.push_back(
      {.name = std::move(name), .type = CimType::kBoolean, .array = false, .values = {value ? "true" : "false"}});
  return *this;
}
WmiInstance& WmiInstance::set(std::string name, uint32_t value) {
  properties_.push_back(
      {.name = std::move(name), .type = CimType::kUint32, .array = false, .values = {std::to_string(value)}});
  return *this;
}
WmiInstance& WmiInstance::set(std::string name, LabTime value) {
  properties_.push_back(
      {.name = std::move(name), .type = CimType::kDateTime, .array = false, .values = {policy_time(value)}});
  return *this;
}
WmiInstance& WmiInstance::set(std::string name, const std::vector<std::string>& values) {
  properties_.push_back({.name = std::move(name), .type = CimType::kString, .array = true, .values = values});
  return *this;
}
WmiInstance& WmiInstance::set(std::string name, const std::vector<uint32_t>& values) {
  WmiProperty property{.name = std::move(name), .type = CimType::kUint32, .array = true, .values = {}};
  for (const uint32_t value : values) property.values.push_back(std::to_string(value));
  properties_.push_back(std::move(property));
  return *this;
}

std::string policy_version_text(uint32_t version) { return std::to_string(version) + ".00"; }

std::string encode_policy(const PolicyDocument& policy, bool as_mof) {
  v1::Policy frame;
  frame.set_policy_type("Machine");
  frame.set_schema_version("1.00");
  frame.set_policy_id(policy.id);
  frame.set_policy_version(policy_version_text(policy.version));
  frame.set_policy_source(policy.source);
  v1::PolicyRule* rule = frame.add_rules();
  rule->set_policy_rule_id("{" + policy.rule_id + "}");
  v1::PolicyAction* action = rule->add_actions();
  if (as_mof) {
    action->set_policy_action_type("WMI-MOF");
    action->set_mof(mof_text(policy));
  } else {
    action->set_policy_action_type("WMI-XML");
    for (const WmiInstance& instance : policy.instances) {
      v1::PolicyInstance* out = action->add_instances();
      out->set_class_name(instance.class_name());
      for (const WmiProperty& property : instance.properties()) *out->add_properties() = xml_property(property);
    }
  }
  std::string text = R"(<?xml version="1.0" ?>)";
  text += kEol;
  text += codec::to_xml(frame);
  text += kEol;
  return "\xFF\xFE" + utf16le_from_utf8(text);
}

std::string compress_policy(std::string_view bytes) {
  std::string text = R"(<?xml version="1.0" ?>)";
  text += kEol;
  text += R"(<PolicyXML Compression="zlib">)" + to_hex(ccm::deflate(bytes)) + "</PolicyXML>";
  text += kEol;
  return "\xFF\xFE" + utf16le_from_utf8(text);
}

}  // namespace smslab::mp
