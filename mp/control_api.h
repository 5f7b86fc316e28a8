// The control API: everything that changes or shows a site, as routes of a ControlServer (names: the interface
// document).
//
//   ControlContext context{site, dps, catch_up, secrets, imports, polls, ready, reset};
//   for (auto& route : control_routes(context)) server.add(std::move(route));
//
// One list of routes a noun. A handler reads its message, calls one plain function of the site (packages.h, adverts.h,
// ...) and sends what that gives; it holds no state. The context must outlive the server.
#pragma once

#include <atomic>
#include <functional>
#include <vector>

#include "mp/catch_up.h"
#include "mp/dps.h"
#include "mp/imports.h"
#include "mp/long_polls.h"
#include "mp/site.h"
#include "proto/control/server.h"

namespace smslab::mp {

struct ControlContext {
  Site& site;
  DpDirectory& dps;
  CatchUp& catch_up;
  const std::vector<control::DpSecret>& secrets;
  Imports& imports;
  LongPolls& polls;
  const std::atomic<bool>& ready;  // the site serves
  std::function<Result<v1::Scenario>(Problems*)> reset;
};

// `more`: of others, which the API's description tells of too.
std::vector<control::ControlRoute> control_routes(ControlContext& context,
                                                  std::vector<control::ControlRoute> more = {});

// ---- its parts
using Routes = std::vector<control::ControlRoute>;
Routes package_routes(ControlContext& context);  // and imports
Routes program_routes(ControlContext& context);
Routes collection_routes(ControlContext& context);
Routes advert_routes(ControlContext& context);
Routes client_routes(ControlContext& context);
Routes status_routes(ControlContext& context);
Routes fault_routes(ControlContext& context);
Routes journal_routes(ControlContext& context);  // and the transcript
Routes dp_routes(ControlContext& context);
Routes site_routes(ControlContext& context);      // settings, boundaries
Routes scenario_routes(ControlContext& context);  // and reset
Routes lab_routes(ControlContext& context);       // health, clock, fsck

}  // namespace smslab::mp
