// PolicyDocument: WMI instances, and the bytes that carry them to a client (facts: protocol 5.2 to 5.5).
//
//   PolicyDocument policy{.id = "LON20000-LON00001-4A48FD56", .version = 1, .source = "SMS:LON", .rule_id = guid};
//   WmiInstance& software = policy.instances.emplace_back("CCM_SoftwareDistribution");
//   software.set("PRG_ProgramID", "Per-system unattended").set("ADV_MandatoryAssignments", true);
//   std::string bytes = encode_policy(policy, /*as_mof=*/false);      // UTF-16LE with BOM, CRLF
//
// Pure: the same document gives the same bytes.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "proto/base/clock.h"

namespace smslab::mp {

// CIM type numbers, as WMI-XML writes them; an array has kCimArray added.
enum class CimType : uint32_t { kString = 8, kBoolean = 11, kUint32 = 19, kDateTime = 101 };
inline constexpr uint32_t kCimArray = 0x2000;

struct WmiProperty {
  std::string name;
  CimType type = CimType::kString;
  bool array = false;
  std::vector<std::string> values;  // one unless `array`; booleans "true" and "false"
};

class WmiInstance {
 public:
  explicit WmiInstance(std::string class_name) : class_name_(std::move(class_name)) {}

  WmiInstance& set(std::string name, std::string value);
  WmiInstance& set(std::string name, const char* value) { return set(std::move(name), std::string(value)); }
  WmiInstance& set(std::string name, bool value);
  WmiInstance& set(std::string name, uint32_t value);
  WmiInstance& set(std::string name, LabTime value);
  WmiInstance& set(std::string name, const std::vector<std::string>& values);
  WmiInstance& set(std::string name, const std::vector<uint32_t>& values);

  const std::string& class_name() const { return class_name_; }
  const std::vector<WmiProperty>& properties() const { return properties_; }  // in order of setting

 private:
  std::string class_name_;
  std::vector<WmiProperty> properties_;
};

struct PolicyDocument {
  std::string id;
  uint32_t version = 1;  // "1.00" on the wire
  std::string source;    // "SMS:LON"
  std::string rule_id;   // a GUID without braces
  std::vector<WmiInstance> instances;
};

std::string policy_version_text(uint32_t version);  // "1.00"
std::string encode_policy(const PolicyDocument& policy, bool as_mof);
// A body around a body, which is deflated in it: <PolicyXML Compression="zlib"> (protocol 5.2).
std::string compress_policy(std::string_view bytes);

}  // namespace smslab::mp
