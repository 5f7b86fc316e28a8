#include "mp/lane.h"

#include <utility>

namespace smslab::mp {

void Lane::post(Job job) {
  {
    const MutexLock lock(mu_);
    if (stopped_) return;
    jobs_.push_back(std::move(job));
    changed_.notify_all();
  }
  if (!thread_.joinable()) thread_ = std::thread([this] { run(); });
}

void Lane::moved() {
  const SteadyTime now = clock_.steady();
  const MutexLock lock(mu_);
  moved_ = now;
}

SteadyTime::duration Lane::quiet_for(SteadyTime now) const {
  const MutexLock lock(mu_);
  return busy_ && now > moved_ ? now - moved_ : SteadyTime::duration::zero();
}

bool Lane::stop_within(std::chrono::milliseconds patience) {
  const SteadyTime deadline = clock_.steady() + patience;
  MutexLock lock(mu_);
  stopped_ = true;
  jobs_.clear();
  changed_.notify_all();
  while (busy_ && changed_.wait_until(lock, deadline)) {
  }
  return !busy_;
}

void Lane::stop() {
  (void)stop_within({});
  if (thread_.joinable()) thread_.join();
}

void Lane::run() {
  while (true) {
    Job job;
    {
      MutexLock lock(mu_);
      while (!stopped_ && jobs_.empty()) changed_.wait(lock);
      if (stopped_) return;
      job = std::move(jobs_.front());
      jobs_.pop_front();
      busy_ = true;
      moved_ = clock_.steady();
    }
    job();
    job = nullptr;  // what it holds goes before the lane is free
    const MutexLock lock(mu_);
    busy_ = false;
    changed_.notify_all();
  }
}

}  // namespace smslab::mp
