// The client plane of the management point: what it answers on /SMS_MP and /ccm_system.
//
//   mount_client_plane(router, site, dps, [&] { return mp_url; });
//
//   GET       /SMS_MP/.sms_aut       aut.h
//   GET HEAD  /SMS_MP/.sms_pol       policy_body.h
//   CCM_POST  /ccm_system/request    ccm_request.h (POST as well)
//
// `site` and `dps` must outlive the router; `mp_url` ("http://127.0.0.1:8080", how clients reach this MP) is called for
// each request, from any thread.
#pragma once

#include <functional>
#include <string>

#include "mp/dps.h"
#include "mp/site.h"
#include "proto/wire/router.h"

namespace smslab::mp {

void mount_client_plane(wire::Router& router, Site& site, const DpDirectory& dps,
                        const std::function<std::string()>& mp_url);

}  // namespace smslab::mp
