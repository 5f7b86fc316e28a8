// Host: the emulated computer that every component of the client stands on: its name, clock, disk, logs, ids.
//
//   ASSIGN_OR_RETURN(auto host, Host::open({.name = "WRK-LON-001", ...}, env, clock));
//   host->log(Component::kCas).info("Requesting content ...");
//   const std::string job = host->guid("CTM job");                  // "{...}", another one each time
//
// Ids are functions of (seed, name, run, order within the run): two runs differ, two identical labs repeat. One thread.
#pragma once

#include <array>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "proto/base/clock.h"
#include "proto/base/env.h"
#include "proto/base/log.h"
#include "proto/base/random.h"
#include "proto/base/status.h"

namespace smslab::client {

// kSystem: Windows' own event log.
enum class Component { kCas, kCtm, kDts, kExecMgr, kPolicyAgent, kLocationServices, kMessaging, kSystem };
inline constexpr size_t kComponents = 8;

// One line of the run for a person: which part of the day, and what came of it.
using Story = std::function<void(std::string_view step, std::string_view text)>;

struct HostOptions {
  std::string name;    // NetBIOS name, upper case
  std::string site;    // assigned site
  std::string folder;  // state, logs and cache are below it
  std::string bind;    // local address to connect from; "" any
  uint64_t seed = 1;
  uint64_t run = 1;  // how many times this client has been started
};

class Host {
 public:
  // Makes <folder>/logs and opens the logs in it.
  static Result<std::unique_ptr<Host>> open(HostOptions options, Env& env, const Clock& clock, Story story);

  // Constant after construction.
  const std::string name, site, folder, bind;
  Env& env;
  const Clock& clock;

  std::string smsid;  // GUID:..., once it is known

  std::string guid(std::string_view purpose);  // in braces
  uint32_t process_id() const { return process_id_; }
  uint32_t thread_id(Component component) const;
  const Log& log(Component component) const;
  void tell(std::string_view step, std::string_view text) const { story_(step, text); }

 private:
  Host(HostOptions options, Env& env, const Clock& clock, Story story);

  const Random random_;
  const std::string run_;
  const Story story_;
  uint32_t process_id_ = 0;
  std::array<uint32_t, kComponents> thread_ids_{};
  std::vector<Log> logs_;
  uint64_t guids_ = 0;  // drawn in this run
};

}  // namespace smslab::client
