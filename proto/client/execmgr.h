// ExecMgr: carries out advertisements: what is due, has its content and may run, runs.
//
//   execmgr.announce(adverts);                                  // 10002 for each that is new or changed
//   for (const auto& run : execmgr.run_all(adverts, settings)) *report.add_adverts() = run;
//
// A program that another depends on runs before it, once, or before every run where policy says so; when it fails, the
// other does not run. Of recurring assignments those at a fixed interval come again; the others count as due once.
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
  // Those that are offered by themselves, in their order; each program that had to run first stands before the one that
  // wanted it.
  Result<std::vector<v1::AdvertRun>> run_all(const std::vector<AdvertPolicy>& adverts, const AgentSettings& settings);

 private:
  // `depth`: how many programs wait for this one.
  Status run(const AdvertPolicy& advert, const std::vector<AdvertPolicy>& all, size_t depth,
             const AgentSettings& settings, std::vector<v1::AdvertRun>* runs);
  // Whether what must run before it has; false: `why` says why the advert cannot run.
  Result<bool> run_first(const AdvertPolicy& advert, const std::vector<AdvertPolicy>& all, size_t depth,
                         const AgentSettings& settings, std::vector<v1::AdvertRun>* runs, std::string* why);
  static std::string disabled(const AdvertPolicy& advert);
  // Why it is not its time; "" when it is.
  std::string not_due(const AdvertPolicy& advert) const;
  // The event class that says why it does not run again; "" when it may.
  std::string rerun_refusal(const AdvertPolicy& advert) const;
  Result<v1::AdvertRun> run_due(const AdvertPolicy& advert, const AgentSettings& settings, v1::AdvertRun run);
  void content_failed(const AdvertPolicy& advert, const Outcome& outcome);
  void no_room(const AdvertPolicy& advert, ContentState state, v1::AdvertRun* run);
  Status remember(const AdvertPolicy& advert, bool succeeded);

  Host& host_;
  ClientState& state_;
  ContentAccess& cas_;
  Events& events_;
  const ExecOptions options_;
  const Log& log_;
};

}  // namespace smslab::client
