#include "proto/wire/gate.h"

#include <sys/eventfd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <map>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include "proto/base/mutex.h"
#include "proto/wire/conn.h"
#include "proto/wire/listener.h"
#include "proto/wire/lot.h"

namespace smslab::wire {
namespace {
constexpr int kAcceptsAtOnce = 64;
constexpr size_t kEventsAtOnce = 8;  // of one worker: they wait for each other

// What Lot::next() tells; its own numbers are the others.
constexpr uint64_t kQuit = 1;
constexpr uint64_t kFirstDoor = 2;

// sendfile has no MSG_NOSIGNAL.
void block_sigpipe() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGPIPE);
  ::pthread_sigmask(SIG_BLOCK, &set, nullptr);
}

// Both ends are on this machine.
bool is_near(const Accepted& one) { return one.peer.host == one.local.host || one.peer.host.starts_with("127."); }
}  // namespace

class Gate::Impl {
 public:
  Impl(GateOptions options, const Clock& clock, const Log& log) : plane_{options, clock, log, {}} {}

  Result<HostPort> listen(const HostPort& at, Service service);
  void close(const HostPort& bound);
  Status start();
  void stop();
  Status set_shut(const HostPort& bound, bool shut);

 private:
  struct Door {
    Door(std::unique_ptr<Listener> at, Service what) : listener(std::move(at)), service(what) { service.door = &state; }
    const std::unique_ptr<Listener> listener;
    Service service;  // constant
    std::atomic<DoorState> state = DoorState::kOpen;
    Guests guests;  // its connections, and workers that accept some
  };
  using Doors = std::map<uint64_t, std::unique_ptr<Door>>;  // by the number that the lot knows each by
  void work();
  Doors::iterator find(const HostPort& bound) REQUIRES(doors_mu_);
  void accept_some(uint64_t number, Workspace& space);

  Plane plane_;  // has its own locks

  // Constant after start().
  std::shared_ptr<Lot> lot_;
  UniqueFd quit_;
  std::vector<std::thread> workers_;

  Mutex doors_mu_;  // also of what is open
  Doors doors_ GUARDED_BY(doors_mu_);
  uint64_t next_door_ GUARDED_BY(doors_mu_) = kFirstDoor;  // no number comes again: an event may come late
  bool started_ GUARDED_BY(doors_mu_) = false, stopped_ GUARDED_BY(doors_mu_) = false;

  std::atomic<bool> refusing_ = false;  // for want of descriptors; said once
};

Result<HostPort> Gate::Impl::listen(const HostPort& at, Service service) {
  ASSIGN_OR_RETURN(auto listener, Listener::open(at));
  HostPort bound = listener->bound();
  const MutexLock lock(doors_mu_);
  if (stopped_) return Status(Code::kUnavailable, "the server is stopping");
  if (started_) RETURN_IF_ERROR(lot_->watch(listener->fd(), next_door_));
  doors_.emplace(next_door_++, std::make_unique<Door>(std::move(listener), service));
  return bound;
}

void Gate::Impl::close(const HostPort& bound) {
  std::unique_ptr<Door> door;
  {
    const MutexLock lock(doors_mu_);
    const auto at = find(bound);
    if (at == doors_.end()) return;
    door = std::move(at->second);
    doors_.erase(at);
    if (started_) lot_->forget(door->listener->fd());
    door->listener->close_door();
    if (!started_) return;
  }
  door->guests.close();
  door->state = DoorState::kLeaving;
  lot_->wake_all();
  if (door->guests.wait_empty(plane_.clock.steady() + plane_.options.drain_timeout)) return;
  door->state = DoorState::kGone;
  lot_->end_gone();
  door->guests.wait_empty();
}

Gate::Impl::Doors::iterator Gate::Impl::find(const HostPort& bound) {
  return std::find_if(doors_.begin(), doors_.end(), [&](const auto& each) {
    const HostPort& at = each.second->listener->bound();
    return at.host == bound.host && at.port == bound.port;
  });
}

Status Gate::Impl::start() {
  ASSIGN_OR_RETURN(lot_, Lot::open(plane_.clock, plane_.options.progress_timeout));
  quit_.reset(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!quit_) return from_errno(errno, "eventfd");
  RETURN_IF_ERROR(lot_->watch(quit_.get(), kQuit));
  {
    const MutexLock lock(doors_mu_);
    for (const auto& [number, door] : doors_) {
      if (door->state == DoorState::kOpen) RETURN_IF_ERROR(lot_->watch(door->listener->fd(), number));
    }
    started_ = true;
  }
  for (size_t i = 0; i < std::max<size_t>(plane_.options.workers, 1); i++) workers_.emplace_back([this] { work(); });
  return {};
}

