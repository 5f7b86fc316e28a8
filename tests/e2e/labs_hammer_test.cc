// Two hundred labs in one process, each with bytes, a clock, a seed and faults of its own, all hammered at the same
// time: no record, byte or tick of one is another's.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <fstream>
#include <functional>
#include <map>
#include <thread>

#include "proto/base/clock.h"
#include "proto/base/text.h"
#include "proto/base/time_text.h"
#include "proto/base/uri.h"
#include "proto/codec/json.h"
#include "proto/control/client.h"
#include "proto/schema/journal.pb.h"
#include "proto/schema/lab.pb.h"
#include "proto/schema/timestamp.h"
#include "tests/support/http_probe.h"
#include "tests/support/lab.h"

namespace smslab::test {
namespace {
#ifdef SMSLAB_SANITIZED
constexpr int kLabs = 40;  // each maps an index and a journal: more addresses than ThreadSanitizer leaves
#else
constexpr int kLabs = 200;
#endif
constexpr int kAttempts = 12;  // of each client for its file
constexpr int kAtOnce = 64;    // labs being made

// One lab and what its own client must find there, all of it made of its number.
struct One {
  explicit One(int n)
      : number(n),
        name("lab-" + std::to_string(n)),
        file(name + ".txt"),
        content(name + std::string(static_cast<size_t>(500 + n), static_cast<char>('a' + n % 26))),
        date(LabTime(std::chrono::sys_days{std::chrono::year{2001} / 1 / 1}) + std::chrono::hours(n)) {}

  // Which of the client's attempts meets the fault: a different one from lab to lab, in some labs none.
  int faulty() const { return number % 5 == 0 ? 0 : 1 + number % kAttempts; }
  std::string target() const { return "/SMS_DP_SMSPKG$/LON00001/" + file; }
  std::string rule() const {
    const std::string match = R"({"match":{"dp":"LON-DCSMS-01","file":")" + file + R"("},"when":{"nth":")" +
                              std::to_string(faulty()) + R"("},)";
    return match + (cuts() ? R"("limitData":{"bytes":")" + std::to_string(number) + R"(","in":"BODY","end":"FIN"}})"
                           : R"("status":{"code":503}})");
  }
  bool cuts() const { return number % 2 == 0; }

  const int number;
  const std::string name, file, content;
  const LabTime date;
  v1::Lab made;
  std::string rule_id;
};

class LabsHammer : public testing::Test {
 protected:
  // `work` for each lab, on so many threads.
  void each(int threads, const std::function<void(One&)>& work) {
    std::atomic<size_t> next = 0;
    std::vector<std::thread> all;
    for (int i = 0; i < threads; i++) {
      all.emplace_back([&] {
        for (size_t n = next++; n < labs_.size(); n = next++) work(*labs_[n]);
      });
    }
    for (auto& thread : all) thread.join();
  }
  static control::HttpClient api(const std::string& base) {
    return control::HttpClient({.base = base, .token = {}, .bind = {}, .timeout = std::chrono::minutes(2)});
  }
  void make(One& one) const;
  static void wait_installed(const One& one);
  static void hammer(const One& one);
  static void expect_own(const One& one);

  Lab lab_{{"--clock", "2026-11-21T20:00:00Z"}};
  std::vector<std::unique_ptr<One>> labs_;
};

void LabsHammer::make(One& one) const {
  v1::LabOrder order;
  order.set_name(one.name);
  order.set_seed(static_cast<uint64_t>(one.number));
  order.set_clock(format_rfc3339(one.date));
  auto& package = *order.mutable_scenario()->add_packages();
  package.set_id("LON00001");
  package.set_name("Tools of " + one.name);
  package.set_source(lab_.folder() + "/" + one.name);
  package.add_dps("LON-DCSMS-01");
  write(package.source() + "/" + one.file, one.content);
  auto http = api(lab_.ready().control());
  const Status made = http.call("POST", "/api/v1/labs", &order, &one.made);
  ASSERT_TRUE(made.ok()) << one.name << ": " << made.to_string();
}

void LabsHammer::wait_installed(const One& one) {
  auto http = api(one.made.control());
  v1::Package package;
  for (bool settled = false; !settled;) {
    const Status asked = http.call("GET", "/api/v1/packages/LON00001?wait_ms=60000", nullptr, &package);
    ASSERT_TRUE(asked.ok()) << one.name << ": " << asked.to_string();
    settled = !package.pass_open() && package.dps(0).state() != v1::PackageDp::INSTALL_PENDING;
  }
  ASSERT_EQ(package.dps(0).state(), v1::PackageDp::INSTALLED) << one.name << ": " << package.dps(0).last_error();
}

void LabsHammer::hammer(const One& one) {
  const HostPort dp = parse_url(one.made.dps().at("LON-DCSMS-01"), "dp")->at;
  const HostPort mp = parse_url(one.made.mp(), "mp")->at;
  const std::string date = format_rfc1123(one.date);
  auto probe = std::make_unique<HttpProbe>(dp);
  for (int n = 1; n <= kAttempts; n++) {
    const auto reply = probe->ask("GET", one.target());
    const bool faulty = n == one.faulty();
    if (faulty && one.cuts()) {
      EXPECT_EQ(reply.status, 0) << one.name << ", attempt " << n;
      EXPECT_EQ(probe->read_rest(), one.content.substr(0, static_cast<size_t>(one.number))) << one.name;
      EXPECT_NE(reply.head.find("Date: " + date), std::string::npos) << one.name << ", attempt " << n;
      probe = std::make_unique<HttpProbe>(dp);
      continue;
    }
    ASSERT_EQ(reply.status, faulty ? 503 : 200) << one.name << ", attempt " << n;
    if (!faulty) {
      EXPECT_EQ(reply.body, one.content) << one.name << ", attempt " << n;
    }
    EXPECT_EQ(reply.field("Date"), date) << one.name << ", attempt " << n;
    const auto list = HttpProbe(mp).ask("GET", "/SMS_MP/.sms_aut?mplist&" + one.name, "Connection: close\r\n");
    EXPECT_EQ(list.status, 200) << one.name;
    EXPECT_EQ(list.field("Date"), date) << one.name;
  }
}

