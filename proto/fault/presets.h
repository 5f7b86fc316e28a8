// Presets: the incidents of facts/sms-semantics.md, section 9, one row each: rules, a switch of the reference client,
// or why neither is there. The verbs, docs/incidents.md and the tests all go by this table.
//
//   const Preset* preset = preset_of("damaged-file");                        // null: there is none
//   ASSIGN_OR_RETURN(std::vector<v1::FaultRule> rules, rules_of(*preset, {.dp = "LON-DCSMS-01", ...}));
//
// An incident that has two forms on the wire has two rows of one number. Assumed where the row says M or L.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "proto/base/status.h"
#include "proto/fault/symptoms.h"
#include "proto/schema/preset.pb.h"

namespace smslab::fault {

enum class CuredBy { kClient, kClear, kRefresh, kUpdate };

struct Preset {
  uint32_t row;
  std::string_view name;
  std::string_view trigger;  // on a real site
  std::string_view sees;     // the client
  std::string_view cure;     // on a real site
  std::string_view era, confidence;
  Trouble trouble;
  CuredBy cured_by;
  // JSON array. "{dp}", "{package}", "{file}", "{client}" and "{address}" in a match stand for what the user gives.
  std::string_view rules = {};
  std::string_view needs = {};  // of these, those that it cannot do without: "dp package"
  bool of_version = false;      // is about the package's version as it is now alone
  std::string_view client_switch = {};
  std::string_view reason = {};  // of one that is not reproduced

  v1::FaultPreset::Kind kind() const;
};

std::span<const Preset> all_presets();
// Any letter case. kNotFound with the names that are near.
Result<const Preset*> find_preset(std::string_view name);
v1::FaultPreset describe(const Preset& preset);

// Its rules for this. kInvalidArgument with the field: what it needs and does not get, or gets and has no use for.
// kFailedPrecondition: it is no server's. Whether they make sense at a site is the site's to say.
Result<std::vector<v1::FaultRule>> rules_of(const Preset& preset, const v1::FaultMatch& parameters);

}  // namespace smslab::fault
