#include "mp/package_queue.h"

#include <algorithm>
#include <utility>

namespace smslab::mp {

void PackageQueue::push(const std::string& package) {
  const MutexLock lock(mu_);
  if (std::find(waiting_.begin(), waiting_.end(), package) == waiting_.end()) waiting_.push_back(package);
  changed_.notify_all();
}

void PackageQueue::wake() {
  const MutexLock lock(mu_);
  woken_ = true;
  changed_.notify_all();
}

void PackageQueue::stop() {
  const MutexLock lock(mu_);
  stopped_ = true;
  changed_.notify_all();
}

void PackageQueue::restart() {
  const MutexLock lock(mu_);
  waiting_.clear();
  woken_ = false;
  stopped_ = false;
}

bool PackageQueue::stopped() const {
  const MutexLock lock(mu_);
  return stopped_;
}

std::optional<std::string> PackageQueue::pop(std::optional<SteadyTime> deadline) {
  MutexLock lock(mu_);
  while (!stopped_ && !woken_ && waiting_.empty()) {
    if (!deadline) {
      changed_.wait(lock);
    } else if (!changed_.wait_until(lock, *deadline)) {
      break;
    }
  }
  woken_ = false;
  if (stopped_ || waiting_.empty()) return std::nullopt;
  std::string package = std::move(waiting_.front());
  waiting_.pop_front();
  return package;
}

}  // namespace smslab::mp
