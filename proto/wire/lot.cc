#include "proto/wire/lot.h"

#include <sys/epoll.h>
#include <sys/timerfd.h>

#include <algorithm>
#include <cerrno>

namespace smslab::wire {
namespace {
bool control(int epoll, int operation, int fd, uint32_t events, uint64_t number) {
  epoll_event event{};
  event.events = events;
  event.data.u64 = number;
  return ::epoll_ctl(epoll, operation, fd, &event) == 0;
}
}  // namespace

Lot::Lot(const Clock& clock, std::chrono::milliseconds progress_timeout, UniqueFd epoll, UniqueFd timer)
    : clock_(clock), progress_timeout_(progress_timeout), epoll_(std::move(epoll)), timer_(std::move(timer)) {}

Result<std::shared_ptr<Lot>> Lot::open(const Clock& clock, std::chrono::milliseconds progress_timeout) {
  UniqueFd epoll(::epoll_create1(EPOLL_CLOEXEC));
  if (!epoll) return from_errno(errno, "epoll");
  UniqueFd timer(::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK));
  // Edge-triggered: one worker a shot, and nobody has to read it.
  if (!timer || !control(epoll.get(), EPOLL_CTL_ADD, timer.get(), EPOLLIN | EPOLLET, kTimer)) {
    return from_errno(errno, "timer");
  }
  return std::shared_ptr<Lot>(new Lot(clock, progress_timeout, std::move(epoll), std::move(timer)));
}

Status Lot::watch(int fd, uint64_t number) {
  if (!control(epoll_.get(), EPOLL_CTL_ADD, fd, EPOLLIN, number)) return from_errno(errno, "epoll_ctl");
  return {};
}

void Lot::forget(int fd) { ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr); }

uint64_t Lot::next() {
  epoll_event event{};
  while (::epoll_wait(epoll_.get(), &event, 1, -1) != 1) {  // interrupted by a signal
  }
  return event.data.u64;
}

void Lot::admit(std::unique_ptr<Conn> conn) {
  const Turn first = conn->first();
  uint64_t id = 0;
  {
    const MutexLock lock(mu_);
    id = next_id_++;
    slots_[id].conn = std::move(conn);
  }
  lodge(id, first);
}

void Lot::run(uint64_t id) {
  Conn* conn = nullptr;
  std::optional<Status> outcome;
  {
    const MutexLock lock(mu_);
    const auto at = slots_.find(id);
    if (at == slots_.end() || !at->second.parked) return;
    at->second.parked = false;
    conn = at->second.conn.get();
    outcome = std::exchange(at->second.outcome, std::nullopt);
  }
  carry_on(id, *conn, outcome ? conn->resume(*outcome) : conn->advance());
}

// The owner's way through a connection, until it is parked or closed.
void Lot::carry_on(uint64_t id, Conn& conn, Turn turn) {
  while (true) {
    if (turn.after) {
      turn.after->on_done([lot = weak_from_this(), id](const Status& status) {
        if (const auto self = lot.lock()) self->finished(id, status);
      });
    }
    const auto outcome = lodge(id, turn);
    if (!outcome) return;
    turn = conn.resume(*outcome);
  }
}

// Parks the connection or ends it. An outcome that came before it could be parked is handed back: it is still owned.
std::optional<Status> Lot::lodge(uint64_t id, const Turn& turn) {
  Slots::node_type ended;  // closed after the lock is released
  const MutexLock lock(mu_);
  const auto at = slots_.find(id);
  Slot& slot = at->second;
  if (turn.after && slot.outcome) return std::exchange(slot.outcome, std::nullopt);
  if (turn.close || (closing_ && !slot.conn->replying()) || !park(id, slot, turn)) ended = remove(at);
  return std::nullopt;
}

// On the finisher's thread: only makes the connection wake a worker, as soon as its socket takes bytes.
void Lot::finished(uint64_t id, const Status& status) {
  Slots::node_type ended;
  const MutexLock lock(mu_);
  const auto at = slots_.find(id);
  if (at == slots_.end()) return;
  Slot& slot = at->second;
  slot.outcome = status;
  if (!slot.parked) return;
  if (!park(id, slot, {.events = EPOLLOUT, .until = clock_.steady() + progress_timeout_})) ended = remove(at);
}

bool Lot::park(uint64_t id, Slot& slot, const Turn& turn) {
  const int operation = slot.watched ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;
  if (!control(epoll_.get(), operation, slot.conn->fd(), turn.events | EPOLLONESHOT, id)) return false;
  slot.watched = true;
  slot.parked = true;
  slot.until = turn.until;
  queue(id, slot, turn.until);
  return true;
}

Lot::Slots::node_type Lot::remove(Slots::iterator at) {
  if (at->second.queued != SteadyTime::max()) deadlines_.erase({at->second.queued, at->first});
  auto node = slots_.extract(at);
  if (slots_.empty()) emptied_.notify_all();
  return node;
}

// Deadlines mostly move on with each request: an entry is only ever made earlier here, and moved on when it comes up.
void Lot::queue(uint64_t id, Slot& slot, SteadyTime when) {
  if (when >= slot.queued) return;
  if (slot.queued != SteadyTime::max()) deadlines_.erase({slot.queued, id});
  deadlines_.emplace(when, id);
  slot.queued = when;
  arm_timer();
}

void Lot::arm_timer() {
  if (deadlines_.empty() || deadlines_.begin()->first >= armed_) return;
  armed_ = deadlines_.begin()->first;
  const auto left = std::max<std::chrono::nanoseconds>(armed_ - clock_.steady(), std::chrono::nanoseconds(1));
  const auto seconds = std::chrono::floor<std::chrono::seconds>(left);
  itimerspec spec{};
  spec.it_value.tv_sec = static_cast<time_t>(seconds.count());
  spec.it_value.tv_nsec = static_cast<long>((left - seconds).count());
  ::timerfd_settime(timer_.get(), 0, &spec, nullptr);
}

void Lot::expire_due() {
  std::vector<std::pair<uint64_t, Conn*>> due;
  {
    const MutexLock lock(mu_);
    armed_ = SteadyTime::max();
    const SteadyTime now = clock_.steady();
    while (!deadlines_.empty() && deadlines_.begin()->first <= now) {
      const uint64_t id = deadlines_.begin()->second;
      deadlines_.erase(deadlines_.begin());
      Slot& slot = slots_.at(id);
      slot.queued = SteadyTime::max();
      if (!slot.parked) continue;  // queued again when it is parked
      if (slot.until <= now) {
        slot.parked = false;
        due.emplace_back(id, slot.conn.get());
      } else if (slot.until != SteadyTime::max()) {
        deadlines_.emplace(slot.until, id);
        slot.queued = slot.until;
      }
    }
    arm_timer();
  }
  for (const auto& [id, conn] : due) carry_on(id, *conn, conn->expire());
}

void Lot::close_idle() {
  std::vector<Slots::node_type> idle;  // closed after the lock is released
  const MutexLock lock(mu_);
  closing_ = true;
  for (auto at = slots_.begin(); at != slots_.end();) {
    const auto next = std::next(at);
    if (at->second.parked && !at->second.conn->replying()) idle.push_back(remove(at));
    at = next;
  }
}

void Lot::wait_empty(SteadyTime deadline) {
  MutexLock lock(mu_);
  while (!slots_.empty() && emptied_.wait_until(lock, deadline)) {
  }
}

void Lot::clear() {
  Slots all;
  const MutexLock lock(mu_);
  all.swap(slots_);
  deadlines_.clear();
}

}  // namespace smslab::wire
