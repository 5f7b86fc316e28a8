#include "mp/changes.h"

namespace smslab::mp {

uint64_t Changes::seen() const {
  const MutexLock lock(mu_);
  return count_;
}

void Changes::notify() {
  const MutexLock lock(mu_);
  count_++;
  changed_.notify_all();
}

bool Changes::wait_past(uint64_t* seen, SteadyTime deadline) {
  MutexLock lock(mu_);
  while (!stopped_ && count_ == *seen) {
    if (!changed_.wait_until(lock, deadline)) break;
  }
  const bool moved = !stopped_ && count_ != *seen;
  *seen = count_;
  return moved;
}

void Changes::stop() {
  const MutexLock lock(mu_);
  stopped_ = true;
  changed_.notify_all();
}

}  // namespace smslab::mp
