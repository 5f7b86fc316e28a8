// Conn: one connection of the client plane, as a state machine that never blocks.
//
//   head -> body -> (handler) -> waiting -> reply -> head ...       and from refusals: reply -> linger -> closed
//
// A reply that an Injector has a Delivery for may pause on its way, and end in draining (until the peer has it all) or
// in a stall (until the peer leaves).
//
// Each call goes on until the socket, a Completion or fairness stops it, and says in a Turn what must happen before
// the next call. Exactly one thread owns a Conn at any time; the lot sees to it. What a request needs only while it is
// answered stands in the worker's Workspace, so that an idle connection is small and a busy one allocates nothing.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "proto/base/clock.h"
#include "proto/base/completion.h"
#include "proto/base/guests.h"
#include "proto/base/log.h"
#include "proto/wire/chunked.h"
#include "proto/wire/gate.h"
#include "proto/wire/handler.h"
#include "proto/wire/head.h"
#include "proto/wire/inbox.h"
#include "proto/wire/injector.h"
#include "proto/wire/link.h"
#include "proto/wire/outbox.h"
#include "proto/wire/records.h"
#include "proto/wire/reply_head.h"
#include "proto/wire/router.h"
#include "proto/wire/tls.h"

namespace smslab::wire {

// What all connections of a gate share.
struct Plane {
  const GateOptions options;
  const Clock& clock;
  const Log log;
  std::atomic<bool> stopping = false;  // the reply under way is the connection's last
};

// What becomes of a listener, and of its connections with it.
enum class DoorState {
  kOpen,
  kShut,     // for a while: no request begins any more
  kLeaving,  // for good: the reply under way is the connection's last
  kGone,     // no connection goes on
};

// What the connections of one listener share; constant while they live.
struct Service {
  const Router& router;
  const Tls* tls = nullptr;                      // null: a TLS client is refused
  Injector* injector = nullptr;                  // null: nothing ever fails on purpose
  Recorder* recorder = nullptr;                  // null: nobody remembers
  const Clock* clock = nullptr;                  // of its Date; null: the gate's
  const Log* log = nullptr;                      // null: the gate's
  const std::atomic<DoorState>* door = nullptr;  // null: it is always open
};

// What a worker lends to the connection that it runs; its memory is used again and again.
struct Workspace {
  std::array<char, size_t{64} * 1024> in;
  Head head;
  Request request;
  DateText date;
};

// What must happen before the next call, and until when; or the end of the connection.
struct Turn {
  enum class Next {
    kClose,
    kReadable,
    kWritable,
    kOthers,  // nothing: it is the others' turn first
    kAfter,   // `after` is finished
  } next = Next::kClose;
  SteadyTime until = SteadyTime::max();
  CompletionPtr after = nullptr;
};

class Conn {
 public:
  // `pass` goes last of all that belongs to the connection.
  Conn(Plane& plane, const Service& service, Opening opening, std::unique_ptr<Link> link, HostPort peer, HostPort local,
       Guests::Pass pass = nullptr);
  ~Conn();

  Turn first() const;                               // before anything has come
  Turn advance(Workspace& space, uint32_t events);  // the socket is ready (EPOLLIN ...), or the gate stops (0)
  Turn resume(Workspace& space, uint32_t events, const Status& outcome);  // the same, and Turn::after is finished
  Turn expire(Workspace& space);                                          // Turn::until has passed; calls no handler
  int fd() const { return link_->fd(); }
  bool is_gone() const { return door() == DoorState::kGone; }  // for all: it will never go on

 private:
  enum class State { kHead, kBody, kWaiting, kReply, kLinger, kPaused, kDrain, kStall };
  using Step = std::optional<Turn>;  // nullopt: the state has changed, go on

  void hear(uint32_t events);
  Turn go(Workspace& space);
  Step read_head(Workspace& space);
  Step read_body(Workspace& space);
  Step send_reply();
  Step linger(Workspace& space);
  Step drain();
  Step stall(Workspace& space);

  void begin(Workspace& space, size_t head_bytes);
  bool take_body(Workspace& space);  // whether the state has changed
  void serve(Workspace& space);
  void answer(Workspace& space, Result<Reply> result, std::string reason = {});
  void refuse(Workspace& space, int status, std::string_view reason, const Head* head = nullptr);
  void start_reply(Workspace& space, Reply reply, std::string_view reason);
  void start_delivery(Reply reply, BodyEnd end, std::string_view reason);
  void plan(const Reply& reply, bool bare, std::string_view reason, uint64_t limit);
  void record_failure(std::string_view reason, std::string_view rules = {});
  void pause(LabDuration time);
  Step finish_reply();
  Step finish_delivery();
  void report(Sent::End end);
  void record_end(Sent::End end);
  Turn gone(Sent::End end);
  void log_refusal(int status, std::string_view reason) const;
  void log_problem() const;

  Step fill(Workspace& space);
  Step start_tls(Workspace& space);
  Turn park(Turn::Next next) const;
  uint64_t unsent() const;
  DoorState door() const { return service_.door == nullptr ? DoorState::kOpen : service_.door->load(); }
  bool is_leaving() const { return plane_.stopping || door() >= DoorState::kLeaving; }
  LabTime lab_time() const { return service_.clock == nullptr ? plane_.clock.now() : service_.clock->now(); }
  const Log& log() const { return service_.log == nullptr ? plane_.log : *service_.log; }
  SteadyTime after(std::chrono::milliseconds time) const { return now_ + time; }

  const Guests::Pass pass_;  // first: given back last
  Plane& plane_;
  const Service& service_;
  std::unique_ptr<Link> link_;
  const HostPort peer_, local_;

  State state_ = State::kHead;
  SteadyTime now_;  // when this turn began
  SteadyTime deadline_;
  Inbox in_;
  std::unique_ptr<Opening> opening_;  // when it is not as usual
  bool drained_ = false;              // nothing more is in the socket: an event will tell of the next bytes
  bool finishing_ = false;            // the peer has said that it will send no more
  uint64_t read_budget_ = 0;          // bytes and requests of this turn, so that one busy
  size_t request_budget_ = 0;         // connection does not keep a worker from the others

  // The request coming in.
  bool head_started_ = false;
  size_t searched_ = 0;     // bytes of in_ that hold no end of the head
  size_t blank_lines_ = 0;  // before it
  struct Incoming;          // a request whose body has not come whole
  std::unique_ptr<Incoming> incoming_;

  // The request being answered.
  std::string asked_;               // "GET /path", for the log
  std::unique_ptr<Reply> pending_;  // while waiting
  Outbox out_;
  std::unique_ptr<Delivery> delivery_;  // of the reply being answered
  CompletionPtr asleep_;                // while paused
  uint64_t sent_ = 0;                   // bytes of this reply that the network took
  bool ending_ = false;                 // paused behind the last byte
  SteadyTime drained_by_;               // else the reset goes out anyway
  uint64_t unsent_ = 0;                 // when it last had to wait for the peer
  bool head_only_ = false;              // it was HEAD
  bool http11_ = true;
  bool keep_ = true;
  bool linger_ = false;  // close in a way that lets the peer read the reply though it may still be sending
  uint64_t linger_left_ = 0;
  Records records_;
};

}  // namespace smslab::wire
