#include "mp/fault_presets.h"

#include <vector>

#include "mp/faults.h"
#include "mp/packages.h"
#include "proto/fault/presets.h"

namespace smslab::mp {
namespace {
// A fault is refused in the words of its rule, `match.dp`; here there are only parameters.
Status as_parameter(const Status& refused) {
  constexpr std::string_view kMatch = "match.";
  if (!refused.field().starts_with(kMatch)) return refused;
  return Status(refused.code(), refused.message(), refused.field().substr(kMatch.size()));
}
}  // namespace

v1::FaultPresetList list_presets() {
  v1::FaultPresetList list;
  for (const fault::Preset& preset : fault::all_presets()) *list.add_presets() = fault::describe(preset);
  return list;
}

Result<v1::FaultList> add_preset(Site& site, const DpDirectory& dps, const std::string& name,
                                 const v1::FaultMatch& parameters) {
  ASSIGN_OR_RETURN(const fault::Preset* preset, fault::find_preset(name));
  ASSIGN_OR_RETURN(std::vector<v1::FaultRule> rules, fault::rules_of(*preset, parameters));
  v1::FaultList added;
  for (v1::FaultRule& rule : rules) {
    if (preset->of_version) {
      ASSIGN_OR_RETURN(const v1::Package package, get_package(site.store.read(), parameters.package(), "package"));
      rule.mutable_match()->set_version(package.source_version());
    }
    auto one = add_fault(site, dps, rule);
    if (one.ok()) {
      *added.add_faults() = *std::move(one);
      continue;
    }
    for (const auto& earlier : added.faults()) (void)delete_fault(site, dps, earlier.id());
    return as_parameter(one.status());
  }
  return added;
}

}  // namespace smslab::mp
