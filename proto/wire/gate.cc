#include "proto/wire/gate.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <optional>
#include <set>
#include <thread>
#include <unordered_map>
#include <utility>
#include <vector>

#include "proto/wire/conn.h"
#include "proto/wire/listener.h"

namespace smslab::wire {
namespace {
constexpr int kAcceptsAtOnce = 64;

// What an epoll event is about. Connections are counted on from the listeners and never reuse a number, so an event
// that comes late for a closed connection finds nobody, where a descriptor would find its successor.
constexpr uint64_t kQuitId = 0;
constexpr uint64_t kTimerId = 1;
constexpr uint64_t kFirstListenerId = 2;

Status watch(int epoll, int operation, int fd, uint32_t events, uint64_t id) {
  epoll_event event{};
  event.events = events;
  event.data.u64 = id;
  return ::epoll_ctl(epoll, operation, fd, &event) == 0 ? ok_status() : from_errno(errno, "epoll_ctl");
}

// sendfile has no MSG_NOSIGNAL.
void block_sigpipe() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGPIPE);
  ::pthread_sigmask(SIG_BLOCK, &set, nullptr);
}
}  // namespace

// Leader and follower without a queue: every worker waits on the epoll set, and the one that gets an event owns the
// connection until it parks it again. A callback of a Completion may outlive the gate, so it holds a weak pointer.
class Gate::Impl : public std::enable_shared_from_this<Impl> {
 public:
  Impl(GateOptions options, const Clock& clock, const Log& log) : plane_{std::move(options), clock, log, {}} {}

  Result<HostPort> listen(const HostPort& at, const Router& router);
  Status start();
  void stop();

 private:
  struct Slot {
    std::unique_ptr<Conn> conn;
    bool parked = false;                    // else a worker owns it
    bool watched = false;                   // by epoll
    SteadyTime until = SteadyTime::max();   // with parked
    SteadyTime queued = SteadyTime::max();  // its entry in deadlines_; never later than `until` while parked
    std::optional<Status> outcome;          // of the Completion that it waits for
  };
  struct Taken {
    uint64_t id = 0;
    Conn* conn = nullptr;
    std::optional<Status> outcome;
  };

  void work();
  void accept_some(Listener& listener, const Router& router);
  void expire_due();
  void finished(uint64_t id, const Status& status);

  std::optional<Taken> take(uint64_t id);
  void run(uint64_t id, Conn& conn, Turn turn);
  std::optional<Status> lodge(uint64_t id, const Turn& turn);
  bool park(uint64_t id, Slot& slot, const Turn& turn) REQUIRES(mu_);
  void queue(uint64_t id, Slot& slot, SteadyTime when) REQUIRES(mu_);
  void arm() REQUIRES(mu_);
  using Slots = std::unordered_map<uint64_t, Slot>;
  Slots::node_type remove(Slots::iterator at) REQUIRES(mu_);

  struct Door {
    std::unique_ptr<Listener> listener;
    const Router& router;
  };

  // Constant after start().
  Plane plane_;
  std::vector<Door> doors_;
  UniqueFd epoll_, quit_, timer_;
  std::vector<std::thread> threads_;

  std::atomic<bool> short_of_descriptors_ = false;  // said once a time

  Mutex mu_;  // held for a look-up and one epoll_ctl
  Slots slots_ GUARDED_BY(mu_);
  uint64_t next_id_ GUARDED_BY(mu_) = 0;
  std::set<std::pair<SteadyTime, uint64_t>> deadlines_ GUARDED_BY(mu_);
  SteadyTime armed_ GUARDED_BY(mu_) = SteadyTime::max();  // when the timer fires
  bool stopping_ GUARDED_BY(mu_) = false;
  CondVar emptied_;
};

Result<HostPort> Gate::Impl::listen(const HostPort& at, const Router& router) {
  ASSIGN_OR_RETURN(auto listener, Listener::open(at));
  HostPort bound = listener->bound();
  doors_.push_back({std::move(listener), router});
  return bound;
}

