#include "proto/base/clock.h"

namespace smslab {

TimeSource system_time_source() {
  return {[] { return std::chrono::time_point_cast<LabDuration>(std::chrono::system_clock::now()); },
          [] { return std::chrono::steady_clock::now(); }};
}

LabClock::LabClock(TimeSource source, Start start) : source_(std::move(source)), start_(start) {
  const MutexLock lock(mu_);
  start_locked();
}

void LabClock::start_locked() {
  state_ = {.frozen = false, .at = source_.wall(), .base = source_.steady()};
  if (const auto* frozen = std::get_if<Frozen>(&start_)) {
    state_.at = frozen->at;
    state_.frozen = true;
  } else if (const auto* running = std::get_if<RunningFrom>(&start_)) {
    state_.at = running->at;
  }
}

LabTime LabClock::now_locked() const {
  if (state_.frozen) return state_.at;
  return state_.at + std::chrono::duration_cast<LabDuration>(source_.steady() - state_.base);
}

LabTime LabClock::now() const {
  const MutexLock lock(mu_);
  return now_locked();
}

SteadyTime LabClock::steady() const { return source_.steady(); }

bool LabClock::frozen() const {
  const MutexLock lock(mu_);
  return state_.frozen;
}

void LabClock::freeze(LabTime at) {
  {
    const MutexLock lock(mu_);
    state_.at = at;
    state_.frozen = true;
  }
  changed();
}

void LabClock::advance(LabDuration by) {
  {
    const MutexLock lock(mu_);
    state_.at += by;
  }
  changed();
}

void LabClock::run() {
  {
    const MutexLock lock(mu_);
    state_ = {.frozen = false, .at = now_locked(), .base = source_.steady()};
  }
  changed();
}

LabClock::State LabClock::restart() {
  State before;
  {
    const MutexLock lock(mu_);
    before = state_;
    start_locked();
  }
  changed();
  return before;
}

void LabClock::restore(const State& state) {
  {
    const MutexLock lock(mu_);
    state_ = state;
  }
  changed();
}

void LabClock::on_change(std::function<void()> listener) {
  const MutexLock lock(mu_);
  listeners_.push_back(std::move(listener));
}

void LabClock::changed() const {
  std::vector<std::function<void()>> listeners;
  {
    const MutexLock lock(mu_);
    listeners = listeners_;
  }
  for (const auto& listener : listeners) listener();
}

}  // namespace smslab
