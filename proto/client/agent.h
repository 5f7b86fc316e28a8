// The reference client: one day of an emulated SMS Advanced Client, over the real protocol only (facts: protocol 1).
//
//   v1::ClientRun run = run_client({.mp = "http://127.0.0.1:8080", .name = "WRK-LON-001", .folder = dir}, posix_env(),
//                                  clock, story);
//   return run.error().empty() ? 0 : 1;
//
// Finds its MP, registers when it has no identity yet, sends a heartbeat, takes over policy, and carries out what is
// due: content from a distribution point, hash, cache, program, status messages. Everything that it keeps is below
// `folder`: state/, cache/, logs/. Blocks until the day is over; nothing is waited for that a peer has not promised.
#pragma once

#include <string>

#include "proto/base/clock.h"
#include "proto/base/env.h"
#include "proto/client/content_access.h"
#include "proto/client/data_transfer.h"
#include "proto/client/host.h"
#include "proto/client/program.h"
#include "proto/schema/client_run.pb.h"

namespace smslab::client {

struct AgentOptions {
  std::string mp;            // URL of the management point
  std::string name;          // computer name
  std::string site = "LON";  // assigned site
  std::string folder;        // "" for ./smslab-client-<name>
  std::string smsid;         // identity to propose; "" leaves it to the MP
  std::string bind;          // local address to connect from
  uint64_t seed = 1;
  ProgramEnd end;  // how programs end
  bool download_only = false;
  TransferOptions transfer;
  CacheOptions cache;
};

// kInvalidArgument, with the option as field, for what can never be a run.
Status check_options(AgentOptions* options);  // also brings names to upper case and fills in the folder

// Never fails to report: what ended or spoilt the day stands in `error`.
v1::ClientRun run_client(AgentOptions options, Env& env, const Clock& clock, const Story& story);

}  // namespace smslab::client
