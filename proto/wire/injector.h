// Injector: who decides that a connection or a reply fails, and hears what became of it.
//
// The gate asks it when a connection is accepted and when a reply is ready; Conn carries out what it says, at exact
// bytes, and tells it the outcome. Positions count the reply's bytes as they leave, head included, before TLS. Nothing
// here knows of rules: those are the fault room's.
//
// All functions are called from many threads at once, on workers: they must not block.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "proto/base/clock.h"
#include "proto/base/completion.h"
#include "proto/wire/handler.h"
#include "proto/wire/router.h"
#include "proto/wire/tls.h"

namespace smslab::wire {

// How a connection begins.
struct Opening {
  enum class Kind {
    kServe,
    kReset,      // RST at once
    kNeverRead,  // stays open and takes nothing, until the peer leaves
    kAbortTls,   // served as plain HTTP; a TLS client is dropped after its first message
  } kind = Kind::kServe;
  std::shared_ptr<const Tls> tls = nullptr;  // shown instead of the listener's own
  std::string rules = {};                    // as Delivery::rules
  bool old_tls = false;                      // versions before 1.2 alone
};

// What became of a reply.
struct Sent {
  enum class End {
    kWhole,       // all that was to leave has left
    kCut,         // the delivery's end: FIN or RST
    kStalled,     // the delivery's end: silence, however it ended
    kPeerLeft,    // before that
    kTooSlow,     // the peer took nothing for too long
    kStopped,     // by the gate, or by trouble of its own
    kUnanswered,  // nothing was to leave
  } end = End::kWhole;
  uint64_t bytes = 0;         // handed to the network, head included
  uint64_t acknowledged = 0;  // of these by the peer's machine
};

// How one reply leaves, where it does not simply leave.
struct Delivery {
  enum class Ending {
    kAsUsual,
    kFin,
    kRst,    // once the peer has acknowledged every byte
    kStall,  // nothing more, until the peer leaves
  };
  LabDuration before{};  // of silence, on the lab's clock
  // Changes the bytes that leave. Called once, with the head's text and the framed body.
  std::function<void(std::string* head, Body* body)> rewrite = nullptr;
  uint64_t bytes = UINT64_MAX;  // of head and body; what is beyond does not leave; 0: not even a head
  bool in_body = false;         // `bytes` counts from the end of the head
  Ending ending = Ending::kAsUsual;
  uint64_t slice = 0;         // bytes at a time, exactly; 0: as they go
  LabDuration pause{};        // after each slice, on the lab's clock
  LabDuration before_end{};   // between the last byte and the end of the connection
  std::string rules;          // the injector's names for its reasons, a blank between: for the record
  std::shared_ptr<void> tag;  // the injector's own
};

class Injector {
 public:
  virtual ~Injector() = default;

  virtual Opening open(const HostPort& peer, const HostPort& local) = 0;
  // May change the reply. Null: it leaves as usual, and sent() is not called.
  // `router` made the reply, and may be asked again as if the client had asked otherwise.
  virtual std::unique_ptr<Delivery> deliver(const Request& request, const Router& router, Reply* reply) = 0;
  virtual void sent(const Delivery& delivery, const Sent& sent) = 0;
  virtual CompletionPtr sleep(LabDuration time) = 0;  // finished when that much lab time has passed
};

}  // namespace smslab::wire
