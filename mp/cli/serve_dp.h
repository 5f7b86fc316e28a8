// One distribution point in a process of its own, which announces itself to its site (dp/announcer.h).
//
// What another site has sent, or another DP holds, is refused at the start; so is everything that the site refuses. A
// site that does not answer is waited for, and meanwhile what the DP holds is served.
#pragma once

#include <string>

#include "mp/host/host.h"

namespace smslab::cli {

struct DpRoleOptions {
  host::HostOptions host{.data = "smslab-dp-data", .clock = {}, .tls_cert = {}, .tls_key = {}};
  std::string name, site_server, token_file;
  std::string dp = "127.0.0.1:8081", control = "127.0.0.1:0";
};

void add_dp_role_options(CLI::App& verb, DpRoleOptions* options);
Status serve_dp(const DpRoleOptions& options);

}  // namespace smslab::cli
