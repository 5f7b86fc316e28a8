#include "proto/wire/lot.h"

#include <sys/epoll.h>
#include <sys/timerfd.h>

#include <algorithm>
#include <cerrno>
#include <limits>

namespace smslab::wire {
namespace {
constexpr uint32_t kAlways = EPOLLIN | EPOLLRDHUP | EPOLLET;
constexpr int64_t kNever = std::numeric_limits<int64_t>::max();
constexpr size_t kBatch = 64;  // events, whatever the caller could take

bool control(int epoll, int operation, int fd, uint32_t events, uint64_t number) {
  epoll_event event{};
  event.events = events;
  event.data.u64 = number;
  return ::epoll_ctl(epoll, operation, fd, &event) == 0;
}

int64_t nanoseconds(SteadyTime time) { return time.time_since_epoch() / std::chrono::nanoseconds(1); }
}  // namespace

Lot::Lot(const Clock& clock, std::chrono::milliseconds progress_timeout, UniqueFd epoll, UniqueFd timer)
    : clock_(clock), progress_timeout_(progress_timeout), epoll_(std::move(epoll)), timer_(std::move(timer)) {}

Lot::~Lot() {
  for (auto& chunk : chunks_) delete[] chunk.load();
}

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

std::span<const Lot::Event> Lot::next(std::span<Event> into) {
  std::array<epoll_event, kBatch> batch;
  int count = 0;
  do {  // again when interrupted by a signal
    count = ::epoll_wait(epoll_.get(), batch.data(), static_cast<int>(std::min(batch.size(), into.size())), -1);
  } while (count <= 0);
  for (int i = 0; i < count; i++) into[i] = {.number = batch[i].data.u64, .events = batch[i].events};
  return into.first(static_cast<size_t>(count));
}

// A connection's number is its generation and its slot.
Lot::Slot& Lot::slot(uint64_t id) const {
  const auto index = static_cast<uint32_t>(id);
  return chunks_[index / kChunk].load()[index % kChunk];
}

Lot::Slot* Lot::living(uint64_t id) {
  Slot& slot = this->slot(id);
  return slot.word.load() >> 32 == id >> 32 ? &slot : nullptr;
}

void Lot::admit(std::unique_ptr<Conn> conn, Workspace& space) {
  const Turn first = conn->first();
  uint64_t id = 0;
  {
    const MutexLock lock(mu_);
    if (free_.empty()) {
      if (slots_ == kChunk * kChunks) return;  // closes it
      auto& chunk = chunks_[slots_ / kChunk];
      if (chunk.load() == nullptr) chunk.store(new Slot[kChunk]);
      free_.push_back(static_cast<uint32_t>(slots_++));
    }
    const uint32_t index = free_.back();
    free_.pop_back();
    live_++;
    Slot& slot = this->slot(index);
    id = slot.word.load() | index;
    slot.fd = conn->fd();
    slot.conn = std::move(conn);
    slot.queued = kNever;
    slot.writable = false;
    slot.word.fetch_or(kOwned);
  }
  Slot& slot = this->slot(id);
  if (!control(epoll_.get(), EPOLL_CTL_ADD, slot.fd, kAlways, id)) return end(id, slot);
  carry_on(id, slot, first, space);
}

// Adds to a connection's news. False when it is closed, or when it has an owner, who will see them.
bool Lot::tell(Slot& slot, uint64_t id, uint32_t news, uint32_t owned) {
  uint64_t word = slot.word.load();
  do {
    if (word >> 32 != id >> 32) return false;
  } while (!slot.word.compare_exchange_weak(word, word | news | owned));
  return (word & kOwned) == 0;
}

void Lot::run(const Event& event, Workspace& space) {
  Slot& slot = this->slot(event.number);
  if (tell(slot, event.number, event.events | kLook, kOwned)) carry_on(event.number, slot, look(slot, space), space);
}

// The owner takes the news and goes on by them.
Turn Lot::look(Slot& slot, Workspace& space) {
  const auto news = static_cast<uint32_t>(slot.word.fetch_and(~uint64_t{UINT32_MAX} | kOwned));
  const uint32_t events = news & ~(kOwned | kLook | kOutcome);
  if ((news & kOutcome) == 0) return slot.conn->advance(space, events);
  Status outcome;
  {
    const MutexLock lock(mu_);
    outcome = std::exchange(slot.outcome, {});
  }
  return slot.conn->resume(space, events, outcome);
}

// The owner's way through a connection, until it is parked or closed.
void Lot::carry_on(uint64_t id, Slot& slot, Turn turn, Workspace& space) {
  while (turn.next != Turn::Next::kClose) {
    if (park(id, slot, turn)) return;
    turn = look(slot, space);
  }
  end(id, slot);
}

// Gives up ownership, unless there are news.
bool Lot::park(uint64_t id, Slot& slot, const Turn& turn) {
  if (turn.next == Turn::Next::kWritable && !slot.writable) nudge(id, slot);
  if (turn.after) {
    turn.after->on_done([lot = weak_from_this(), id](const Status& status) {
      if (const auto self = lot.lock()) self->finished(id, status);
    });
  }
  const int64_t until = nanoseconds(turn.until);
  slot.until = until;
  uint64_t owned = (id & ~uint64_t{UINT32_MAX}) | kOwned;
  if (!slot.word.compare_exchange_strong(owned, owned & ~uint64_t{kOwned})) return false;
  // From here on another worker may have it, and even have closed it.
  const bool sooner = until < slot.queued;
  const bool yields = turn.next == Turn::Next::kOthers;
  if (!sooner && !yields) return true;
  const MutexLock lock(mu_);
  if (living(id) == nullptr) return true;
  if (sooner) queue(id, slot, until);
  if (yields) nudge(id, slot);
  return true;
}

void Lot::end(uint64_t id, Slot& slot) {
  std::unique_ptr<Conn> conn;  // closed after the lock is released
  const MutexLock lock(mu_);
  if (slot.queued != kNever) deadlines_.erase({slot.queued, id});
  conn = std::move(slot.conn);
  slot.fd = -1;
  slot.outcome = {};
  slot.word = (id & ~uint64_t{UINT32_MAX}) + (uint64_t{1} << 32);
  free_.push_back(static_cast<uint32_t>(id));
  if (--live_ == 0) emptied_.notify_all();
}

// On the finisher's thread: only makes the connection wake a worker, as soon as its socket takes bytes.
void Lot::finished(uint64_t id, const Status& status) {
  const MutexLock lock(mu_);
  Slot* const slot = living(id);
  if (slot == nullptr) return;
  slot->outcome = status;
  if (!tell(*slot, id, kOutcome, 0)) return;  // its owner will see it
  const int64_t latest = nanoseconds(clock_.steady() + progress_timeout_);
  if (slot->until > latest) slot->until = latest;  // the socket may never take bytes
  queue(id, *slot, latest);
  nudge(id, *slot);
}

void Lot::post(uint64_t id, Slot& slot, uint32_t news) {
  if (tell(slot, id, news, 0)) nudge(id, slot);
}

// Watching anew tells of what is there already: an event comes as soon as the socket takes bytes, mostly now.
void Lot::nudge(uint64_t id, Slot& slot) const {
  slot.writable = true;
  control(epoll_.get(), EPOLL_CTL_MOD, slot.fd, kAlways | EPOLLOUT, id);
}

// Deadlines mostly move on with each request: an entry is only ever made earlier here, and moved on when it comes up.
void Lot::queue(uint64_t id, Slot& slot, int64_t when) {
  if (when >= slot.queued) return;
  if (slot.queued != kNever) deadlines_.erase({slot.queued, id});
  deadlines_.emplace(when, id);
  slot.queued = when;
  arm_timer();
}

void Lot::arm_timer() {
  if (deadlines_.empty() || deadlines_.begin()->first >= armed_) return;
  armed_ = deadlines_.begin()->first;
  const int64_t left = std::max<int64_t>(armed_ - nanoseconds(clock_.steady()), 1);
  itimerspec spec{};
  spec.it_value.tv_sec = left / 1'000'000'000;
  spec.it_value.tv_nsec = left % 1'000'000'000;
  ::timerfd_settime(timer_.get(), 0, &spec, nullptr);
}

void Lot::expire_due(Workspace& space) {
  const int64_t now = nanoseconds(clock_.steady());
  std::vector<uint64_t> due;  // owned here
  {
    const MutexLock lock(mu_);
    armed_ = kNever;
    while (!deadlines_.empty() && deadlines_.begin()->first <= now) {
      const uint64_t id = deadlines_.begin()->second;
      deadlines_.erase(deadlines_.begin());
      Slot& slot = this->slot(id);
      slot.queued = kNever;  // whoever parks it from now on queues it
      // Parked with news: the socket, which would tell of them, takes no byte.
      uint64_t word = slot.word;
      if (word >> 32 != id >> 32 || (word & kOwned) != 0) continue;
      if (slot.until > now) {
        queue(id, slot, slot.until);
      } else if (tell(slot, id, 0, kOwned)) {
        due.push_back(id);
      }
    }
    arm_timer();
  }
  for (const uint64_t id : due) {
    Slot& slot = this->slot(id);
    const bool still = slot.until <= now;  // it may have been run and parked just before it was taken
    carry_on(id, slot, still ? slot.conn->expire(space) : look(slot, space), space);
  }
}

void Lot::wake_all() {
  const MutexLock lock(mu_);
  for (size_t index = 0; index < slots_; index++) {
    Slot& slot = this->slot(index);
    if (slot.fd >= 0) post((slot.word & ~uint64_t{UINT32_MAX}) | index, slot, kLook);
  }
}

// An owner sees it by itself; what is parked gets its turn as if its time had passed.
void Lot::end_gone() {
  const MutexLock lock(mu_);
  const int64_t now = nanoseconds(clock_.steady());
  for (size_t index = 0; index < slots_; index++) {
    Slot& slot = this->slot(index);
    const uint64_t word = slot.word;
    if (!slot.conn || !slot.conn->is_gone() || (word & kOwned) != 0) continue;
    slot.until = now;
    queue((word & ~uint64_t{UINT32_MAX}) | index, slot, now);
  }
}

void Lot::wait_empty(SteadyTime deadline) {
  MutexLock lock(mu_);
  while (live_ > 0 && emptied_.wait_until(lock, deadline)) {
  }
}

void Lot::clear() {
  std::vector<std::unique_ptr<Conn>> all;
  const MutexLock lock(mu_);
  for (size_t index = 0; index < slots_; index++) {
    Slot& slot = this->slot(index);
    all.push_back(std::move(slot.conn));
    slot.fd = -1;
    slot.word = (slot.word & ~uint64_t{UINT32_MAX}) + (uint64_t{1} << 32);  // a late Completion finds nobody
  }
  deadlines_.clear();
}

}  // namespace smslab::wire
