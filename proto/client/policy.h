// Policy: what a policy body says, as the client's components use it (facts: protocol 5, semantics 2.7 and 7.2).
//
//   ASSIGN_OR_RETURN(PolicyBody body, read_policy(bytes));          // UTF-16LE XML; WMI-XML or WMI-MOF inside
//   if (auto advert = advert_of(body)) { ... }
//
// Pure functions. A body of another encoding, an unknown root or broken MOF is kInvalidArgument; instances of classes
// that the client does not know are skipped.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "proto/base/clock.h"
#include "proto/base/status.h"
#include "proto/schema/client_messages.pb.h"

namespace smslab::client {

struct PolicyBody {
  std::string id, version;
  std::vector<v1::PolicyInstance> instances;
};
Result<PolicyBody> read_policy(std::string_view bytes);

enum class ContentMode { kNone, kDownload, kRunFromServer };
enum class Rerun { kAlways, kNever, kIfFail, kIfSuccess };

// A trigger of a fixed interval, counted from `start`. Other recurring triggers are known only by their first time.
struct Recurring {
  LabTime start;
  std::chrono::minutes every{};
};

// CCM_SoftwareDistribution with its CCM_Scheduler_ScheduledMessage.
struct AdvertPolicy {
  std::string policy_id, policy_version;
  std::string advert, package, program;  // IDs checked and upper-cased
  std::string package_version;           // source version, decimal digits
  std::string package_hash;              // upper-case hex or empty
  uint64_t size_kb = 0;
  ContentMode content = ContentMode::kDownload;
  bool disabled = false;
  bool mandatory = false;
  std::optional<LabTime> active, expires;
  std::optional<LabTime> scheduled;          // when the first mandatory assignment falls due
  std::vector<Recurring> recurring;          // and those that come again
  bool dependent = false;                    // comes only so that another one can run it first
  std::string first_package, first_program;  // what runs before this one; empty: nothing
  bool first_always = false;                 // before every run, not only until it has succeeded
  Rerun rerun = Rerun::kIfFail;
  std::string command_line, working_directory;
  uint64_t max_minutes = 0;  // that the program may run; 0: as long as it likes
};
// nullopt: this policy is not an advertisement. An error: it is one that cannot be carried out.
Result<std::optional<AdvertPolicy>> advert_of(const PolicyBody& body);

// CCM_SoftwareDistributionClientConfig: exit code lists default to semantics 6.5.
struct AgentSettings {
  bool enabled = true;
  std::set<uint32_t> success_codes, reboot_codes, retry_codes;
};
std::optional<AgentSettings> settings_of(const PolicyBody& body);  // nullopt: not this policy

}  // namespace smslab::client
