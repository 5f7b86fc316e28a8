#include "tests/e2e/soak/server.h"

namespace smslab::test::soak {
namespace {
// Nobody has to register: most of the clients are no more than their requests.
std::vector<std::string> arguments(const std::vector<std::string>& dps) {
  std::vector<std::string> all = {"--profile", "2003"};
  for (const auto& dp : dps) all.insert(all.end(), {"--dp", dp + "=127.0.0.1:0"});
  return all;
}
}  // namespace

Server::Server(const std::vector<std::string>& dps)
    : lab_(arguments(dps)), mp_(parse_url(lab_.mp(), "mp")->at), mp_url_(lab_.mp()), control_(lab_.ready().control()) {
  {
    const MutexLock lock(mu_);
    pid_ = lab_.ready().pid();
  }
  again_ = {"--profile",           "2003",      "--mp",
            format_host_port(mp_), "--control", format_host_port(parse_url(control_, "control")->at)};
  for (const auto& dp : dps) {
    dps_[dp] = parse_url(lab_.dp(dp), "dp")->at;
    again_.insert(again_.end(), {"--dp", dp + "=" + format_host_port(dps_[dp])});
  }
}

int Server::pid() const {
  const MutexLock lock(mu_);
  return pid_;
}

uint64_t Server::life() const {
  const MutexLock lock(mu_);
  return alive_ ? lives_ : 0;
}

uint64_t Server::wait_up() {
  MutexLock lock(mu_);
  while (!alive_ && !over_) changed_.wait(lock);
  return over_ ? 0 : lives_;
}

uint64_t Server::wait_alive() {
  MutexLock lock(mu_);
  while (!alive_) changed_.wait(lock);
  return lives_;
}

bool Server::pause(std::chrono::milliseconds time) {
  const Steady until = std::chrono::steady_clock::now() + time;
  MutexLock lock(mu_);
  while (!over_ && changed_.wait_until(lock, until)) {
  }
  return !over_;
}

bool Server::over() const {
  const MutexLock lock(mu_);
  return over_;
}

void Server::end() {
  {
    const MutexLock lock(mu_);
    over_ = true;
  }
  changed_.notify_all();
}

void Server::kill() {
  {
    const MutexLock lock(mu_);
    alive_ = false;
  }
  lab_.kill();
}

void Server::start() {
  lab_.restart(again_);
  {
    const MutexLock lock(mu_);
    alive_ = true;
    lives_++;
    pid_ = lab_.ready().pid();
  }
  changed_.notify_all();
}

}  // namespace smslab::test::soak
