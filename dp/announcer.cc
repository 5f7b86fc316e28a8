#include "dp/announcer.h"

#include <algorithm>
#include <utility>

#include "proto/base/random.h"

namespace smslab::dp {
namespace {
using std::chrono::milliseconds;

constexpr milliseconds kPatience{5'000};  // for an answer of the site
constexpr milliseconds kFirstPause{200};  // doubled with each failure
constexpr milliseconds kLongestPause{5'000};
constexpr milliseconds kBetween{30'000};  // once the site has heard
}  // namespace

Announcer::Announcer(DistributionPoint& dp, control::DpSecret secret, v1::DpAnnouncement announcement,
                     const std::string& site_server, const Clock& clock, const Log& log)
    : dp_(dp),
      secret_(std::move(secret)),
      clock_(clock),
      log_(log),
      announcement_(std::move(announcement)),
      site_({.base = site_server, .token = {}, .bind = {}, .timeout = kPatience}) {
  announcement_.set_session(secret_token());
}

Status Announcer::announce() {
  ASSIGN_OR_RETURN(*announcement_.mutable_site(), dp_.site());
  announcement_.set_proof(secret_.prove(announcement_));
  v1::DpWelcome welcome;
  RETURN_IF_ERROR(site_.call("POST", "/api/v1/dps", &announcement_, &welcome));
  if (!secret_.vouches_for(welcome, announcement_)) {
    return Status(Code::kUnauthenticated, "what answers for the site does not hold the secret of the token file");
  }
  return dp_.belong_to(welcome.site());
}

void Announcer::start() {
  thread_ = std::thread([this] { run(); });
}

void Announcer::stop() {
  {
    const MutexLock lock(mu_);
    stopped_ = true;
    changed_.notify_all();
  }
  if (thread_.joinable()) thread_.join();
}

void Announcer::run() {
  Status last;
  milliseconds next = kFirstPause;
  while (true) {
    const Status told = announce();
    if (told != last && !told.ok())
      log_.error("the site does not take this distribution point in: " + told.to_string());
    if (told != last && told.ok()) log_.info("the site has taken this distribution point in again");
    last = told;
    if (!pause(told.ok() ? kBetween : next)) return;
    next = told.ok() ? kFirstPause : std::min(next * 2, kLongestPause);
  }
}

bool Announcer::pause(milliseconds time) {
  MutexLock lock(mu_);
  const SteadyTime deadline = clock_.steady() + time;
  while (!stopped_ && changed_.wait_until(lock, deadline)) continue;
  return !stopped_;
}

}  // namespace smslab::dp
