#include "mp/api_refusal.h"
#include "mp/api_route.h"
#include "mp/control_api.h"
#include "mp/scenario.h"

namespace smslab::mp {
ControlReply refusal(const Status& summary, const Problems& problems) {
  const auto fill = [](const Status& status, v1::ErrorBody* body) {
    body->set_code(std::string(code_name(status.code())));
    body->set_message(status.message());
    body->set_field(status.field());
  };
  v1::ScenarioRefusal reply;
  fill(summary, reply.mutable_error());
  for (const Status& problem : problems) fill(problem, reply.add_errors());
  return control::reply_with(std::move(reply), http_status(summary.code()));
}

Routes scenario_routes(ControlContext& context) {
  Site& site = context.site;
  Imports& imports = context.imports;
  DpDirectory& dps = context.dps;
  ControlRoute apply = {.method = "POST",
                        .pattern = "/api/v1/scenario",
                        .summary = "Add everything in a scenario, or nothing; a refusal names every error",
                        .request = v1::Scenario::descriptor(),
                        .reply = v1::Scenario::descriptor(),
                        .refusal = v1::ScenarioRefusal::descriptor()};
  apply.handler = [&site, &dps, &imports](ControlRequest& request) -> Result<ControlReply> {
    v1::Scenario scenario;
    RETURN_IF_ERROR(request.parse(&scenario));
    Problems problems;
    ASSIGN_OR_RETURN(const bool only_check, query_flag(request, "check"));
    if (only_check) {
      const Status checked = check_scenario(site, dps, scenario, &problems);
      if (!checked.ok()) return refusal(checked, problems);
      return control::reply_with(std::move(scenario));
    }
    auto made = apply_scenario(site, dps, imports, scenario, &problems);
    if (!made.ok()) return refusal(made.status(), problems);
    return control::reply_with(*std::move(made));
  };
  ControlRoute reset = {.method = "POST",
                        .pattern = "/api/v1/reset",
                        .summary = "Back to the scenario that the lab was started with; what was made since is gone",
                        .reply = v1::Scenario::descriptor(),
                        .refusal = v1::ScenarioRefusal::descriptor()};
  reset.handler = [&context](ControlRequest&) -> Result<ControlReply> {
    Problems problems;
    auto now = context.reset(&problems);
    if (!now.ok()) return refusal(now.status(), problems);
    return control::reply_with(*std::move(now));
  };
  return {
      reads<v1::Scenario>("/api/v1/scenario", "The whole site as a scenario",
                          [&site, &dps](ControlRequest&) { return export_scenario(site, dps); }),
      with_query(std::move(apply), {{.name = "check", .summary = "true: only say what is wrong, and change nothing"}}),
      std::move(reset),
  };
}

}  // namespace smslab::mp
