// Lot: where connections wait, and who owns them meanwhile.
//
//   lot->admit(std::move(conn));                      // parked until its socket is readable
//   const uint64_t event = lot->next();               // any number of workers wait here
//   if (event == Lot::kTimer) lot->expire_due(); else lot->run(event);
//
// Leader and follower, without a queue: the worker that an event wakes owns the connection until it parks or ends it.
// Connections are known by numbers that are never used again, so that an event which comes late for a closed one finds
// nobody, where a descriptor would find its successor. Taking and parking are under one mutex, held for a look-up and
// one epoll_ctl; connections run and close outside it.
//
// A Completion's callback may come on any thread, before its connection is parked, or after the lot is gone: it holds a
// weak pointer and a number, and never runs the connection itself.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <unordered_map>
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

  static Result<std::shared_ptr<Lot>> open(const Clock& clock, std::chrono::milliseconds progress_timeout);

  // Another descriptor to wait for; it stays ready until its cause is gone.
  Status watch(int fd, uint64_t number);
  void forget(int fd);
  uint64_t next();

  void admit(std::unique_ptr<Conn> conn);
  void run(uint64_t id);  // its socket is ready, or its Completion is finished
  void expire_due();

  void close_idle();  // and everything from now on that has no reply under way
  void wait_empty(SteadyTime deadline);
  void clear();  // no worker may be left

 private:
  struct Slot {
    std::unique_ptr<Conn> conn;
    bool parked = false;                    // else a worker owns it
    bool watched = false;                   // by epoll
    SteadyTime until = SteadyTime::max();   // with parked
    SteadyTime queued = SteadyTime::max();  // its entry in deadlines_; never later than `until` while parked
    std::optional<Status> outcome;          // of the Completion that it waits for
  };
  using Slots = std::unordered_map<uint64_t, Slot>;

  Lot(const Clock& clock, std::chrono::milliseconds progress_timeout, UniqueFd epoll, UniqueFd timer);

  void carry_on(uint64_t id, Conn& conn, Turn turn);
  std::optional<Status> lodge(uint64_t id, const Turn& turn);
  void finished(uint64_t id, const Status& status);
  bool park(uint64_t id, Slot& slot, const Turn& turn) REQUIRES(mu_);
  void queue(uint64_t id, Slot& slot, SteadyTime when) REQUIRES(mu_);
  void arm_timer() REQUIRES(mu_);
  Slots::node_type remove(Slots::iterator at) REQUIRES(mu_);

  const Clock& clock_;
  const std::chrono::milliseconds progress_timeout_;
  const UniqueFd epoll_, timer_;

  Mutex mu_;
  Slots slots_ GUARDED_BY(mu_);
  uint64_t next_id_ GUARDED_BY(mu_) = kFirstConnection;
  std::set<std::pair<SteadyTime, uint64_t>> deadlines_ GUARDED_BY(mu_);
  SteadyTime armed_ GUARDED_BY(mu_) = SteadyTime::max();  // when the timer fires
  bool closing_ GUARDED_BY(mu_) = false;
  CondVar emptied_;
};

}  // namespace smslab::wire
