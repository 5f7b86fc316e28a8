// Plane: a gate with one file and rules of faults, plain and over TLS, for tests of what a client meets.
#pragma once

#include <gtest/gtest.h>

#include <condition_variable>
#include <filesystem>
#include <fstream>

#include "proto/base/time_text.h"
#include "proto/codec/json.h"
#include "proto/fault/injector.h"
#include "proto/wire/entity.h"
#include "proto/wire/gate.h"
#include "proto/wire/lab_certificate.h"
#include "tests/support/http_probe.h"
#include "tests/support/tls_probe.h"

namespace smslab::fault {

// A prime number of bytes repeated, so that no power of two lands on the same ones.
inline std::string pattern(size_t size) {
  std::string bytes(size, '\0');
  for (size_t i = 0; i < size; i++) bytes[i] = static_cast<char>('a' + i % 23);
  return bytes;
}

// Keeps what became of each reply.
class RecordingInjector final : public wire::Injector {
 public:
  explicit RecordingInjector(RuleInjector& rules) : rules_(rules) {}
  wire::Opening open(const HostPort& peer, const HostPort& local) override { return rules_.open(peer, local); }
  std::unique_ptr<wire::Delivery> deliver(const wire::Request& request, const wire::Router& router,
                                          wire::Reply* reply) override {
    return rules_.deliver(request, router, reply);
  }
  void sent(const wire::Delivery&, const wire::Sent& sent) override {
    const MutexLock lock(mu_);
    sent_ = sent;
    told_.notify_all();
  }
  CompletionPtr sleep(LabDuration time) override { return rules_.sleep(time); }

  wire::Sent take() {
    MutexLock lock(mu_);
    while (!sent_) told_.wait(lock);
    return *std::exchange(sent_, std::nullopt);
  }

 private:
  RuleInjector& rules_;
  Mutex mu_;
  CondVar told_;
  std::optional<wire::Sent> sent_ GUARDED_BY(mu_);
};

class Plane {
 public:
  static constexpr uint64_t kSeed = 42;

  explicit Plane(bool tls, std::string content = pattern(1000))
      : tls_client_(tls),
        folder_(std::filesystem::temp_directory_path() / ("smslab-fault." + std::to_string(::getpid()))),
        content_(std::move(content)) {
    std::filesystem::create_directories(folder_);
    std::ofstream(pem()) << wire::lab_ca();
    add("/a.bin", content_, "a.bin");
    add("/b.bin", "another file", "b.bin");
    tls_ = *wire::Tls::open(wire::lab_identity());
    at_ = *gate_.listen({"127.0.0.1", 0}, router_, {.tls = tls_.get(), .injector = &injector_});
    EXPECT_TRUE(gate_.start().ok());
  }
  ~Plane() {
    gate_.stop();
    std::filesystem::remove_all(folder_);
  }

  // In force from now on, alone.
  void only(const std::string& json, const std::string& match = R"("file":"a.bin")") {
    v1::FaultRule rule;
    const Status read = codec::from_json(R"({"id":"1","match":{)" + match + "}," + json + "}", &rule);
    ASSERT_TRUE(read.ok()) << read.to_string();
    const Status sound = check_rule(rule);
    ASSERT_TRUE(sound.ok()) << sound.to_string();
    rules_.clear();
    rules_.put(rule);
  }

  std::unique_ptr<test::HttpProbe> connect() const {
    if (tls_client_) return std::make_unique<test::TlsProbe>(at_, pem());
    return std::make_unique<test::HttpProbe>(at_);
  }
  static std::string request(const std::string& fields = {}, const std::string& path = "/a.bin") {
    return "GET " + path + " HTTP/1.1\r\nHost: a\r\n" + fields + "\r\n";
  }
  // The reply as it is without a fault.
  std::string honest(const std::string& fields = {}) {
    rules_.clear();
    const auto probe = connect();
    probe->send(request(fields + "Connection: close\r\n"));
    std::string bytes = probe->read_rest();
    const size_t line = bytes.find("Connection: close\r\n");
    return line == std::string::npos ? bytes : bytes.erase(line, 19);
  }
  void expect_served() {
    rules_.clear();
    EXPECT_EQ(connect()->ask("GET", "/a.bin").body, content_);
  }

  const std::string& content() const { return content_; }
  bool is_tls() const { return tls_client_; }
  Rules& rules() { return rules_; }
  LabClock& clock() { return clock_; }
  RecordingInjector& injector() { return injector_; }
  HostPort at() const { return at_; }

 private:
  std::string pem() const { return folder_ / "ca.pem"; }
  void add(const std::string& path, const std::string& bytes, const std::string& file) {
    wire::Topic topic;
    topic.route = "content";
    topic.package = "LON00001";
    topic.version = 1;
    topic.file = file;
    const auto shared = std::make_shared<const wire::Topic>(topic);
    router_.add({"GET", "HEAD"}, path, [bytes, shared](const wire::Request& asked) -> Result<wire::Reply> {
      wire::Reply reply = wire::entity_reply(
          asked, {.body = wire::Body(bytes), .content_type = "application/octet-stream", .etag = "\"tag\""});
      reply.topic = shared;
      return reply;
    });
  }

  const bool tls_client_;
  const std::filesystem::path folder_;
  const std::string content_;
  LabClock clock_{system_time_source(), LabClock::Frozen{*parse_rfc3339("2026-11-21T20:00:00Z")}};
  LabTimers timers_{clock_};
  Rules rules_{kSeed};
  RuleInjector by_rules_{
      {.role = v1::FaultMatch::DP, .dp = "LON-DCSMS-01"}, rules_, clock_, timers_, [](const std::string&) {
        return std::string();
      }};
  RecordingInjector injector_{by_rules_};
  wire::Router router_;
  std::unique_ptr<wire::Tls> tls_;
  wire::Gate gate_{{.workers = 2}, clock_, Log(null_log(), LogForm::kConsole, clock_, "wire")};
  HostPort at_;
};

}  // namespace smslab::fault
