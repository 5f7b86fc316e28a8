#include "proto/client/policy.h"

#include <algorithm>

#include "proto/base/hex.h"
#include "proto/base/ids.h"
#include "proto/base/text.h"
#include "proto/base/time_text.h"
#include "proto/base/utf16.h"
#include "proto/ccm/zlib.h"
#include "proto/client/client_state.h"
#include "proto/client/mof.h"
#include "proto/codec/xml.h"

namespace smslab::client {
namespace {
const v1::PolicyInstance* find_instance(const PolicyBody& body, std::string_view class_name) {
  for (const auto& instance : body.instances) {
    if (iequals(instance.class_name(), class_name)) return &instance;
  }
  return nullptr;
}

// Properties of one instance, by name in any letter case.
class Properties {
 public:
  explicit Properties(const v1::PolicyInstance& instance) : instance_(instance) {}

  const v1::PolicyProperty* find(std::string_view name) const {
    for (const auto& property : instance_.properties()) {
      if (iequals(property.name(), name)) return &property;
    }
    return nullptr;
  }
  std::string text(std::string_view name) const {
    const auto* property = find(name);
    return property == nullptr || property->values().empty() ? "" : std::string(trim(property->values(0).text()));
  }
  bool flag(std::string_view name, bool otherwise) const {
    const std::string value = text(name);
    return value.empty() ? otherwise : iequals(value, "true") || value == "1";
  }
  std::optional<LabTime> time(std::string_view name) const { return parse_cim(text(name)); }
  // The numbers of an array; `otherwise` when the property is absent or empty.
  std::set<uint32_t> codes(std::string_view name, std::set<uint32_t> otherwise) const {
    const auto* property = find(name);
    std::set<uint32_t> codes;
    if (property != nullptr) {
      for (const auto& value : property->values()) {
        if (const auto code = parse_u64(trim(value.text())); code && *code <= UINT32_MAX) {
          codes.insert(static_cast<uint32_t>(*code));
        }
      }
    }
    return codes.empty() ? otherwise : codes;
  }

