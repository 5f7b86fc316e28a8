#include "proto/fault/doors.h"

#include <optional>
#include <utility>

#include "proto/base/mutex.h"

namespace smslab::fault {

class DoorWatch::Watched : public std::enable_shared_from_this<Watched> {
 public:
  Watched(Place place, Rules& rules, LabClock& clock, LabTimers& timers, Set set)
      : place_(std::move(place)), rules_(rules), clock_(clock), timers_(timers), set_(std::move(set)) {}

  void look() {
    LabDuration wait{};
    {
      const MutexLock lock(mu_);
      if (over_) return;
      const LabTime now = clock_.now();
      const Rules::Door door = rules_.door(place_, now);
      if (door.shut != shut_ && set_(door.shut).ok()) shut_ = door.shut;
      if (door.until && door.until != armed_) wait = *door.until - now;
      armed_ = door.until;
    }
    if (wait > LabDuration::zero()) look_after(wait);
  }

  void end() {
    const MutexLock lock(mu_);
    over_ = true;
  }

  std::function<void()> looking() {
    return [weak = weak_from_this()] {
      if (const auto self = weak.lock()) self->look();
    };
  }

 private:
  // Without the lock: the time may be over before it is waited for.
  void look_after(LabDuration time) {
    timers_.after(time)->on_done([weak = weak_from_this()](const Status& passed) {
      const auto self = weak.lock();
      if (!self || !passed.ok()) return;
      {
        const MutexLock lock(self->mu_);
        self->armed_.reset();
      }
      self->look();
    });
  }

  const Place place_;
  Rules& rules_;
  LabClock& clock_;
  LabTimers& timers_;
  const Set set_;
  Mutex mu_;
  bool shut_ GUARDED_BY(mu_) = false;
  bool over_ GUARDED_BY(mu_) = false;
  std::optional<LabTime> armed_ GUARDED_BY(mu_);  // a timer runs until then
};

DoorWatch::DoorWatch(Place place, Rules& rules, LabClock& clock, LabTimers& timers, Set set)
    : watched_(std::make_shared<Watched>(std::move(place), rules, clock, timers, std::move(set))) {
  rules.on_change(watched_->looking());
  clock.on_change(watched_->looking());
  watched_->look();
}

DoorWatch::~DoorWatch() { watched_->end(); }

}  // namespace smslab::fault
