// Lot: where connections wait, and who owns them meanwhile.
//
//   lot->admit(std::move(conn));                              // parked until its socket is readable
//   for (const Lot::Event& event : lot->next(events)) ...     // any number of workers wait here
//   if (event.number == Lot::kTimer) lot->expire_due(space); else lot->run(event, space);
//
// Leader and follower, without a queue: the worker that an event wakes owns the connection until it parks or ends it.
// The sockets are watched edge-triggered and stay watched, so that serving a request costs neither a lock nor a system
// call besides its own: one atomic word says whether a connection is parked or owned, and what has happened to it since
// its owner last looked. An owner that finds something there when it parks goes on instead.
//
// A connection has a slot and a generation; both are in what epoll hands out, so that an event which comes late for a
// closed connection finds nobody. A Completion's callback may come on any thread, before its connection is parked, or
// after the lot is gone: it holds a weak pointer and a number, and never runs the connection itself.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <set>
#include <span>
#include <utility>
#include <vector>

#include "proto/base/clock.h"
#include "proto/base/fd.h"
#include "proto/base/mutex.h"
#include "proto/base/status.h"
#include "proto/wire/conn.h"

namespace smslab::wire {

class Lot : public std::enable_shared_from_this<Lot> {
 public:
  static constexpr uint64_t kTimer = 0;                            // expire_due() has work
  static constexpr uint64_t kFirstConnection = uint64_t{1} << 32;  // below: the caller's own numbers, from 1

  struct Event {
    uint64_t number = 0;
    uint32_t events = 0;  // EPOLLIN ...
  };

  static Result<std::shared_ptr<Lot>> open(const Clock& clock, std::chrono::milliseconds progress_timeout);
  ~Lot();

  // Another descriptor to wait for; it stays ready until its cause is gone.
  Status watch(int fd, uint64_t number);
  void forget(int fd);
  std::span<const Event> next(std::span<Event> into);  // at least one

  void admit(std::unique_ptr<Conn> conn, Workspace& space);
  void run(const Event& event, Workspace& space);
  void expire_due(Workspace& space);

  void wake_all();  // so that each looks whether the gate is stopping, or its listener shut
  void end_gone();  // those whose listener is gone, also where the socket takes no byte
  void wait_empty(SteadyTime deadline);
  void clear();  // no worker may be left

 private:
  // A slot's word: the generation above; below, what has happened since its owner last looked, epoll's events and
  // these.
  static constexpr uint32_t kOwned = 1U << 31;    // else parked
  static constexpr uint32_t kOutcome = 1U << 30;  // the Completion is finished
  static constexpr uint32_t kLook = 1U << 29;     // whatever it is
  static constexpr size_t kChunk = 1024;          // slots
  static constexpr size_t kChunks = 1024;

  struct Slot {
    std::atomic<uint64_t> word = uint64_t{1} << 32;
    std::atomic<int64_t> until = 0;      // steady nanoseconds, while parked
    std::atomic<int64_t> queued = 0;     // its entry in deadlines_; never later than `until` while parked
    std::atomic<bool> writable = false;  // EPOLLOUT is watched as well
    int fd = -1;                         // written under mu_
    std::unique_ptr<Conn> conn;          // its owner's
    Status outcome;                      // under mu_
  };

  Lot(const Clock& clock, std::chrono::milliseconds progress_timeout, UniqueFd epoll, UniqueFd timer);

  Slot& slot(uint64_t id) const;
  Slot* living(uint64_t id) REQUIRES(mu_);
  static bool tell(Slot& slot, uint64_t id, uint32_t news, uint32_t owned);
  Turn look(Slot& slot, Workspace& space);
  void carry_on(uint64_t id, Slot& slot, Turn turn, Workspace& space);
  bool park(uint64_t id, Slot& slot, const Turn& turn);
  void end(uint64_t id, Slot& slot);
  void finished(uint64_t id, const Status& status);
  void post(uint64_t id, Slot& slot, uint32_t news) REQUIRES(mu_);
  void nudge(uint64_t id, Slot& slot) const;
  void queue(uint64_t id, Slot& slot, int64_t when) REQUIRES(mu_);
  void arm_timer() REQUIRES(mu_);

  const Clock& clock_;
  const std::chrono::milliseconds progress_timeout_;
  const UniqueFd epoll_, timer_;
  std::array<std::atomic<Slot*>, kChunks> chunks_ = {};  // never moved or freed before the lot

  Mutex mu_;
  size_t slots_ GUARDED_BY(mu_) = 0;  // made so far
  std::vector<uint32_t> free_ GUARDED_BY(mu_);
  size_t live_ GUARDED_BY(mu_) = 0;
  std::set<std::pair<int64_t, uint64_t>> deadlines_ GUARDED_BY(mu_);
  int64_t armed_ GUARDED_BY(mu_) = INT64_MAX;  // when the timer fires
  CondVar emptied_;
};

}  // namespace smslab::wire
