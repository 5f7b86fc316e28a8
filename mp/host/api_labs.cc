#include "mp/host/api_labs.h"

#include <utility>

#include "mp/api_refusal.h"
#include "mp/api_route.h"

namespace smslab::host {
using mp::ControlReply;
using mp::ControlRequest;
using mp::ControlRoute;

std::vector<ControlRoute> lab_routes(Labs& labs) {
  ControlRoute create = {.method = "POST",
                         .pattern = "/api/v1/labs",
                         .summary = "Make a lab beside this one; its own API is below /labs/NAME",
                         .request = v1::LabOrder::descriptor(),
                         .reply = v1::Lab::descriptor(),
                         .status = 201,
                         .refusal = v1::ScenarioRefusal::descriptor()};
  create.handler = [&labs](ControlRequest& request) -> Result<ControlReply> {
    v1::LabOrder order;
    RETURN_IF_ERROR(request.parse(&order));
    mp::Problems problems;
    auto made = labs.create(order, &problems);
    if (!made.ok()) return mp::refusal(made.status(), problems);
    return control::reply_with(*std::move(made), 201);
  };
  return {
      mp::reads<v1::LabList>("/api/v1/labs", "All labs beside this one",
                             [&labs](ControlRequest&) -> Result<v1::LabList> { return labs.list(); }),
      std::move(create),
      mp::reads<v1::Lab>("/api/v1/labs/{name}", "One lab",
                         [&labs](ControlRequest& r) { return labs.show(r.param("name")); }),
      mp::deletes("/api/v1/labs/{name}", "Delete a lab with all that it holds",
                  [&labs](ControlRequest& r) { return labs.remove(r.param("name")); }),
  };
}

}  // namespace smslab::host
