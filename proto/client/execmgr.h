// ExecMgr: carries out advertisements: what is due, has its content and may run, runs.
//
//   execmgr.announce(adverts);                                  // 10002 for each that is new or changed
//   for (const auto& advert : adverts) *report.add_adverts() = execmgr.run(advert, settings);
//
// Rerun behaviour looks at the last run of the same program of the same package (semantics 6.6). Content that failed is
// no run: whatever the behaviour, the next day tries again, as re-running the advertisement does in seed B. Writes
// execmgr.log with the texts of semantics 7.8 and 7.6; the few other lines there are our wording. One thread.
#pragma once

#include <string>
#include <vector>

#include "proto/client/client_state.h"
#include "proto/client/content_access.h"
#include "proto/client/policy.h"
#include "proto/client/program.h"

namespace smslab::client {

struct ExecOptions {
  ProgramEnd end;  // how every program ends
  bool download_only = false;
};

class ExecMgr {
 public:
  ExecMgr(Host& host, ClientState& state, ContentAccess& cas, Events& events, ExecOptions options);

  void settings_missing();  // the client agent policy is not there (semantics 1.6)
  Status announce(const std::vector<AdvertPolicy>& adverts);
  Result<v1::AdvertRun> run(const AdvertPolicy& advert, const AgentSettings& settings);

 private:
  // Why it is not its time; "" when it is.
  std::string not_due(const AdvertPolicy& advert) const;
  // The event class that says why it does not run again; "" when it may.
  std::string rerun_refusal(const AdvertPolicy& advert) const;
  Result<v1::AdvertRun> run_due(const AdvertPolicy& advert, const AgentSettings& settings, v1::AdvertRun run);
  void content_failed(const AdvertPolicy& advert, const Outcome& outcome);
  Status remember(const AdvertPolicy& advert, bool succeeded);

  Host& host_;
  ClientState& state_;
  ContentAccess& cas_;
  Events& events_;
  const ExecOptions options_;
  const Log& log_;
};

}  // namespace smslab::client
