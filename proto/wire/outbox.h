// Outbox: one reply on its way out: its head, then its body's pieces, then what its source makes, from wherever the
// socket stopped taking.
//
// Head and small pieces leave in one system call, file pieces by sendfile. One owner, no locks.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "proto/base/digest.h"
#include "proto/wire/handler.h"
#include "proto/wire/link.h"

namespace smslab::wire {

class Outbox {
 public:
  // The head's text goes in here before start(); an earlier reply's memory is used again.
  std::string& head() { return head_; }
  void start(Body body, std::shared_ptr<BodySource> stream = nullptr, bool chunked = false);
  // At most so many bytes of all that leave from now on, head included.
  void limit(uint64_t bytes) { left_ = bytes; }
  // Digests the body as it leaves; of one that is made while it is sent what is made, without the framing of chunks. At
  // most so many bytes: of more there is no digest.
  void watch(uint64_t most);
  bool is_watched() const { return hasher_.has_value(); }
  std::string digest();  // raw SHA-256 of what has left until now; once. Empty: none
  void clear();
  bool is_made() const { return stream_ != nullptr; }  // while it is sent
  bool done() const { return left_ == 0 || (head_at_ == head_.size() && piece_ == body_.pieces().size() && !stream_); }

  struct Progress {
    Io io = Io::kOk;     // kOk: done(), or `budget` is used up; kEnd: the body is shorter than promised
    uint64_t bytes = 0;  // that the socket took
  };
  Progress pump(Link& link, uint64_t budget, bool exact = false);  // exact: not one byte over the budget

 private:
  IoResult step(Link& link, uint64_t most);
  void advance(uint64_t bytes);
  bool refill();
  void see(const Piece& piece, uint64_t at, uint64_t size);
  void see(std::string_view bytes);

  std::string head_;
  size_t head_at_ = 0;
  Body body_;
  size_t piece_ = 0;
  uint64_t piece_at_ = 0;               // sent of that piece
  std::shared_ptr<BodySource> stream_;  // until its end
  bool made_ = false;                   // there was a stream
  bool chunked_ = false;
  uint64_t left_ = UINT64_MAX;
  std::optional<Hasher> hasher_;
  uint64_t unseen_ = 0;  // bytes that it still takes
};

}  // namespace smslab::wire
