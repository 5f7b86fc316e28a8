// Peer: a keep-alive connection of the load to a server, opened and read with blocking calls. Closing resets it, so
// that no port is kept waiting.
//
//   Peer peer(at);                                     // or Peer peer(at, {.receive_buffer = 4096})
//   peer.send(get_request("/file"));
//   peer.read_reply();
//
// One thread. A call that waits longer than 20 seconds, or a server that closes, ends the program with a message: the
// measurement would be worth nothing.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "proto/base/fd.h"
#include "proto/base/uri.h"

namespace smslab::bench {

[[noreturn]] void die(const std::string& why);

std::string get_request(std::string_view target);

// What is known of a reply so far; take() is fed its bytes as they come.
class ReplyMeter {
 public:
  // True when the reply is whole; nothing may follow it. Anything but 200 ends the program.
  bool take(std::string_view bytes);

 private:
  std::string head_;
  bool in_body_ = false;
  size_t left_ = 0;
};

struct PeerOptions {
  int receive_buffer = 0;  // bytes; 0: the system's
};

class Peer {
 public:
  explicit Peer(const HostPort& at, const PeerOptions& options = {});

  int fd() const { return fd_.get(); }
  void send(std::string_view bytes) const;
  void read_reply() const;
  void read_some(size_t bytes) const;  // waits for one byte at least
  bool try_read(size_t bytes) const;   // false when none waits
  bool connected() const;              // the server has not closed, and sent nothing unasked

 private:
  UniqueFd fd_;
};

}  // namespace smslab::bench
