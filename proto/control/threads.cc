#include "proto/control/threads.h"

#include <algorithm>
#include <system_error>
#include <utility>

#include "proto/base/clock.h"

namespace smslab::control {
namespace {
SteadyTime steady_now() { return system_time_source().steady(); }
}  // namespace

Threads::Threads(size_t most, std::chrono::milliseconds idle) : most_(std::max<size_t>(most, 2)), idle_for_(idle) {
  const MutexLock lock(mu_);
  begin();
}

Threads::~Threads() {
  All all;
  {
    const MutexLock lock(mu_);
    stopping_ = true;
    all.swap(threads_);
    all.splice(all.end(), ended_);
  }
  changed_.notify_all();
  for (std::thread& thread : all) thread.join();
}

size_t Threads::count() const {
  const MutexLock lock(mu_);
  return threads_.size();
}

void Threads::begin() {
  const auto self = threads_.emplace(threads_.end());
  try {
    *self = std::thread([this, self] { work(self); });
  } catch (const std::system_error&) {
    threads_.erase(self);
    throw;
  }
}

void Threads::run(std::function<void()> work, Weight weight) {
  All ended;
  {
    const MutexLock lock(mu_);
    ended.swap(ended_);
    (weight == Weight::kLong ? long_ : short_).push_back(std::move(work));
    if (idle_ < short_.size() + long_.size() && threads_.size() < most_ && !stopping_) {
      try {
        begin();
      } catch (const std::system_error&) {  // it waits for one of those that there are
      }
    }
  }
  changed_.notify_one();
  for (std::thread& thread : ended) thread.join();
}

std::optional<Threads::Piece> Threads::next(All::iterator self) {
  MutexLock lock(mu_);
  idle_++;
  auto until = steady_now() + idle_for_;
  while (short_.empty() && !may_begin_long() && !(stopping_ && long_.empty())) {
    if (threads_.size() == 1) {
      changed_.wait(lock);
      until = steady_now() + idle_for_;
    } else if (!changed_.wait_until(lock, until) && short_.empty() && !may_begin_long() && !stopping_) {
      idle_--;
      ended_.splice(ended_.end(), threads_, self);
      return std::nullopt;
    }
  }
  idle_--;
  const bool is_long = short_.empty();
  auto& queue = is_long ? long_ : short_;
  if (queue.empty()) return std::nullopt;
  Piece piece{std::move(queue.front()), is_long};
  queue.pop_front();
  long_running_ += is_long ? 1 : 0;
  return piece;
}

void Threads::work(All::iterator self) {
  while (auto piece = next(self)) {
    piece->work();
    piece->work = nullptr;  // with all that it holds
    if (!piece->is_long) continue;
    {
      const MutexLock lock(mu_);
      long_running_--;
    }
    changed_.notify_all();  // the next long one, and at the end those that wait for there being none
  }
}

}  // namespace smslab::control
