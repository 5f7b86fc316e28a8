// ClientState: what the client remembers between runs, in <folder>/state.
//
//   ASSIGN_OR_RETURN(auto state, ClientState::open(env, "./smslab-client-WRK-LON-001"));
//   state->record().set_smsid(smsid);
//   RETURN_IF_ERROR(state->save());
//
// client.json is v1::ClientState; key.pem the client's key and certificate; policies/ the policy bodies as they came.
// One process at a time: a second open of the folder is kFailedPrecondition. A file that does not read is an error,
// never silently begun anew. One thread.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "proto/base/clock.h"
#include "proto/base/env.h"
#include "proto/ccm/signature.h"
#include "proto/schema/client_run.pb.h"

namespace smslab::client {

inline constexpr size_t kMaxPolicyBytes = size_t{1} << 20;

class ClientState {
 public:
  static Result<std::unique_ptr<ClientState>> open(Env& env, const std::string& folder);

  v1::ClientState& record() { return record_; }
  Status save();  // replaces client.json by rename

  // The key on disk, or a fresh one, which is then on disk.
  Result<ccm::SigningKey> signing_key(std::string_view common_name, LabTime now);
  // A fresh one in its place.
  Result<ccm::SigningKey> new_signing_key(std::string_view common_name, LabTime now);

  const std::string& policy_folder() const { return policies_; }
  const v1::StoredPolicy* find_policy(std::string_view id) const;
  const v1::Execution* find_execution(std::string_view package, std::string_view program) const;
  void set_execution(v1::Execution execution);

 private:
  ClientState(Env& env, std::string folder);

  Env& env_;
  const std::string folder_, policies_;
  std::unique_ptr<FolderLock> lock_;
  v1::ClientState record_;
};

}  // namespace smslab::client
