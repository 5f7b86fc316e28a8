// Watch: what the server's process holds, as the system says, life by life.
//
//   Watch watch(server);  watch.start();  ...  watch.stop();
//   watch.growth()          // of its last life
//
// One owner; the samples are taken by a thread of its own, five times a second.
#pragma once

#include <thread>
#include <vector>

#include "proto/base/mutex.h"
#include "tests/e2e/soak/server.h"

namespace smslab::test::soak {

struct Sample {
  uint64_t life = 0;
  uint64_t memory = 0;  // bytes, anonymous
  uint64_t descriptors = 0, threads = 0;
};
Sample sample(const Server& server);

class Watch {
 public:
  explicit Watch(Server& server) : server_(server) {}
  ~Watch() { stop(); }
  void start();
  void stop();  // once the server's time is over

  Sample last() const;
  // Highest of the last life.
  Sample peak() const;
  // Of the last life: the median of its memory after a warm-up (its second fifth), and in its last fifth.
  struct Growth {
    uint64_t before = 0, after = 0;  // bytes
    size_t samples = 0;
  };
  Growth growth() const;

 private:
  std::vector<Sample> last_life() const REQUIRES(mu_);

  Server& server_;
  mutable Mutex mu_;
  std::vector<Sample> samples_ GUARDED_BY(mu_);
  std::thread thread_;
};

}  // namespace smslab::test::soak
