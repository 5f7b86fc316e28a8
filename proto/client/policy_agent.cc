#include "proto/client/policy_agent.h"

#include <fmt/format.h>

#include <algorithm>

#include "proto/base/digest.h"
#include "proto/base/text.h"
#include "proto/base/uri.h"
#include "proto/client/events.h"
#include "proto/codec/xml.h"

namespace smslab::client {
namespace {
constexpr size_t kMaxPolicies = 10'000;
constexpr size_t kMaxFileName = 200;
// Bits of PolicyFlags that mark kinds a third-party client must leave alone (protocol 4.2).
constexpr uint64_t kForeignKinds = 0x01 | 0x02 | 0x04;

Result<std::string> file_name(const v1::AssignedPolicy& policy) {
  std::string name =
      percent_encode_component(policy.policy_id()) + "." + percent_encode_component(policy.policy_version()) + ".xml";
  if (policy.policy_id().empty() || name.starts_with('.') || name.size() > kMaxFileName) {
    return invalid_argument("'" + policy.policy_id() + "' cannot be a policy ID");
  }
  return name;
}
}  // namespace

bool policy_hash_matches(std::string_view hash, std::string_view bytes) {
  std::string_view hex = trim(hash);
  if (istarts_with(hex, "SHA1:")) hex.remove_prefix(5);
  if (hex.size() == 32) return iequals(hex, digest_hex(Algorithm::kMd5, bytes));
  if (hex.size() == 40) return iequals(hex, digest_hex(Algorithm::kSha1, bytes));
  return true;
}

PolicyAgent::PolicyAgent(Host& host, ClientState& state, MpSession& session, DataTransfer& dts)
    : host_(host), state_(state), session_(session), dts_(dts), log_(host.log(Component::kPolicyAgent)) {}

Result<v1::ReplyAssignments> PolicyAgent::ask(bool* unchanged) {
  v1::RequestAssignments request;
  request.set_schema_version("1.00");
  request.set_ack("false");
  request.set_request_type("Always");
  v1::PolicyMachine* machine = request.mutable_identification()->mutable_machine();
  machine->set_client_id(host_.smsid);
  machine->set_fqdn(ascii_lower(host_.name));
  machine->set_netbios_name(host_.name);
  machine->set_sid("");
  request.mutable_identification()->mutable_user();
  request.set_policy_source("SMS:" + host_.site);
  request.mutable_resource()->set_resource_type("Machine");
  request.set_server_cookie(state_.record().server_cookie());
  log_.info("Requesting Machine policy assignments");  // our wording

  v1::ReplyAssignments reply;
  ASSIGN_OR_RETURN(const std::string text,
                   session_.ask("MP_PolicyManager", codec::to_xml(request), Signing::kClientAuth));
  *unchanged = text.empty();
  if (!text.empty()) {
    if (const Status s = codec::from_xml(text, &reply); !s.ok()) return s.prefixed("policy assignments");
    if (static_cast<size_t>(reply.assignments_size()) > kMaxPolicies) {
      return Status(Code::kTooLarge, "the MP assigns more than " + std::to_string(kMaxPolicies) + " policies");
    }
  }
  return reply;
}

Result<std::string> PolicyAgent::download(const v1::AssignedPolicy& assigned, const std::string& path) {
  std::string url = assigned.policy_location().url();
  if (const size_t mp = url.find("<mp>"); mp != std::string::npos) url.replace(mp, 4, session_.address());
  std::string sendable;
  for (const char c : url) sendable += c == '{' ? "%7B" : c == '}' ? "%7D" : std::string(1, c);

  const std::string name = fmt::format(R"(CCM_Policy_Policy5.PolicyID="{}",PolicySource="SMS:{}",PolicyVersion="{}")",
                                       assigned.policy_id(), host_.site, assigned.policy_version());
  log_.info(fmt::format("Initializing download of policy '{}' from '{}'", name, sendable));
  const std::string job = host_.guid("DTS job"), partial = path + ".partial";
  if (const Status s = host_.env.remove_file(partial); !s.ok() && s.code() != Code::kNotFound) return s;
  const Outcome done = dts_.transfer_file(
      {.job = job, .url = sendable, .path = partial, .shown_as = "C:\\WINDOWS\\system32\\CCM\\Temp"}, kMaxPolicyBytes);
  if (!done.ok()) {
    return Status(Code::kUnavailable, fmt::format("policy {} could not be downloaded: {} ({})", assigned.policy_id(),
                                                  to_text(done.code), done.why));
  }
  ASSIGN_OR_RETURN(std::string bytes, read_file(host_.env, partial, kMaxPolicyBytes));
  if (!policy_hash_matches(assigned.policy_location().policy_hash(), bytes)) {
    return Status(Code::kDataLoss, "the body of policy " + assigned.policy_id() + " does not match its hash");
  }
  log_.info(fmt::format("Download of policy {} completed (DTS Job ID: {})", name, job));
  return bytes;
}

Status PolicyAgent::take_over(const v1::AssignedPolicy& assigned) {
  if (parse_u64(assigned.policy_flags()).value_or(0) & kForeignKinds) return ok_status();
  const std::string& hash = assigned.policy_location().policy_hash();
  const v1::StoredPolicy* known = state_.find_policy(assigned.policy_id());
  const bool same_version = known != nullptr && known->version() == assigned.policy_version();
  if (same_version && known->hash() == hash) return ok_status();

  ASSIGN_OR_RETURN(const std::string file, file_name(assigned));
  const std::string path = state_.policy_folder() + "/" + file;
  ASSIGN_OR_RETURN(const std::string bytes, download(assigned, path));
  if (const auto body = read_policy(bytes); !body.ok()) return body.status().prefixed("policy " + assigned.policy_id());
  RETURN_IF_ERROR(host_.env.rename(path + ".partial", path));

  v1::StoredPolicy stored;
  stored.set_id(assigned.policy_id());
  stored.set_version(assigned.policy_version());
  stored.set_file(file);
  stored.set_hash(hash);
  stored.set_announced(same_version && known->announced());
  auto* policies = state_.record().mutable_policies();
  const auto at = std::find_if(policies->begin(), policies->end(),
                               [&](const auto& p) { return iequals(p.id(), assigned.policy_id()); });
  if (at == policies->end()) {
    *policies->Add() = std::move(stored);
    return ok_status();
  }
  if (at->file() != file) (void)host_.env.remove_file(state_.policy_folder() + "/" + at->file());
  *at = std::move(stored);
  return ok_status();
}

void PolicyAgent::withdraw_all_but(const v1::ReplyAssignments& reply) {
  auto* policies = state_.record().mutable_policies();
  for (int i = policies->size() - 1; i >= 0; i--) {
    const bool named = std::any_of(reply.assignments().begin(), reply.assignments().end(), [&](const auto& assignment) {
      return iequals(assignment.policy().policy_id(), policies->Get(i).id());
    });
    if (named) continue;
    (void)host_.env.remove_file(state_.policy_folder() + "/" + policies->Get(i).file());
    policies->DeleteSubrange(i, 1);
  }
}

Status PolicyAgent::refresh() {
  bool unchanged = false;
  ASSIGN_OR_RETURN(const v1::ReplyAssignments reply, ask(&unchanged));
  if (unchanged) {
    if (!state_.record().server_cookie().empty()) return ok_status();
    return failed_precondition("the MP gave no policy to " + host_.name +
                               ": it does not know this client or refuses its signature");
  }
  Status first;
  for (const auto& assignment : reply.assignments()) {
    const Status taken = take_over(assignment.policy());
    if (taken.ok()) continue;
    log_.error(taken.message());
    const v1::AssignedPolicy& policy = assignment.policy();
    log_event(host_, Component::kPolicyAgent,  // the properties' names are assumed
              {"CCM_PolicyAgent_PolicyDownloadFailed",
               {{"PolicyId", policy.policy_id()}, {"PolicyVersion", policy.policy_version()}}},
              host_.clock.now());
    if (first.ok()) first = taken;
  }
  if (!iequals(reply.reply_type(), "Delta")) withdraw_all_but(reply);
  state_.record().set_server_cookie(first.ok() ? reply.server_cookie() : "");
  RETURN_IF_ERROR(state_.save());
  return first;
}

std::vector<PolicyBody> PolicyAgent::policies() const {
  std::vector<PolicyBody> bodies;
  for (const auto& stored : state_.record().policies()) {
    const auto bytes = read_file(host_.env, state_.policy_folder() + "/" + stored.file(), kMaxPolicyBytes);
    auto body = bytes.ok() ? read_policy(*bytes) : bytes.status();
    if (!body.ok()) {
      log_.error(fmt::format("Policy {} on disk cannot be used: {}", stored.id(), body.status().message()));
      continue;
    }
    body->id = stored.id();
    body->version = stored.version();
    bodies.push_back(*std::move(body));
  }
  std::sort(bodies.begin(), bodies.end(), [](const auto& a, const auto& b) { return a.id < b.id; });
  return bodies;
}

}  // namespace smslab::client
