#include "mp/cli/settled.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "mp/cli/print.h"
#include "proto/base/clock.h"
#include "proto/base/time_text.h"
#include "proto/base/uri.h"

namespace smslab::cli {
namespace {
bool settled(const v1::Package& package) {
  for (const auto& dp : package.dps()) {
    if (dp.state() != v1::PackageDp::INSTALLED && dp.state() != v1::PackageDp::INSTALL_FAILED &&
        dp.state() != v1::PackageDp::REMOVAL_FAILED) {
      return false;
    }
  }
  return !package.pass_open();
}

// A DP that could not be served is tried again by the site; whoever waits is told so, once for each failure.
void tell_retries(const v1::Package& package, std::map<std::string, uint32_t>* told) {
  for (const auto& dp : package.dps()) {
    if (dp.failures() == 0 || (*told)[dp.dp()] == dp.failures()) continue;
    (*told)[dp.dp()] = dp.failures();
    fmt::print(stderr, "smslab: {}: {}: {}; next try {}\n", dp.dp(),
               enum_name(v1::PackageDp::State_descriptor(), dp.state()), dp.last_error(), shown(dp.next_try()));
  }
}

}  // namespace

Result<v1::Package> wait_settled(LabClient& lab, const std::string& id, const std::string& timeout) {
  const auto patience = parse_duration(timeout);
  if (!patience) return invalid_argument("'" + timeout + "' is not a duration, as 10s or 5m", "--timeout");
  const TimeSource time = system_time_source();
  const SteadyTime deadline = time.steady() + *patience;
  std::map<std::string, uint32_t> told;
  const std::string path = "/api/v1/packages/" + percent_encode_component(id) + "?wait_ms=";
  v1::Package package;
  while (true) {
    const auto left = std::chrono::duration_cast<LabDuration>(deadline - time.steady()).count();
    const std::string wait = std::to_string(std::clamp<int64_t>(left, 0, 5'000));
    RETURN_IF_ERROR(lab.call("GET", path + wait, nullptr, &package));
    if (settled(package)) break;
    tell_retries(package, &told);
    if (left <= 0) {
      return Status(Code::kUnavailable, "not every distribution point of " + id + " was done after " + timeout +
                                            "; the site goes on, see: smslab package show " + id);
    }
  }
  for (const auto& dp : package.dps()) {
    if (dp.state() != v1::PackageDp::INSTALLED) {
      return Status(Code::kUnavailable, dp.dp() + ": " + dp.last_error());
    }
  }
  return package;
}

}  // namespace smslab::cli
