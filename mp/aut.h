// GET /SMS_MP/.sms_aut?COMMAND[&argument]: what a client asks before it trusts a management point (facts: protocol 2).
//
//   Reply reply = answer_auth(request, site, "http://127.0.0.1:8080");
//
// Commands in any letter case: MPLIST, MPLIST1, MPLIST2 (each with or without a site code), MPCERT, MPCERT2,
// MPKEYINFORMATION, MPKEYINFORMATIONEX, MPTRK, SITESIGNCERT. Another one is 500, as on a real server. ASCII, no BOM.
// Signatures are empty: what a real site signs is not known (A4, assumed). Pure; any thread.
#pragma once

#include <string>

#include "mp/site.h"
#include "proto/wire/handler.h"

namespace smslab::mp {

wire::Reply answer_auth(const wire::Request& request, const Site& site, const std::string& mp_url);

}  // namespace smslab::mp
