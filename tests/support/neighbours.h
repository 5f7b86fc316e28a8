// Neighbours: well-behaved clients, a thread each, that keep asking while a test does something else to the same lab,
// and look at every byte they get: half of them ask the MP and half the DP, a quarter over TLS, each on a connection
// that it keeps for a while.
//
//   Neighbours neighbours(mp, dp, trusted);       // two questions, and a PEM file for TLS
//   ... the attack ...
//   neighbours.go_on();                           // until each has had two more answers
//   EXPECT_EQ(neighbours.complaint(), "");
//
// A complaint is the first wrong answer, error, or answer that took longer than kPatience.
#pragma once

#include <algorithm>
#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "proto/base/mutex.h"
#include "tests/support/tls_probe.h"

namespace smslab::test {

class Neighbours {
 public:
  static constexpr size_t kCount = 16;
  static constexpr std::chrono::seconds kPatience{15};

  struct Question {
    HostPort at;
    std::string target;
    std::string answer;  // the body of a 200
  };

  Neighbours(Question mp, Question dp, std::string trusted)
      : questions_{std::move(mp), std::move(dp)}, trusted_(std::move(trusted)) {
    for (size_t i = 0; i < kCount; i++) threads_.emplace_back([this, i] { live(i); });
  }
  ~Neighbours() {
    {
      const MutexLock lock(mu_);
      stopping_ = true;
      stopped_.notify_all();
    }
    for (std::thread& thread : threads_) thread.join();
  }
  Neighbours(const Neighbours&) = delete;
  Neighbours& operator=(const Neighbours&) = delete;

  // Until each has had two more answers, the second of which was asked for after this call; or one complains.
  void go_on() {
    MutexLock lock(mu_);
    std::vector<uint64_t> goal = answers_;
    for (uint64_t& count : goal) count += 2;
    while (complaint_.empty() && !reached(goal)) answered_.wait(lock);
  }

  std::string complaint() {
    const MutexLock lock(mu_);
    return complaint_;
  }
  uint64_t answers() {
    const MutexLock lock(mu_);
    uint64_t all = 0;
    for (const uint64_t count : answers_) all += count;
    return all;
  }
  std::chrono::milliseconds longest() {
    const MutexLock lock(mu_);
    return longest_;
  }

 private:
  static constexpr uint64_t kAnswersAConnection = 16;
  static constexpr std::chrono::milliseconds kPause{5};  // between questions: they are not the attack

  bool reached(const std::vector<uint64_t>& goal) REQUIRES(mu_) {
    for (size_t i = 0; i < kCount; i++) {
      if (answers_[i] < goal[i]) return false;
    }
    return true;
  }

  void live(size_t self) {
    const Question& question = questions_[self % 2];
    std::unique_ptr<HttpProbe> probe;
    for (uint64_t n = 0; pause(); n++) {
      const auto start = std::chrono::steady_clock::now();
      if (n % kAnswersAConnection == 0) probe = connect(self, question.at);
      const HttpProbe::Reply reply = probe->connected() ? probe->ask("GET", question.target) : HttpProbe::Reply();
      const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - start);
      std::string complaint;
      if (reply.status != 200) {
        complaint = "status " + std::to_string(reply.status);
      } else if (reply.body != question.answer) {
        complaint = "another body, of " + std::to_string(reply.body.size()) + " bytes";
      } else if (took > kPatience) {
        complaint = "an answer after " + std::to_string(took.count()) + " ms";
      }
      note(self, took, complaint.empty() ? "" : "neighbour " + std::to_string(self) + ": " + complaint);
    }
  }

  std::unique_ptr<HttpProbe> connect(size_t self, const HostPort& at) const {
    const std::string own = "127.0.1." + std::to_string(self + 1);  // its own ports
    if (self / 2 % 4 == 0) return std::make_unique<TlsProbe>(at, trusted_, own);
    return std::make_unique<HttpProbe>(at, own);
  }

  // False when it is time to go.
  bool pause() {
    MutexLock lock(mu_);
    const auto until = std::chrono::steady_clock::now() + kPause;
    while (!stopping_ && stopped_.wait_until(lock, until)) {
    }
    return !stopping_;
  }

  void note(size_t self, std::chrono::milliseconds took, const std::string& complaint) {
    const MutexLock lock(mu_);
    answers_[self]++;
    longest_ = std::max(longest_, took);
    if (complaint_.empty()) complaint_ = complaint;
    answered_.notify_all();
  }

  const Question questions_[2];
  const std::string trusted_;

  Mutex mu_;
  CondVar answered_, stopped_;
  bool stopping_ GUARDED_BY(mu_) = false;
  std::vector<uint64_t> answers_ GUARDED_BY(mu_) = std::vector<uint64_t>(kCount);
  std::chrono::milliseconds longest_ GUARDED_BY(mu_){};
  std::string complaint_ GUARDED_BY(mu_);

  std::vector<std::thread> threads_;  // after what they use
};

}  // namespace smslab::test
