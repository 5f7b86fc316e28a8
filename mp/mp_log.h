// MP_*.log: one line for each request of a client (facts: protocol 8.3). The site's logs queue them (site_log.h).
#pragma once

#include "mp/ccm_request.h"
#include "mp/site_log.h"
#include "proto/wire/handler.h"

namespace smslab::mp {

void log_auth(const Site& site, const wire::Request& request);
void log_policy_download(const Site& site, const wire::Request& request);
// What an endpoint made of a message.
void log_request(const Site& site, SiteLogFile file, const ccm::Envelope& message, const Result<CcmAnswer>& answer);

}  // namespace smslab::mp
