#include "mp/control_api.h"

#include <iterator>

namespace smslab::mp {

std::vector<control::ControlRoute> control_routes(ControlContext& context) {
  Routes all;
  for (const auto part : {package_routes, program_routes, collection_routes, advert_routes, client_routes,
                          status_routes, fault_routes, dp_routes, site_routes, lab_routes}) {
    Routes routes = part(context);
    std::move(routes.begin(), routes.end(), std::back_inserter(all));
  }
  return all;
}

}  // namespace smslab::mp
