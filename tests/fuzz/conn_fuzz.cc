// A connection of the client plane, on a network and a peer of the fuzzer's making: bytes come in any pieces, the
// socket takes as few as it likes, the peer stops, ends or breaks off anywhere, time runs out, the gate stops, replies
// are cut, sliced, delayed, stalled and spoilt on purpose (deliveries.h).
//
// Every request that came whole gets exactly one reply, in order and unmixed, as long as nothing was broken off; what
// is refused is answered and nothing follows; no event is waited for that will not come; and it always ends.
#include "proto/wire/conn.h"

#include <sys/epoll.h>

#include <algorithm>
#include <cstring>

#include "tests/fuzz/deliveries.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/handlers.h"
#include "tests/fuzz/network.h"
#include "tests/fuzz/replies.h"

namespace smslab::fuzz {
namespace {
using wire::Conn;
using wire::Turn;
using wire::Workspace;

// The lot's part, by the fuzzer's choice.
class Driver {
 public:
  Driver(std::string_view text, Input choices) : choices_(choices) {
    network_.to_come = text;
    if (choices_.number(1) == 1) network_.room = choices_.number(255);
    if (choices_.number(1) == 1) service_.injector = &deliveries_;
  }

  void run() {
    Conn conn(plane_, service_, {}, std::make_unique<FakeLink>(network_), {"10.0.0.1", 1}, {"10.0.0.2", 80});
    Turn turn = conn.first();
    for (int turns = 0; turn.next != Turn::Next::kClose; turns++) {
      MUST(turns < 20'000);
      if (turn.after) waiting_ = turn.after;
      const bool timed = turn.next == Turn::Next::kReadable || turn.next == Turn::Next::kWritable;
      MUST(turn.until != SteadyTime::max() || !timed || deliveries_.stalls());
      // Nothing is there that no event will tell of.
      const bool waits_for_bytes = turn.next == Turn::Next::kReadable && !deliveries_.drains();
      MUST(!waits_for_bytes || network_.news != 0 || !network_.readable());
      turn = step(conn, turn);
      poison();
    }
  }
  void must_have_been_right() {
    MUST(!network_.broken || story_.cut);
    deliveries_.must_have_been_right();
    if (!deliveries_.spoilt()) must_be_right(network_, site_, story_);
  }

 private:
  enum Choice : uint64_t { kMost = 200, kNothing, kLate, kBreak, kEnd, kStop, kLast = kStop };

  // What happens next on the network; whatever is left to happen, once the choices are used up.
  Turn step(Conn& conn, const Turn& turn) {
    const uint64_t choice = choices_.number(kLast);
    const bool sends = turn.next == Turn::Next::kWritable;
    if (turn.next == Turn::Next::kReadable && deliveries_.drains()) {  // no event tells of an acknowledgement
      clock_.move_to(turn.until);
      return conn.expire(space());
    }
    switch (choice) {
      case kNothing: return tell(conn);
      case kLate:
        if (turn.until == SteadyTime::max()) break;
        clock_.move_to(turn.until);
        story_.timed_out = story_.cut = true;
        return conn.expire(space());
      case kBreak:
        story_.cut = true;
        network_.break_off();
        return tell(conn);
      case kEnd:
        network_.to_come = {};
        network_.end();
        return tell(conn);
      case kStop:
        story_.cut = true;
        plane_.stopping = true;
        return conn.advance(space(), 0);
      default: break;
    }
    if (choices_.empty() || choice == 0) {
      if (!sends) deliver();
      network_.room = UINT64_MAX;
    } else if (sends) {
      network_.room += std::min(choice, UINT64_MAX - network_.room);
    } else {
      network_.arrive(choice);
    }
    if (turn.next == Turn::Next::kAfter && (choices_.empty() || choice % 2 == 0)) return finish(conn, choice);
    const bool must_yield = turn.next == Turn::Next::kOthers;
    if (must_yield || (sends && network_.room > 0)) network_.news |= network_.readiness();
    return tell(conn);
  }

  void deliver() {
    if (network_.to_come.empty()) {
      network_.end();
    } else {
      network_.arrive(network_.to_come.size());
    }
  }

  // As the lot does: an outcome comes with all that is ready, in one.
  Turn finish(Conn& conn, uint64_t choice) {
    MUST(waiting_ != nullptr);
    const bool sleep = deliveries_.is_sleep(waiting_);
    const bool good = sleep || choice % 4 == 0;
    if (!sleep) story_.later.push_back(good);
    const Status outcome = good ? ok_status() : Status(Code::kUnavailable, "no");
    std::exchange(waiting_, nullptr)->finish(outcome);
    network_.news |= network_.readiness();
    return conn.resume(space(), std::exchange(network_.news, 0), outcome);
  }

  Turn tell(Conn& conn) { return conn.advance(space(), std::exchange(network_.news, 0)); }

  // Another worker's turn each time, and what a worker lent is gone afterwards.
  Workspace& space() { return *spaces_[turn_++ % 2]; }
  void poison() {
    for (const auto& space : spaces_) {
      std::memset(space->in.data(), '!', network_.arrived.size() + 1);
      space->head.method = space->head.target = space->request.method = space->request.path = "poison";
      space->head.fields = {{"Content-Length", "7"}};
      space->head.length = 7;
    }
  }

  Input choices_;
  StandingClock clock_;
  wire::Plane plane_{kOptions, clock_, Log(null_log(), LogForm::kConsole, clock_, "fuzz")};
  Site site_;
  Network network_;
  Story story_;
  Deliveries deliveries_{choices_, network_, story_};
  wire::Service service_{site_.router};
  CompletionPtr waiting_;
  size_t turn_ = 0;
  std::unique_ptr<Workspace> spaces_[2] = {std::make_unique<Workspace>(), std::make_unique<Workspace>()};
};
}  // namespace
}  // namespace smslab::fuzz

// What the peer sends, then what happens, then how many bytes say what happens.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  smslab::fuzz::Input input(data, size);
  const size_t choices = std::min<size_t>(input.number(255), size - (size > 0 ? 1 : 0));
  const std::string_view text = input.take(size - choices - (size > 0 ? 1 : 0));
  smslab::fuzz::Driver driver(text, input);
  driver.run();
  driver.must_have_been_right();
  return 0;
}
