#include "proto/base/lab_timers.h"

#include <map>
#include <thread>
#include <vector>

namespace smslab {

class LabTimers::Waiting {
 public:
  explicit Waiting(LabClock& clock) : clock_(clock) {}
  ~Waiting() { stop(); }

  void add(LabDuration time, CompletionPtr done) {
    const MutexLock lock(mu_);
    const LabTime now = last_ = clock_.now(), at = now + time;
    const bool first = by_time_.empty() || at < by_time_.begin()->first;
    by_time_.emplace(at, Wait{now, std::move(done)});
    if (!thread_.joinable() && !stopped_) thread_ = std::thread([this] { run(); });
    if (first) changed_.notify_all();
  }

  void look() {
    const MutexLock lock(mu_);
    changed_.notify_all();
  }

  void stop() {
    std::multimap<LabTime, Wait> left;
    {
      const MutexLock lock(mu_);
      stopped_ = true;
      changed_.notify_all();
      left.swap(by_time_);
    }
    if (thread_.joinable()) thread_.join();
    for (const auto& [at, wait] : left) wait.done->finish({Code::kAborted, "the lab is stopping"});
  }

 private:
  struct Wait {
    LabTime since;
    CompletionPtr done;
  };

  void run() {
    while (true) {
      std::vector<CompletionPtr> due;
      {
        MutexLock lock(mu_);
        while (!stopped_ && take_due(&due) == 0) sleep(lock);
        if (stopped_) return;
      }
      for (const auto& done : due) done->finish(ok_status());
    }
  }

  size_t take_due(std::vector<CompletionPtr>* due) REQUIRES(mu_) {
    const LabTime now = clock_.now();
    const bool set_back = now < last_;
    last_ = now;
    for (auto each = by_time_.begin(); each != by_time_.end() && (set_back || each->first <= now);) {
      if (each->first > now && each->second.since <= now) {
        ++each;
        continue;
      }
      due->push_back(std::move(each->second.done));
      each = by_time_.erase(each);
    }
    return due->size();
  }

  // Until the first is due or something has changed.
  void sleep(MutexLock& lock) REQUIRES(mu_) {
    if (by_time_.empty() || clock_.frozen()) {
      changed_.wait(lock);
    } else {
      changed_.wait_until(lock, clock_.steady() + (by_time_.begin()->first - clock_.now()));
    }
  }

  LabClock& clock_;
  Mutex mu_;
  CondVar changed_;
  std::multimap<LabTime, Wait> by_time_ GUARDED_BY(mu_);
  LabTime last_ GUARDED_BY(mu_);  // when it was last looked at
  bool stopped_ GUARDED_BY(mu_) = false;
  std::thread thread_;  // begun with the first wait; add()'s, and stop()'s then
};

LabTimers::LabTimers(LabClock& clock) : waiting_(std::make_shared<Waiting>(clock)) {
  clock.on_change([waiting = std::weak_ptr<Waiting>(waiting_)] {
    if (const auto live = waiting.lock()) live->look();
  });
}
LabTimers::~LabTimers() { waiting_->stop(); }

CompletionPtr LabTimers::after(LabDuration time) {
  auto done = std::make_shared<Completion>();
  if (time <= LabDuration::zero()) {
    done->finish(ok_status());
  } else {
    waiting_->add(time, done);
  }
  return done;
}

}  // namespace smslab
