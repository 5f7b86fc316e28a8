#include "proto/control/threads.h"

#include <algorithm>
#include <system_error>
#include <utility>

namespace smslab::control {

Threads::Threads(size_t most) : most_(std::max<size_t>(most, 2)) {
  const MutexLock lock(mu_);
  threads_.emplace_back([this] { work(); });
}

Threads::~Threads() {
  std::vector<std::thread> all;
  {
    const MutexLock lock(mu_);
    stopping_ = true;
    all.swap(threads_);
  }
  changed_.notify_all();
  for (std::thread& thread : all) thread.join();
}

void Threads::run(std::function<void()> work, Weight weight) {
  {
    const MutexLock lock(mu_);
    (weight == Weight::kLong ? long_ : short_).push_back(std::move(work));
    if (idle_ < short_.size() + long_.size() && threads_.size() < most_ && !stopping_) {
      try {
        threads_.emplace_back([this] { this->work(); });
      } catch (const std::system_error&) {  // it waits for one of those that there are
      }
    }
  }
  changed_.notify_one();
}

void Threads::work() {
  while (true) {
    std::function<void()> work;
    bool is_long = false;
    {
      MutexLock lock(mu_);
      idle_++;
      while (short_.empty() && !may_begin_long() && !(stopping_ && long_.empty())) changed_.wait(lock);
      idle_--;
      is_long = short_.empty();
      auto& queue = is_long ? long_ : short_;
      if (queue.empty()) return;
      work = std::move(queue.front());
      queue.pop_front();
      long_running_ += is_long ? 1 : 0;
    }
    work();
    if (!is_long) continue;
    {
      const MutexLock lock(mu_);
      long_running_--;
    }
    changed_.notify_all();  // the next long one, and at the end those that wait for there being none
  }
}

}  // namespace smslab::control
