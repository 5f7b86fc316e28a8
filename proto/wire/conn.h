// Conn: one connection of the client plane, as a state machine that never blocks.
//
//   head -> body -> (handler) -> waiting -> reply -> head ...       and from refusals: reply -> linger -> closed
//
// Each call goes on until the socket, a Completion or fairness stops it, and says in a Turn what must happen before
// the next call. Exactly one thread owns a Conn at any time; the gate sees to it.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "proto/base/clock.h"
#include "proto/base/completion.h"
#include "proto/base/log.h"
#include "proto/wire/chunked.h"
#include "proto/wire/gate.h"
#include "proto/wire/handler.h"
#include "proto/wire/head.h"
#include "proto/wire/link.h"
#include "proto/wire/outbox.h"
#include "proto/wire/reply_head.h"
#include "proto/wire/router.h"
#include "proto/wire/tls.h"

namespace smslab::wire {

// What all connections of a gate share.
struct Plane {
  const GateOptions options;
  const Clock& clock;
  const Log log;
  DateText date;
  std::atomic<bool> stopping = false;  // the reply under way is the connection's last
};

// What the socket must be ready for before the next call, and until when; or the end of the connection.
struct Turn {
  bool close = false;
  uint32_t events = 0;  // EPOLLIN or EPOLLOUT; none while waiting for `after`
  SteadyTime until = SteadyTime::max();
  CompletionPtr after = nullptr;
};

// Bytes that have come and are not yet used.
class Inbox {
 public:
  std::string_view view() const { return std::string_view(bytes_).substr(used_); }
  void append(std::string_view more) {
    bytes_.erase(0, used_);
    used_ = 0;
    bytes_ += more;
  }
  void consume(size_t bytes) { used_ += bytes; }

 private:
  std::string bytes_;
  size_t used_ = 0;
};

class Conn {
 public:
  // `tls` takes over from `link` when the peer speaks TLS; null: it is refused.
  Conn(Plane& plane, const Router& router, const Tls* tls, std::unique_ptr<Link> link, HostPort peer, HostPort local);

  Turn first() const;                  // before anything has come
  Turn advance();                      // the socket is ready
  Turn resume(const Status& outcome);  // Turn::after is finished
  Turn expire();                       // Turn::until has passed; calls no handler
  bool replying() const { return state_ == State::kWaiting || state_ == State::kReply; }
  int fd() const { return link_->fd(); }

 private:
  enum class State { kHead, kBody, kWaiting, kReply, kLinger };
  using Step = std::optional<Turn>;  // nullopt: the state has changed, go on

  Turn go();
  Step read_head();
  Step read_body();
  Step send_reply();
  Step linger();

  void begin(size_t head_bytes);
  bool take_body();  // whether the state has changed
  void serve();
  void answer(Result<Reply> result);
  void refuse(int status, std::string_view reason);
  void start_reply(Reply reply);
  Step finish_reply();
  void log_refusal(int status, std::string_view reason) const;

  Step fill();
  Step start_tls();
  void log_problem() const;
  Turn park(uint32_t events) const;
  SteadyTime after(std::chrono::milliseconds time) const { return plane_.clock.steady() + time; }

  Plane& plane_;
  const Router& router_;
  const Tls* const tls_;
  std::unique_ptr<Link> link_;
  const HostPort peer_, local_;

  State state_ = State::kHead;
  SteadyTime deadline_;
  Inbox in_;
  uint64_t read_budget_ = 0;   // bytes and requests of this turn, so that one busy
  size_t request_budget_ = 0;  // connection does not keep a worker from the others

  // The request coming in.
  bool head_started_ = false;
  size_t searched_ = 0;  // bytes of in_ that hold no end of the head
  Head head_;
  std::string body_;
  std::optional<ChunkedBody> chunked_;
  std::string_view interim_;  // left to send of "100 Continue"

  // The request being answered.
  Request request_;
  Reply pending_;  // while waiting
  Outbox out_;
  bool http11_ = true;
  bool keep_ = true;
  bool linger_ = false;  // close in a way that lets the peer read the reply though it may still be sending
  uint64_t linger_left_ = 0;
};

}  // namespace smslab::wire
