#include "mp/cli/progress.h"

#include <fmt/format.h>
#include <unistd.h>

#include "mp/cli/print.h"
#include "proto/base/clock.h"
#include "proto/schema/control.pb.h"

namespace smslab::cli {
namespace {
constexpr auto kBetweenLooks = std::chrono::milliseconds(500);
}  // namespace

Progress::Progress(const LabFinder& finder, std::string package) : package_(std::move(package)) {
  if (::isatty(STDERR_FILENO) == 1) thread_ = std::thread([this, finder] { run(finder); });
}

Progress::~Progress() {
  if (!thread_.joinable()) return;
  {
    const MutexLock lock(mu_);
    end_ = true;
    ended_.notify_all();
  }
  thread_.join();
  fmt::print(stderr, "\r\x1b[K");
}

void Progress::run(const LabFinder& finder) {
  auto lab = LabClient::find(finder);
  if (!lab.ok()) return;  // the command itself says so
  const TimeSource time = system_time_source();
  while (true) {
    {
      MutexLock lock(mu_);
      const SteadyTime until = time.steady() + kBetweenLooks;
      while (!end_ && ended_.wait_until(lock, until)) {
      }
      if (end_) return;
    }
    v1::ImportList list;
    if (!lab->call("GET", "/api/v1/imports", nullptr, &list).ok()) return;
    for (const auto& import : list.imports()) {
      if (import.package() != package_ && !package_.empty()) continue;
      fmt::print(stderr, "\rreading {}: {}\x1b[K", import.source(), shown_size(import.bytes()));
      std::fflush(stderr);
    }
  }
}

}  // namespace smslab::cli
