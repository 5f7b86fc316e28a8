// Inbox: bytes that have come on a connection and are not yet used.
//
// What one read gives is looked at where it lies, in the worker's buffer; only what is left of it when the connection
// parks or reads again is kept, so that an idle connection holds no memory for it. One owner.
#pragma once

#include <string>
#include <string_view>

namespace smslab::wire {

class Inbox {
 public:
  std::string_view view() const { return kept_.empty() ? fresh_ : std::string_view(kept_).substr(used_); }

  // `bytes` must stay where they are until keep().
  void receive(std::string_view bytes) {
    if (kept_.empty()) {
      fresh_ = bytes;
    } else {
      kept_.append(bytes);
    }
  }

  void consume(size_t bytes) {
    if (kept_.empty()) {
      fresh_.remove_prefix(bytes);
    } else if ((used_ += bytes) == kept_.size()) {
      kept_ = {};
      used_ = 0;
    }
  }

  // The worker's buffer will be used for something else.
  void keep() {
    if (used_ > 0) kept_.erase(0, used_);
    used_ = 0;
    kept_.append(fresh_);
    fresh_ = {};
  }

 private:
  std::string_view fresh_;  // empty when kept_ is not
  std::string kept_;
  size_t used_ = 0;  // of kept_
};

}  // namespace smslab::wire
