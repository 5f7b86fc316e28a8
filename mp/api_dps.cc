#include "mp/api_route.h"
#include "mp/control_api.h"
#include "mp/dp_admission.h"
#include "mp/dp_records.h"

namespace smslab::mp {

Routes dp_routes(ControlContext& context) {
  Site& site = context.site;
  DpDirectory& dps = context.dps;
  CatchUp& catch_up = context.catch_up;
  const auto& secrets = context.secrets;
  using v1::DpInfo;
  return {
      reads<v1::DpList>("/api/v1/dps", "All distribution points and what they hold",
                        [&site, &dps](ControlRequest&) -> Result<v1::DpList> { return list_dps(site, dps); }),
      proves_itself(takes<v1::DpAnnouncement, v1::DpWelcome>(
          "POST", "/api/v1/dps", "A distribution point in a process of its own says where it is", 200,
          [&site, &dps, &catch_up, &secrets](ControlRequest&, const v1::DpAnnouncement& announcement) {
            return admit_dp(site, dps, catch_up, secrets, announcement);
          })),
      reads<DpInfo>("/api/v1/dps/{name}", "One distribution point and what it holds",
                    [&site, &dps](ControlRequest& r) { return show_dp(site, dps, r.param("name")); }),
      takes<DpInfo, DpInfo>("PATCH", "/api/v1/dps/{name}", "Set whether it is protected, and its boundaries", 200,
                            [&site, &dps](ControlRequest& r, const DpInfo& change) {
                              return set_dp(site, dps, r.param("name"), change);
                            }),
      with_query(deletes("/api/v1/dps/{name}", "Take out a distribution point that announced itself",
                         [&site, &dps](ControlRequest& r) -> Status {
                           ASSIGN_OR_RETURN(const bool force, query_flag(r, "force"));
                           return delete_dp(site, dps, r.param("name"), force);
                         }),
                 {{.name = "force", .summary = "true: also while packages are assigned to it, which are let go of"}}),
  };
}

}  // namespace smslab::mp
