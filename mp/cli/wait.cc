#include <thread>

#include "mp/cli/verbs.h"
#include "proto/base/clock.h"
#include "proto/base/time_text.h"

namespace smslab::cli {
namespace {
constexpr auto kBetweenTries = std::chrono::milliseconds(20);

Status wait_ready(const LabFinder& finder, const std::string& timeout) {
  const auto patience = parse_duration(timeout);
  if (!patience) return invalid_argument("'" + timeout + "' is not a duration, as 10s, 500ms or 2m", "--timeout");
  const TimeSource time = system_time_source();
  const SteadyTime deadline = time.steady() + *patience;
  while (true) {
    Status status;
    if (auto lab = LabClient::find(finder); lab.ok()) {
      status = lab->call("GET", "/readyz", nullptr, nullptr);
    } else {
      status = lab.status();
    }
    if (status.ok() || status.code() == Code::kInvalidArgument) return status;
    if (time.steady() >= deadline) return status.prefixed("not ready after " + timeout);
    std::this_thread::sleep_for(kBetweenTries);
  }
}
}  // namespace

void add_wait(CLI::App& app, Cli& cli) {
  auto timeout = std::make_shared<std::string>("10s");
  add_verb(app, cli, "wait", "Return when the lab is ready",
           [&cli, timeout] { return wait_ready(cli.finder, *timeout); })
      ->add_option("--timeout", *timeout, "give up after this time")
      ->capture_default_str();
}

}  // namespace smslab::cli