void Gate::Impl::stop() {
  if (workers_.empty()) return;
  {
    const MutexLock lock(doors_mu_);
    stopped_ = true;
    for (const auto& [number, door] : doors_) {
      lot_->forget(door->listener->fd());
      door->listener->close_door();
    }
  }
  plane_.stopping = true;
  lot_->wake_all();
  lot_->wait_empty(plane_.clock.steady() + plane_.options.drain_timeout);
  const uint64_t one = 1;  // never read: every worker sees it
  [[maybe_unused]] const ssize_t put = ::write(quit_.get(), &one, sizeof one);
  for (std::thread& worker : workers_) worker.join();
  workers_.clear();
  lot_->clear();
}

Status Gate::Impl::set_shut(const HostPort& bound, bool shut) {
  const MutexLock lock(doors_mu_);
  const auto at = find(bound);
  if (at == doors_.end()) return not_found("nothing listens at " + format_host_port(bound));
  Door& door = *at->second;
  if (stopped_ || (door.state == DoorState::kShut) == shut) return {};
  Listener& listener = *door.listener;
  if (shut) {
    door.state = DoorState::kShut;
    if (started_) lot_->forget(listener.fd());
    const Status held = listener.shut_door();
    if (!held.ok()) plane_.log.error(held.message() + "; it will not open again");
    if (started_) lot_->wake_all();
    return {};
  }
  if (const Status open = listener.open_door(); !open.ok()) {
    plane_.log.error(open.message());
    return open;
  }
  door.state = DoorState::kOpen;
  return started_ ? lot_->watch(listener.fd(), at->first) : Status();
}

void Gate::Impl::work() {
  block_sigpipe();
  const auto space = std::make_unique<Workspace>();
  std::array<Lot::Event, kEventsAtOnce> events;
  for (bool quit = false; !quit;) {
    for (const Lot::Event& event : lot_->next(events)) {
      if (event.number == kQuit) {
        quit = true;
      } else if (event.number == Lot::kTimer) {
        lot_->expire_due(*space);
      } else if (event.number >= Lot::kFirstConnection) {
        lot_->run(event, *space);
      } else {
        accept_some(event.number, *space);
      }
    }
  }
}

void Gate::Impl::accept_some(uint64_t number, Workspace& space) {
  Guests::Pass pass;
  Door* entered = nullptr;
  {
    const MutexLock lock(doors_mu_);
    const auto found = doors_.find(number);
    if (found == doors_.end()) return;  // closed meanwhile
    entered = found->second.get();
    pass = entered->guests.enter();
  }
  Door& door = *entered;
  for (int i = 0; i < kAcceptsAtOnce; i++) {
    auto accepted = door.listener->accept();
    if (!accepted.ok()) {
      if (!refusing_.exchange(true)) plane_.log.error("connections refused: " + accepted.status().message());
      return;
    }
    if (!*accepted) return;
    refusing_ = false;
    Accepted& one = **accepted;
    Opening opening;
    if (door.service.injector != nullptr) opening = door.service.injector->open(one.peer, one.local);
    if (opening.kind == Opening::Kind::kReset) {
      reset_on_close(one.fd.get());
      Records records(door.service.recorder, one.peer);
      records.asked(false, {}, {}, opening.rules);
      records.planned({.reason = "reset on accept"});
      records.ended(Sent::End::kCut, 0, plane_.clock.steady());
      continue;
    }
    const bool near = is_near(one);
    lot_->admit(std::make_unique<Conn>(plane_, door.service, std::move(opening), plain_link(std::move(one.fd), near),
                                       std::move(one.peer), std::move(one.local), pass),
                space);
  }
}

Gate::Gate(GateOptions options, const Clock& clock, const Log& log)
    : impl_(std::make_unique<Impl>(options, clock, log)) {}
Gate::~Gate() { stop(); }

Result<HostPort> Gate::listen(const HostPort& at, const Router& router, const Behind& behind) {
  return impl_->listen(at, {.router = router,
                            .tls = behind.tls,
                            .injector = behind.injector,
                            .recorder = behind.recorder,
                            .clock = behind.clock,
                            .log = behind.log});
}
void Gate::close(const HostPort& bound) { impl_->close(bound); }
Status Gate::start() { return impl_->start(); }
void Gate::stop() { impl_->stop(); }
Status Gate::set_shut(const HostPort& bound, bool shut) { return impl_->set_shut(bound, shut); }

}  // namespace smslab::wire
