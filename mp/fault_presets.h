// Incidents by name (proto/fault/presets.h) at this site.
//
//   ASSIGN_OR_RETURN(v1::FaultList added, add_preset(site, dps, "damaged-file", parameters));
#pragma once

#include <string>

#include "mp/dps.h"
#include "mp/site.h"
#include "proto/schema/preset.pb.h"

namespace smslab::mp {

v1::FaultPresetList list_presets();
// `parameters`: dp, package, file, client and address, as far as the preset takes them. The rules as add_fault gives
// them; refused, none of them stays.
Result<v1::FaultList> add_preset(Site& site, const DpDirectory& dps, const std::string& name,
                                 const v1::FaultMatch& parameters);

}  // namespace smslab::mp
