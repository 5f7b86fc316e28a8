#include "mp/control_api.h"

#include <iterator>
#include <utility>

#include "mp/api_route.h"
#include "mp/openapi.h"

namespace smslab::mp {

std::vector<control::ControlRoute> control_routes(ControlContext& context, std::vector<control::ControlRoute> more) {
  Routes all = std::move(more);
  for (const auto part :
       {package_routes, program_routes, collection_routes, advert_routes, client_routes, status_routes, fault_routes,
        journal_routes, dp_routes, site_routes, scenario_routes, lab_routes}) {
    Routes routes = part(context);
    std::move(routes.begin(), routes.end(), std::back_inserter(all));
  }
  all.push_back(
      {.method = "GET", .pattern = "/openapi.json", .summary = "This API, as an OpenAPI document", .handler = {}});
  Routes described = all;
  for (ControlRoute& route : described) route.handler = nullptr;
  // Written when it is asked for: it is long, and a process may have hundreds of labs.
  all.back().handler = [described = std::move(described)](ControlRequest&) -> Result<ControlReply> {
    return ControlReply{200, nullptr, "application/json", openapi(described)};
  };
  return all;
}

}  // namespace smslab::mp