Status Gate::Impl::start() {
  epoll_.reset(::epoll_create1(EPOLL_CLOEXEC));
  quit_.reset(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  timer_.reset(::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK));
  if (!epoll_ || !quit_ || !timer_) return from_errno(errno, "start the gate");
  RETURN_IF_ERROR(watch(epoll_.get(), EPOLL_CTL_ADD, quit_.get(), EPOLLIN, kQuitId));
  RETURN_IF_ERROR(watch(epoll_.get(), EPOLL_CTL_ADD, timer_.get(), EPOLLIN | EPOLLET, kTimerId));
  uint64_t id = kFirstListenerId;
  for (const Door& door : doors_) {
    RETURN_IF_ERROR(watch(epoll_.get(), EPOLL_CTL_ADD, door.listener->fd(), EPOLLIN, id++));
  }
  {
    const MutexLock lock(mu_);
    next_id_ = id;
  }
  for (size_t i = 0; i < std::max<size_t>(plane_.options.workers, 1); i++) threads_.emplace_back([this] { work(); });
  return {};
}

void Gate::Impl::stop() {
  if (threads_.empty()) return;
  for (const Door& door : doors_) {
    ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, door.listener->fd(), nullptr);
    door.listener->close_door();
  }
  plane_.stopping = true;
  std::vector<Slots::node_type> idle;
  {
    const MutexLock lock(mu_);
    stopping_ = true;
    for (auto at = slots_.begin(); at != slots_.end();) {
      const auto next = std::next(at);
      if (at->second.parked && !at->second.conn->replying()) idle.push_back(remove(at));
      at = next;
    }
  }
  idle.clear();
  {
    MutexLock lock(mu_);
    const SteadyTime deadline = plane_.clock.steady() + plane_.options.drain_timeout;
    while (!slots_.empty() && emptied_.wait_until(lock, deadline)) {
    }
  }
  const uint64_t one = 1;
  [[maybe_unused]] const ssize_t put = ::write(quit_.get(), &one, sizeof one);
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
  Slots rest;
  {
    const MutexLock lock(mu_);
    rest.swap(slots_);
    deadlines_.clear();
  }
}

void Gate::Impl::work() {
  block_sigpipe();
  while (true) {
    epoll_event event{};
    if (::epoll_wait(epoll_.get(), &event, 1, -1) != 1) continue;  // EINTR
    const uint64_t id = event.data.u64;
    if (id == kQuitId) return;
    if (id == kTimerId) {
      expire_due();
    } else if (id - kFirstListenerId < doors_.size()) {
      const Door& door = doors_[id - kFirstListenerId];
      accept_some(*door.listener, door.router);
    } else if (const auto taken = take(id)) {
      run(id, *taken->conn, taken->outcome ? taken->conn->resume(*taken->outcome) : taken->conn->advance());
    }
  }
}

void Gate::Impl::accept_some(Listener& listener, const Router& router) {
  for (int i = 0; i < kAcceptsAtOnce; i++) {
    auto accepted = listener.accept();
    if (!accepted.ok()) {
      if (!short_of_descriptors_.exchange(true))
        plane_.log.error("connections refused: " + accepted.status().message());
      return;
    }
    if (!*accepted) return;
    short_of_descriptors_ = false;
    Accepted& one = **accepted;
    auto conn = std::make_unique<Conn>(plane_, router, plain_link(std::move(one.fd)), std::move(one.peer),
                                       std::move(one.local));
    const SteadyTime until = conn->idle_until();
    uint64_t id = 0;
    {
      const MutexLock lock(mu_);
      id = next_id_++;
      slots_[id].conn = std::move(conn);
    }
    lodge(id, {.events = EPOLLIN, .until = until});
  }
}

// The owner's way through a connection until it is parked or closed.
void Gate::Impl::run(uint64_t id, Conn& conn, Turn turn) {
  while (true) {
    if (turn.after) {
      turn.after->on_done([gate = weak_from_this(), id](const Status& status) {
        if (const auto self = gate.lock()) self->finished(id, status);
      });
    }
    const auto outcome = lodge(id, turn);
    if (!outcome) return;
    turn = conn.resume(*outcome);
  }
}

std::optional<Gate::Impl::Taken> Gate::Impl::take(uint64_t id) {
  const MutexLock lock(mu_);
  const auto at = slots_.find(id);
  if (at == slots_.end() || !at->second.parked) return std::nullopt;
  at->second.parked = false;
  return Taken{id, at->second.conn.get(), std::exchange(at->second.outcome, std::nullopt)};
}

