// Records: what one connection tells its listener's Recorder, and what it has to remember for that.
//
// A reply is recorded when its request has come, and again when the last byte has been handed to the network. What the
// peer's machine has acknowledged of it is mostly known only later, and nothing tells of it: it is looked up when the
// next request comes, a few times soon after the reply (look_at), and when the connection ends. One owner, no locks;
// nothing happens without a Recorder.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "proto/base/clock.h"
#include "proto/wire/recorder.h"
#include "proto/wire/reply_head.h"

namespace smslab::wire {

class Records {
 public:
  Records(Recorder* recorder, const HostPort& peer);

  bool on() const { return recorder_ != nullptr; }
  bool under_way() const { return record_ != 0; }
  // A request has come, whole. Its topic and span are the reply's.
  void asked(const Request& request, const Reply& reply, std::string_view rules);
  // One that is refused, or a connection that came to nothing: without a reply if none is planned().
  void asked(bool tls, std::string_view method, std::string_view target, std::string_view rules = {});
  void planned(const Planned& planned);
  void wrote(uint64_t bytes) { written_ += bytes; }  // the network took so much of the reply
  // Nothing more of it leaves.
  void ended(Sent::End end, uint64_t unsent, SteadyTime now, const BodyDigest& digest = {});

  bool unsettled() const { return !open_.empty(); }
  // `unsent`: bytes that the peer has not acknowledged (Link::unsent). `last`: it will not be asked again.
  void settle(uint64_t unsent, SteadyTime now, bool last = false);
  SteadyTime look_at() const { return look_at_; }  // when settle() is due

 private:
  struct Open {
    uint64_t record = 0;
    uint64_t begin = 0, end = 0;  // among the bytes of the connection
  };

  Recorder* const recorder_;
  const HostPort& peer_;
  uint64_t connection_ = 0;
  uint32_t requests_ = 0;
  uint64_t record_ = 0;   // of the reply under way
  uint64_t begin_ = 0;    // where it begins among the bytes of the connection
  uint64_t written_ = 0;  // bytes of the connection
  std::vector<Open> open_;
  std::chrono::milliseconds patience_{};
  SteadyTime look_at_ = SteadyTime::max();
};

// The digest of a reply's body as far as it is known or quickly made before it leaves. `made` keeps what was made.
BodyDigest known_digest(const Reply& reply, std::string* made);
constexpr uint64_t kSmallBody = uint64_t{64} * 1024;  // bytes that are digested without having been asked

}  // namespace smslab::wire
