#include "proto/client/client_state.h"

#include "proto/base/text.h"
#include "proto/codec/json.h"

namespace smslab::client {
namespace {
constexpr uint64_t kMaxStateBytes = uint64_t{16} << 20;
constexpr uint64_t kMaxKeyBytes = uint64_t{64} << 10;
}  // namespace

ClientState::ClientState(Env& env, std::string folder)
    : env_(env), folder_(std::move(folder)), policies_(folder_ + "/policies") {}

Result<std::unique_ptr<ClientState>> ClientState::open(Env& env, const std::string& folder) {
  std::unique_ptr<ClientState> state(new ClientState(env, folder + "/state"));
  RETURN_IF_ERROR(env.make_folders(state->policies_));
  ASSIGN_OR_RETURN(state->lock_, env.lock_folder(state->folder_));
  const std::string path = state->folder_ + "/client.json";
  const auto text = read_file(env, path, kMaxStateBytes);
  if (!text.ok() && text.status().code() != Code::kNotFound) return text.status();
  if (text.ok()) {
    if (const Status s = codec::from_json(*text, &state->record_); !s.ok()) return s.prefixed(path);
  }
  return state;
}

Status ClientState::save() {
  RETURN_IF_ERROR(write_file(env_, folder_ + "/client.json", codec::to_pretty_json(record_)));
  return ok_status();
}

Result<ccm::SigningKey> ClientState::signing_key(std::string_view common_name, LabTime now) {
  const std::string path = folder_ + "/key.pem";
  const auto pem = read_file(env_, path, kMaxKeyBytes);
  if (pem.ok()) {
    auto key = ccm::SigningKey::from_pem(*pem);
    return key.ok() ? std::move(key) : key.status().prefixed(path);
  }
  if (pem.status().code() != Code::kNotFound) return pem.status();
  return new_signing_key(common_name, now);
}

Result<ccm::SigningKey> ClientState::new_signing_key(std::string_view common_name, LabTime now) {
  ASSIGN_OR_RETURN(auto key, ccm::SigningKey::generate(common_name, now));
  RETURN_IF_ERROR(write_file(env_, folder_ + "/key.pem", key.to_pem()));
  return key;
}

const v1::StoredPolicy* ClientState::find_policy(std::string_view id) const {
  for (const auto& policy : record_.policies()) {
    if (iequals(policy.id(), id)) return &policy;
  }
  return nullptr;
}

const v1::Execution* ClientState::find_execution(std::string_view package, std::string_view program) const {
  for (const auto& run : record_.history()) {
    if (iequals(run.package(), package) && iequals(run.program(), program)) return &run;
  }
  return nullptr;
}

void ClientState::set_execution(v1::Execution execution) {
  for (auto& run : *record_.mutable_history()) {
    if (iequals(run.package(), execution.package()) && iequals(run.program(), execution.program())) {
      run = std::move(execution);
      return;
    }
  }
  *record_.add_history() = std::move(execution);
}

}  // namespace smslab::client
