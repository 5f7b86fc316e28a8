#include "proto/client/host.h"

namespace smslab::client {
namespace {
struct ComponentRow {
  std::string_view name;  // of the component and of its log
  std::string_view source_file;
};
constexpr std::array<ComponentRow, kComponents> kRows = {{
    {"CAS", "contentaccess.cpp:1"},
    {"ContentTransferManager", "contenttransfermanager.cpp:1"},
    {"DataTransferService", "datatransferservice.cpp:1"},
    {"execmgr", "execmgr.cpp:1"},
    {"PolicyAgent", "policyagent.cpp:1"},
    {"LocationServices", "locationservices.cpp:1"},
    {"CcmMessaging", "ccmmessaging.cpp:1"},
    {"System", "BITS"},
}};
}  // namespace

Host::Host(HostOptions options, Env& env_in, const Clock& clock_in, Story story)
    : name(std::move(options.name)),
      site(std::move(options.site)),
      folder(std::move(options.folder)),
      bind(std::move(options.bind)),
      env(env_in),
      clock(clock_in),
      random_(options.seed),
      run_(std::to_string(options.run)),
      story_(std::move(story)) {
  // Windows' process and thread numbers are multiples of four.
  const auto draw = [&](std::string_view what) {
    return static_cast<uint32_t>(4 * (200 + random_.below(1800, "process and thread numbers", {name, run_, what})));
  };
  process_id_ = draw("process");
  for (size_t i = 0; i < kComponents; i++) thread_ids_[i] = draw(kRows[i].name);
}

Result<std::unique_ptr<Host>> Host::open(HostOptions options, Env& env, const Clock& clock, Story story) {
  const std::string logs = options.folder + "/logs";
  RETURN_IF_ERROR(env.make_folders(logs));
  std::unique_ptr<Host> host(new Host(std::move(options), env, clock, std::move(story)));
  for (size_t i = 0; i < kComponents; i++) {
    const std::string component(kRows[i].name);
    ASSIGN_OR_RETURN(auto sink, open_log_file(logs + "/" + component + ".log", "\r\n"));
    host->logs_.emplace_back(std::move(sink), LogForm::kClient, clock, component, host->thread_ids_[i],
                             std::string(kRows[i].source_file));
  }
  return host;
}

std::string Host::guid(std::string_view purpose) { return "{" + random_.guid(purpose, {name, run_}, guids_++) + "}"; }
uint32_t Host::thread_id(Component component) const { return thread_ids_[static_cast<size_t>(component)]; }
const Log& Host::log(Component component) const { return logs_[static_cast<size_t>(component)]; }

}  // namespace smslab::client
