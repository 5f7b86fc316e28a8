// Server: the lab under the soak, which is killed now and then and comes back at the same addresses with the same data.
//
//   while (const uint64_t life = server.wait_up()) {      // 0: the time is over
//     ... ask; when nobody answers: server.life() != life says that it was killed meanwhile
//   }
//
// Thread-safe but for kill() and start(), which one thread calls.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "proto/base/mutex.h"
#include "proto/base/uri.h"
#include "tests/e2e/soak/truth.h"
#include "tests/support/lab.h"

namespace smslab::test::soak {

class Server {
 public:
  explicit Server(const std::vector<std::string>& dps);  // their names

  const HostPort& mp() const { return mp_; }
  const std::string& mp_url() const { return mp_url_; }
  const std::string& control() const { return control_; }
  const std::map<std::string, HostPort>& dps() const { return dps_; }
  const std::string& folder() const { return lab_.folder(); }
  Lab& lab() { return lab_; }  // of the thread that kills

  int pid() const;
  // Which life it is in, from 1; 0 while it is dead or dying.
  uint64_t life() const;
  // The same, once it lives; 0 when the time is over.
  uint64_t wait_up();
  // The same, also when the time is over: for those who have something to bring to its end.
  uint64_t wait_alive();
  // False when the time ended before.
  bool pause(std::chrono::milliseconds time);
  bool over() const;
  void end();

  void kill();
  void start();

 private:
  Lab lab_;
  HostPort mp_;
  std::string mp_url_, control_;
  std::map<std::string, HostPort> dps_;
  std::vector<std::string> again_;  // arguments: the same addresses
  mutable Mutex mu_;
  CondVar changed_;
  uint64_t lives_ GUARDED_BY(mu_) = 1;
  int pid_ GUARDED_BY(mu_) = 0;
  bool alive_ GUARDED_BY(mu_) = true;
  bool over_ GUARDED_BY(mu_) = false;
};

}  // namespace smslab::test::soak
