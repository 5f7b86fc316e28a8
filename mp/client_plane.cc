#include "mp/client_plane.h"

#include "mp/aut.h"
#include "mp/ccm_request.h"
#include "mp/mp_log.h"
#include "mp/policy_download.h"

namespace smslab::mp {

void mount_client_plane(wire::Router& router, Site& site, const DpDirectory& dps,
                        const std::function<std::string()>& mp_url) {
  router.add({"GET", "HEAD"}, "/SMS_MP/.sms_aut", [&site, mp_url](const wire::Request& request) {
    log_auth(site, request);
    return answer_auth(request, site, reachable_url(mp_url(), request.local.host));
  });
  router.add({"GET", "HEAD"}, "/SMS_MP/.sms_pol", [&site](const wire::Request& request) {
    log_policy_download(site, request);
    auto reply = serve_policy(request, site);
    if (reply.ok()) site.activity->body_fetched(site.store, request.peer.host, site.clock);
    return reply;
  });
  router.add({"CCM_POST", "POST"}, "/ccm_system/request", [&site, &dps, mp_url](const wire::Request& request) {
    return answer_ccm(
        {site, dps, reachable_url(mp_url(), request.local.host), request.local.host, request.peer.host, request.method},
        request);
  });
  // No Windows account is known here: clients fall back to the anonymous path (protocol 3.1).
  router.add({"CCM_POST", "POST"}, "/ccm_system_windowsauth/request", [](const wire::Request&) {
    wire::Reply reply;
    reply.status = 401;
    reply.set("WWW-Authenticate", "Negotiate");
    reply.set("WWW-Authenticate", "NTLM");
    return reply;
  });
}

}  // namespace smslab::mp