 private:
  const v1::PolicyInstance& instance_;
};

struct RerunRow {
  std::string_view value;
  Rerun rerun;
};
constexpr RerunRow kReruns[] = {{"RerunAlways", Rerun::kAlways},
                                {"RerunIfFail", Rerun::kIfFail},
                                {"RerunIfSuccess", Rerun::kIfSuccess},
                                {"RerunNever", Rerun::kNever}};

// Value strings assumed (protocol 5.6: L). The local DP's option decides; where it forbids, the remote DP's.
ContentMode content_mode(const Properties& of) {
  if (!of.flag("PKG_PSF_ContainsSourceFiles", true)) return ContentMode::kNone;
  std::string option = of.text("ADV_RCF_InstallFromLocalDPOptions");
  if (iequals(option, "DoNotRun")) option = of.text("ADV_RCF_InstallFromRemoteDPOptions");
  return iequals(option, "RunFromServer") ? ContentMode::kRunFromServer : ContentMode::kDownload;
}

// "SimpleInterval;Minutes=1440;MaxRandomDelayMinutes=0" (protocol 5.6): its minutes, 0 for any other trigger.
std::chrono::minutes interval_of(std::string_view trigger) {
  const auto parts = split(trim(trigger), ';');
  if (!iequals(parts.front(), "SimpleInterval")) return {};
  for (const std::string_view part : parts) {
    constexpr std::string_view kMinutes = "Minutes=";
    if (!istarts_with(part, kMinutes)) continue;
    const uint64_t minutes = parse_u64(part.substr(kMinutes.size())).value_or(0);
    return std::chrono::minutes(std::min<uint64_t>(minutes, UINT32_MAX));
  }
  return {};
}

// The scheduled messages of an advertisement: when it runs by itself. False: there is no trigger.
bool read_schedules(const PolicyBody& body, AdvertPolicy* advert) {
  bool triggered = false;
  for (const auto& instance : body.instances) {
    if (!iequals(instance.class_name(), "CCM_Scheduler_ScheduledMessage")) continue;
    const Properties schedule(instance);
    const auto* triggers = schedule.find("Triggers");
    const auto start = schedule.time("ActiveTime");
    if (triggers == nullptr || triggers->values().empty()) continue;
    if (start && (!triggered || (advert->scheduled && *start < *advert->scheduled))) advert->scheduled = start;
    triggered = true;
    for (const auto& trigger : triggers->values()) {
      const auto every = interval_of(trigger.text());
      if (start && every > std::chrono::minutes(0)) advert->recurring.push_back({*start, every});
    }
  }
  return triggered;
}

// <PolicyXML Compression="zlib">HEX</PolicyXML> around the document proper (protocol 5.2).
Result<std::string> unpack(std::string xml) {
  ASSIGN_OR_RETURN(const std::string root, codec::xml_root_name(xml));
  if (root != "PolicyXML") return xml;
  ASSIGN_OR_RETURN(const std::string element, codec::xml_element_text(xml, root));
  const size_t begin = element.find('>') + 1, end = element.rfind("</");
  if (begin == 0 || end == std::string::npos || end < begin) return invalid_argument("an empty PolicyXML");
  const auto packed = from_hex(trim(std::string_view(element).substr(begin, end - begin)));
  if (!packed) return invalid_argument("PolicyXML is not hex");
  ASSIGN_OR_RETURN(const std::string inner, ccm::inflate(*packed, 8 * kMaxPolicyBytes));
  return utf8_from_utf16le(inner);
}
}  // namespace

Result<PolicyBody> read_policy(std::string_view bytes) {
  ASSIGN_OR_RETURN(std::string outer, utf8_from_utf16le(bytes));
  ASSIGN_OR_RETURN(const std::string xml, unpack(std::move(outer)));
  v1::Policy policy;
  ASSIGN_OR_RETURN(const std::string root, codec::xml_root_name(xml));
  if (root != "Policy") return invalid_argument("a policy body of root <" + root + ">");
  RETURN_IF_ERROR(codec::from_xml(xml, &policy));
  PolicyBody body{.id = policy.policy_id(), .version = policy.policy_version(), .instances = {}};
  for (const auto& rule : policy.rules()) {
    for (const auto& action : rule.actions()) {
      if (iequals(action.policy_action_type(), "WMI-MOF")) {
        ASSIGN_OR_RETURN(const auto instances, read_mof(action.mof()));
        body.instances.insert(body.instances.end(), instances.begin(), instances.end());
      } else {
        body.instances.insert(body.instances.end(), action.instances().begin(), action.instances().end());
      }
    }
  }
  return body;
}

Result<std::optional<AdvertPolicy>> advert_of(const PolicyBody& body) {
  const auto* distribution = find_instance(body, "CCM_SoftwareDistribution");
  if (distribution == nullptr) return std::optional<AdvertPolicy>();
  const Properties of(*distribution);
  AdvertPolicy advert;
  advert.policy_id = body.id;
  advert.policy_version = body.version;
  ASSIGN_OR_RETURN(advert.advert, parse_advert_id(of.text("ADV_AdvertisementID"), "ADV_AdvertisementID"));
  ASSIGN_OR_RETURN(advert.package, parse_package_id(of.text("PKG_PackageID"), "PKG_PackageID"));
  advert.program = of.text("PRG_ProgramID");
  if (advert.program.empty()) advert.program = of.text("PRG_ProgramName");

  const auto version = parse_u64(of.text("PKG_SourceVersion"));
  if (!version) return invalid_argument("the source version is not a number", "PKG_SourceVersion");
  advert.package_version = std::to_string(*version);
  advert.package_hash = ascii_upper(of.text("PKG_SourceHash"));
  if (!advert.package_hash.empty()) {
    const auto raw = from_hex(advert.package_hash);
    if (!raw || (raw->size() != 16 && raw->size() != 20 && raw->size() != 32)) {
      return invalid_argument("the package hash is not MD5, SHA-1 or SHA-256 in hex", "PKG_SourceHash");
    }
  }
  advert.size_kb = parse_u64(of.text("PKG_ContentSize")).value_or(0);
  advert.max_minutes = parse_u64(of.text("PRG_MaxDuration")).value_or(0);
  advert.content = content_mode(of);
  advert.disabled = of.flag("PRG_PRF_Disabled", false);
  advert.active = of.time("ADV_ActiveTime");
  advert.expires = of.time("ADV_ExpirationTime");
  for (const RerunRow& row : kReruns) {
    if (iequals(row.value, of.text("ADV_RepeatRunBehavior"))) advert.rerun = row.rerun;
  }
  advert.command_line = of.text("PRG_CommandLine");
  advert.working_directory = of.text("PRG_WorkingDirectory");

  advert.dependent = of.flag("PRG_DependentPolicy", false);
  advert.first_package = ascii_upper(of.text("PRG_DependentProgramPackageID"));
  advert.first_program = of.text("PRG_DependentProgramProgramID");
  advert.first_always = of.flag("PRG_ForceDependencyRun", false);
  const bool triggered = read_schedules(body, &advert);
  advert.mandatory = of.flag("ADV_MandatoryAssignments", triggered) && triggered;
  return std::optional(std::move(advert));
}

std::optional<AgentSettings> settings_of(const PolicyBody& body) {
  const auto* config = find_instance(body, "CCM_SoftwareDistributionClientConfig");
  if (config == nullptr) return std::nullopt;
  const Properties of(*config);
  return AgentSettings{
      .enabled = of.flag("Enabled", true),
      .success_codes = of.codes("SuccessReturnCodes", {0}),
      .reboot_codes = of.codes("RebootReturnCodes", {1604, 1641, 3010, 3011}),
      .retry_codes = of.codes("ExecutionFailureRetryErrorCodes",
                              {4,    5,    8,    13,   14,   39,   51,   53,   54,   55,   59,   64,   65,   67,
                               70,   71,   85,   86,   87,   112,  128,  170,  267,  999,  1003, 1203, 1219, 1220,
                               1222, 1231, 1232, 1238, 1265, 1311, 1323, 1326, 1330, 1618, 1622, 2250}),
  };
}

}  // namespace smslab::client
