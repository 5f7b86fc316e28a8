// PolicyAgent: which policies are in force for this client, with their bodies on disk.
//
//   Status asked = agent.refresh();          // whatever comes of it, what is on disk stays in force
//   for (const PolicyBody& body : agent.policies()) ...
//
// Asks for assignments with the cookie of the last complete answer; downloads each new body as a BITS job, at most 1
// MiB, and checks PolicyHash where the assignment has one. A full answer withdraws what it does not name. The cookie is
// kept only when every body came, so that a failure is asked for again. Writes PolicyAgent.log. One thread.
#pragma once

#include <string>
#include <vector>

#include "proto/client/client_state.h"
#include "proto/client/data_transfer.h"
#include "proto/client/mp_session.h"
#include "proto/client/policy.h"
#include "proto/schema/client_messages.pb.h"

namespace smslab::client {

class PolicyAgent {
 public:
  PolicyAgent(Host& host, ClientState& state, MpSession& session, DataTransfer& dts);

  // An error tells of the first thing that went wrong; the others were tried.
  Status refresh();

  // Bodies in force, in the order of their IDs. A body on disk that does not read is an error in PolicyAgent.log.
  std::vector<PolicyBody> policies() const;

 private:
  Result<v1::ReplyAssignments> ask(bool* unchanged);
  Status take_over(const v1::AssignedPolicy& assigned);
  Result<std::string> download(const v1::AssignedPolicy& assigned, const std::string& path);
  void withdraw_all_but(const v1::ReplyAssignments& reply);

  Host& host_;
  ClientState& state_;
  MpSession& session_;
  DataTransfer& dts_;
  const Log& log_;
};

// Whether `bytes` have the digest that PolicyHash says: bare MD5 or SHA-1 in hex, or "SHA1:" before it (protocol 4.2,
// A5 assumed). An absent hash and an unknown form match everything.
bool policy_hash_matches(std::string_view hash, std::string_view bytes);

}  // namespace smslab::client
