#include "proto/base/clock.h"

namespace smslab {

TimeSource system_time_source() {
  return {[] { return std::chrono::time_point_cast<LabDuration>(std::chrono::system_clock::now()); },
          [] { return std::chrono::steady_clock::now(); }};
}

LabClock::LabClock(TimeSource source, Start start) : source_(std::move(source)) {
  MutexLock lock(mu_);
  base_ = source_.steady();
  at_ = source_.wall();
  if (const auto* frozen = std::get_if<Frozen>(&start)) {
    at_ = frozen->at;
    frozen_ = true;
  } else if (const auto* running = std::get_if<RunningFrom>(&start)) {
    at_ = running->at;
  }
}

LabTime LabClock::now_locked() const {
  return frozen_ ? at_ : at_ + std::chrono::duration_cast<LabDuration>(source_.steady() - base_);
}

LabTime LabClock::now() const {
  MutexLock lock(mu_);
  return now_locked();
}

SteadyTime LabClock::steady() const { return source_.steady(); }

bool LabClock::frozen() const {
  MutexLock lock(mu_);
  return frozen_;
}

void LabClock::freeze(LabTime at) {
  {
    MutexLock lock(mu_);
    at_ = at;
    frozen_ = true;
  }
  changed();
}

void LabClock::advance(LabDuration by) {
  {
    MutexLock lock(mu_);
    at_ += by;
  }
  changed();
}

void LabClock::run() {
  {
    MutexLock lock(mu_);
    at_ = now_locked();
    base_ = source_.steady();
    frozen_ = false;
  }
  changed();
}

void LabClock::on_change(std::function<void()> listener) {
  MutexLock lock(mu_);
  listeners_.push_back(std::move(listener));
}

void LabClock::changed() const {
  std::vector<std::function<void()>> listeners;
  {
    MutexLock lock(mu_);
    listeners = listeners_;
  }
  for (const auto& listener : listeners) listener();
}

}  // namespace smslab
