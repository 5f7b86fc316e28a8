#include "mp/reset.h"

#include <chrono>

#include "mp/dp_link.h"
#include "mp/scenario.h"

namespace smslab::mp {
namespace {
constexpr std::chrono::seconds kResetPatience{5};  // for a DP that does not answer

Status empty_dp(const DpAddress& dp) {
  DpLink link(dp, kResetPatience);
  ASSIGN_OR_RETURN(const v1::DpInfo held, link.contents());
  for (const v1::DpContent& content : held.contents()) {
    RETURN_IF_ERROR(link.remove(content.package_id()).status());
  }
  return ok_status();
}

void empty_dps(const Site& site, const DpDirectory& dps) {
  for (const DpAddress& dp : dps.all()) {
    const Status emptied = empty_dp(dp);
    if (!emptied.ok()) site.log.warning(dp.name + " still holds what it held: " + emptied.to_string());
  }
}
}  // namespace

Result<v1::Scenario> reset_site(Site& site, DpDirectory& dps, Imports& imports, const v1::Scenario& start,
                                const AtRest& at_rest, Problems* problems) {
  const auto commit = [&](const std::function<Status()>& change) {
    return at_rest([&]() -> Status {
      RETURN_IF_ERROR(change());
      empty_dps(site, dps);
      return ok_status();
    });
  };
  return make_anew(site, dps, imports, start, commit, problems);
}

}  // namespace smslab::mp