void LabsHammer::expect_own(const One& one) {
  auto http = api(one.made.control());
  v1::JournalList journal;
  Status asked = http.call("GET", "/api/v1/journal?limit=5000", nullptr, &journal);
  ASSERT_TRUE(asked.ok()) << asked.to_string();
  std::map<std::string, int> targets;
  int faults = 0;
  for (const auto& record : journal.records()) {
    targets[record.target()]++;
    if (record.rules_size() > 0) faults++;
    EXPECT_EQ(from_timestamp(record.time()), one.date) << one.name;
  }
  const int cut = one.faulty() != 0 && one.cuts() ? 1 : 0;
  const std::map<std::string, int> own = {{one.target(), kAttempts},
                                          {"/SMS_MP/.sms_aut?mplist&" + one.name, kAttempts - cut}};
  EXPECT_EQ(targets, own) << one.name;
  EXPECT_EQ(faults, one.faulty() == 0 ? 0 : 1) << one.name;

  v1::FaultList rules;
  asked = http.call("GET", "/api/v1/faults", nullptr, &rules);
  ASSERT_TRUE(asked.ok()) << asked.to_string();
  ASSERT_EQ(rules.faults_size(), one.faulty() == 0 ? 0 : 1) << one.name;
  for (const auto& rule : rules.faults()) EXPECT_EQ(rule.counts().hit(), 1u) << one.name;

  v1::ClockState clock;
  asked = http.call("GET", "/api/v1/clock", nullptr, &clock);
  EXPECT_EQ(from_timestamp(clock.now()), one.date) << one.name;
}

// What the system says of the process: "Threads", "VmRSS".
std::string of_process(int pid, const std::string& what) {
  std::ifstream status("/proc/" + std::to_string(pid) + "/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with(what + ":")) return std::string(trim(line.substr(what.size() + 1)));
  }
  return "?";
}

TEST_F(LabsHammer, NothingCrossesOver) {
  const TimeSource time = system_time_source();
  const auto note = [&, begun = time.steady()](const std::string& when) {
    fmt::print("{}: after {} s, {} threads, {} resident\n", when, (time.steady() - begun) / std::chrono::seconds(1),
               of_process(lab_.ready().pid(), "Threads"), of_process(lab_.ready().pid(), "VmRSS"));
  };
  note("one lab");
  for (int n = 0; n < kLabs; n++) labs_.push_back(std::make_unique<One>(n));
  each(kAtOnce, [&](One& one) { make(one); });
  ASSERT_FALSE(HasFailure());
  note(std::to_string(kLabs) + " labs made");
  each(kAtOnce, [&](One& one) { wait_installed(one); });
  ASSERT_FALSE(HasFailure());
  each(kAtOnce, [&](One& one) {
    if (one.faulty() == 0) return;
    v1::FaultRule rule;
    ASSERT_TRUE(codec::from_json(one.rule(), &rule).ok()) << one.rule();
    const Status added = api(one.made.control()).call("POST", "/api/v1/faults", &rule, nullptr);
    ASSERT_TRUE(added.ok()) << one.name << ": " << added.to_string();
  });
  ASSERT_FALSE(HasFailure());
  note("with packages and faults");
  each(kLabs, [&](One& one) { hammer(one); });
  note("hammered");
  each(kAtOnce, [&](One& one) { expect_own(one); });

  auto http = api(lab_.ready().control());
  v1::JournalCount count;
  ASSERT_TRUE(http.call("GET", "/api/v1/journal/count", nullptr, &count).ok());
  EXPECT_EQ(count.count(), 0u) << "nobody asked the default lab";
  // A tick of one is no other's.
  v1::ClockChange tick;
  tick.set_advance_ms(5'000);
  ASSERT_TRUE(api(labs_[7]->made.control()).call("POST", "/api/v1/clock", &tick, nullptr).ok());
  for (const int n : {6, 7, 8}) {
    v1::ClockState clock;
    ASSERT_TRUE(api(labs_[n]->made.control()).call("GET", "/api/v1/clock", nullptr, &clock).ok());
    EXPECT_EQ(from_timestamp(clock.now()) - labs_[n]->date, std::chrono::seconds(n == 7 ? 5 : 0)) << n;
  }
  note("looked at");
  // They go as they came.
  each(kAtOnce, [&](One& one) {
    const Status gone = api(lab_.ready().control()).call("DELETE", "/api/v1/labs/" + one.name, nullptr, nullptr);
    EXPECT_TRUE(gone.ok()) << one.name << ": " << gone.to_string();
    EXPECT_FALSE(HttpProbe(parse_url(one.made.mp(), "mp")->at).connected()) << one.name;
  });
  EXPECT_EQ(listing(lab_.data() + "/labs"), "");
  note("deleted");
  EXPECT_EQ(lab_.stop(), 0);
}
}  // namespace
}  // namespace smslab::test