// Parks the connection or ends it. An outcome that came before it could be parked is handed back: it is still owned.
std::optional<Status> Gate::Impl::lodge(uint64_t id, const Turn& turn) {
  Slots::node_type ended;  // closed outside the lock
  const MutexLock lock(mu_);
  const auto at = slots_.find(id);
  Slot& slot = at->second;
  if (turn.after && slot.outcome) return std::exchange(slot.outcome, std::nullopt);
  if (turn.close || (stopping_ && !slot.conn->replying()) || !park(id, slot, turn)) ended = remove(at);
  return std::nullopt;
}

bool Gate::Impl::park(uint64_t id, Slot& slot, const Turn& turn) {
  const int operation = slot.watched ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;
  if (!watch(epoll_.get(), operation, slot.conn->fd(), turn.events | EPOLLONESHOT, id).ok()) return false;
  slot.watched = true;
  slot.parked = true;
  slot.until = turn.until;
  queue(id, slot, turn.until);
  return true;
}

Gate::Impl::Slots::node_type Gate::Impl::remove(Slots::iterator at) {
  if (at->second.queued != SteadyTime::max()) deadlines_.erase({at->second.queued, at->first});
  auto node = slots_.extract(at);
  if (slots_.empty()) emptied_.notify_all();
  return node;
}

// Deadlines mostly move on with each request; an entry is only made earlier here, and moved on when it comes up.
void Gate::Impl::queue(uint64_t id, Slot& slot, SteadyTime when) {
  if (when >= slot.queued) return;
  if (slot.queued != SteadyTime::max()) deadlines_.erase({slot.queued, id});
  deadlines_.emplace(when, id);
  slot.queued = when;
  arm();
}

void Gate::Impl::arm() {
  if (deadlines_.empty() || deadlines_.begin()->first >= armed_) return;
  armed_ = deadlines_.begin()->first;
  const auto left = std::max<std::chrono::nanoseconds>(armed_ - plane_.clock.steady(), std::chrono::nanoseconds(1));
  itimerspec spec{};
  spec.it_value.tv_sec = static_cast<time_t>(left.count() / 1'000'000'000);
  spec.it_value.tv_nsec = static_cast<long>(left.count() % 1'000'000'000);
  ::timerfd_settime(timer_.get(), 0, &spec, nullptr);
}

void Gate::Impl::expire_due() {
  std::vector<Taken> due;
  {
    const MutexLock lock(mu_);
    armed_ = SteadyTime::max();
    const SteadyTime now = plane_.clock.steady();
    while (!deadlines_.empty() && deadlines_.begin()->first <= now) {
      const uint64_t id = deadlines_.begin()->second;
      deadlines_.erase(deadlines_.begin());
      Slot& slot = slots_.at(id);
      slot.queued = SteadyTime::max();
      if (!slot.parked) continue;  // queued again when it is parked
      if (slot.until <= now) {
        slot.parked = false;
        due.push_back({id, slot.conn.get(), std::nullopt});
      } else if (slot.until != SteadyTime::max()) {
        deadlines_.emplace(slot.until, id);
        slot.queued = slot.until;
      }
    }
    arm();
  }
  for (const Taken& taken : due) run(taken.id, *taken.conn, taken.conn->expire());
}

// On the finisher's thread: the connection is only made to wake a worker, as soon as its socket takes bytes.
void Gate::Impl::finished(uint64_t id, const Status& status) {
  Slots::node_type ended;
  const MutexLock lock(mu_);
  const auto at = slots_.find(id);
  if (at == slots_.end()) return;
  Slot& slot = at->second;
  slot.outcome = status;
  if (!slot.parked) return;
  const SteadyTime until = plane_.clock.steady() + plane_.options.progress_timeout;
  if (!park(id, slot, {.events = EPOLLOUT, .until = until})) ended = remove(at);
}

Gate::Gate(GateOptions options, const Clock& clock, const Log& log)
    : impl_(std::make_shared<Impl>(std::move(options), clock, log)) {}
Gate::~Gate() { stop(); }

Result<HostPort> Gate::listen(const HostPort& at, const Router& router) { return impl_->listen(at, router); }
Status Gate::start() { return impl_->start(); }
void Gate::stop() { impl_->stop(); }

}  // namespace smslab::wire
