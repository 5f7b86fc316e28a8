// SIGKILL at random times of the real program, while packages come, change, go out and go, and adverts and faults with
// them: what was acknowledged is there afterwards, what was not is there as a whole or not at all, and fsck finds
// nothing wrong, in the index's own pages either.
//
// SMSLAB_CRASH_KILLS: how many; SMSLAB_CRASH_SEED: the seed.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <iostream>
#include <map>
#include <mutex>
#include <optional>
#include <random>
#include <set>
#include <thread>

#include "proto/base/mutex.h"
#include "proto/codec/json.h"
#include "proto/control/client.h"
#include "proto/schema/control.pb.h"
#include "proto/schema/fault.pb.h"
#include "proto/schema/site.pb.h"
#include "tests/support/lab.h"

namespace smslab::test {
namespace {
using testing::AnyOf;
using testing::IsEmpty;
using Draw = std::mt19937_64;

constexpr const char* kDp = "LON-DCSMS-01";
constexpr int kPackages = 3;
constexpr uint64_t kMostOperations = 12;  // before a kill

std::string setting(const char* name, const std::string& otherwise) {
  const char* value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): nobody sets it
  return value == nullptr ? otherwise : value;
}

// Counts what has been answered, for whoever kills.
class Answers {
 public:
  void begin(uint64_t until) {
    const MutexLock lock(mu_);
    count_ = 0;
    until_ = until;
    dead_ = false;
  }
  void add(bool answered) {
    {
      const MutexLock lock(mu_);
      if (answered) count_++;
    }
    changed_.notify_all();
  }
  void wait() {
    MutexLock lock(mu_);
    while (count_ < until_) changed_.wait(lock);
  }
  void die() {
    const MutexLock lock(mu_);
    dead_ = true;
  }
  bool dead() {
    const MutexLock lock(mu_);
    return dead_;
  }

 private:
  Mutex mu_;
  CondVar changed_;
  uint64_t count_ GUARDED_BY(mu_) = 0, until_ GUARDED_BY(mu_) = 0;
  bool dead_ GUARDED_BY(mu_) = false;
};

// What one administrator knows of one package, its advert and a fault of its own.
class Admin {
 public:
  Admin(const Lab& lab, int number, uint64_t seed)
      : lab_(lab),
        id_("LON0000" + std::to_string(number)),
        advert_("LON2000" + std::to_string(number)),
        draw_(seed + static_cast<uint64_t>(number)) {}

  // Does one thing after the other until the lab is gone.
  void work(Answers& answers) {
    control::HttpClient http(options());
    while (!answers.dead()) {
      const Status done = one(http);
      // Refused is an answer too; silence is the end.
      answers.add(done.ok() || done.code() != Code::kUnavailable);
      if (!done.ok() && answers.dead()) return;
      if (!done.ok() && done.code() != Code::kUnavailable && done.code() != Code::kFailedPrecondition &&
          done.code() != Code::kAborted) {
        ADD_FAILURE() << id_ << ": " << done.to_string();
        return;
      }
    }
  }

  // What the lab says after its next start is what was acknowledged, or with what was under way.
  void check() {
    control::HttpClient http(options());
    v1::Package package;
    const Status shown = show_when_not_deleting(http, &package);
    const uint32_t version = shown.ok() ? package.source_version() : 0;
    EXPECT_TRUE(shown.ok() || shown.code() == Code::kNotFound) << shown.to_string();
    EXPECT_TRUE(version == version_ || (next_ && version == *next_))
        << id_ << " has version " << version << "; known are " << version_ << " and " << next_.value_or(version_);
    if (next_ && version == *next_ && version != 0) label_ = next_label_;
    version_ = version;
    next_.reset();
    check_advert(http);
    check_fault(http);
    if (version_ != 0 && !package.dps().empty()) check_content(http);
    distributed_ = !package.dps().empty();
  }

 private:
  control::HttpClientOptions options() const {
    return {.base = lab_.ready().control(), .token = {}, .bind = {}, .timeout = std::chrono::milliseconds(120'000)};
  }
  std::string source() const { return lab_.folder() + "/sources/" + id_; }
  // Every file of a version says which it is.
  std::string bytes(const std::string& label, const std::string& name) const {
    return name == "large" ? std::string(200'000, 'x') + label : id_ + " " + name + " " + label;
  }
  static const std::vector<std::string>& names() {
    static const std::vector<std::string> all = {"a", "b", "large", "sub/c"};
    return all;
  }
  std::string change_source() {
    const std::string label = std::to_string(++labels_);
    for (const auto& name : names()) write(source() + "/" + name, bytes(label, name));
    write(source() + "/always", "the same in all of them");
    return label;
  }

  Status one(control::HttpClient& http) {
    if (version_ == 0) return create(http);
    switch (draw_() % 8) {
      case 0:
      case 1: return update(http);
      case 2: return send(http, "refresh");
      case 3:
      case 4: return change_advert(http);
      case 5:
      case 6: return change_fault(http);
      default: return draw_() % 4 == 0 ? remove(http) : update(http);
    }
  }

  // From here on it may have happened; once it is answered it has.
  template <class Call>
  Status bring(uint32_t version, const std::string& label, Call call) {
    next_ = version;
    next_label_ = label;
    const Status done = call();
    if (done.code() == Code::kUnavailable) return done;
    next_.reset();
    if (!done.ok()) return done;
    version_ = version;
    label_ = label;
    return done;
  }
  Status create(control::HttpClient& http) {
    v1::Package package;
    package.set_id(id_);
    package.set_name(id_);
    const std::string label = change_source();
    package.set_source(source());
    v1::Program* program = package.add_programs();
    program->set_name("Setup");
    program->set_command_line("setup.exe");
    RETURN_IF_ERROR(bring(1, label, [&] { return http.call("POST", "/api/v1/packages", &package, nullptr); }));
    distributed_ = false;
    return send(http, "distribute");
  }
  Status update(control::HttpClient& http) {
    const std::string label = change_source();
    return bring(version_ + 1, label,
                 [&] { return http.call("POST", "/api/v1/packages/" + id_ + "/update", nullptr, nullptr); });
  }
  Status remove(control::HttpClient& http) {
    advert_may_be_ = {false, true};
    RETURN_IF_ERROR(bring(0, "", [&] { return http.call("DELETE", "/api/v1/packages/" + id_, nullptr, nullptr); }));
    advert_may_be_ = {false};
    v1::Package gone;
    const Status shown = show_when_not_deleting(http, &gone);
    return shown.code() == Code::kNotFound ? ok_status() : shown;
  }
  // Until the last copy of one that is being deleted is gone its ID is taken.
  Status show_when_not_deleting(control::HttpClient& http, v1::Package* package) {
    RETURN_IF_ERROR(http.call("GET", "/api/v1/packages/" + id_, nullptr, package));
    while (package->deleting()) {
      RETURN_IF_ERROR(http.call("GET", "/api/v1/packages/" + id_ + "?wait_ms=1000", nullptr, package));
    }
    return ok_status();
  }
  Status send(control::HttpClient& http, const std::string& how) {
    if (how == "refresh" && !distributed_) return send(http, "distribute");
    v1::DpSelection dps;
    dps.add_dps(kDp);
    const Status sent = http.call("POST", "/api/v1/packages/" + id_ + "/" + how, &dps, nullptr);
    if (sent.ok()) distributed_ = true;
    return sent;
  }

  Status change_advert(control::HttpClient& http) {
    const bool there = advert_may_be_.contains(true);
    advert_may_be_ = {false, true};
    Status done;
    if (there) {
      done = http.call("DELETE", "/api/v1/adverts/" + advert_, nullptr, nullptr);
    } else {
      v1::Advert advert;
      advert.set_id(advert_);
      advert.set_package(id_);
      advert.set_program("Setup");
      advert.set_collection("All Systems");
      done = http.call("POST", "/api/v1/adverts", &advert, nullptr);
    }
    if (done.code() != Code::kUnavailable) advert_may_be_ = {done.ok() != there};
    return done;
  }
  void check_advert(control::HttpClient& http) {
    const Status shown = http.call("GET", "/api/v1/adverts/" + advert_, nullptr, nullptr);
    EXPECT_TRUE(shown.ok() || shown.code() == Code::kNotFound) << shown.to_string();
    EXPECT_TRUE(advert_may_be_.contains(shown.ok())) << advert_ << (shown.ok() ? " is there" : " is not there");
    advert_may_be_ = {shown.ok()};
  }

  Status change_fault(control::HttpClient& http) {
    fault_unknown_ = true;
    Status done;
    if (fault_.empty()) {
      v1::FaultRule rule, made;
      const Status read = codec::from_json(R"({"match":{"dp":")" + std::string(kDp) + R"(","package":")" + id_ +
                                               R"(","file":"a","method":"HEAD"},"status":{"code":503}})",
                                           &rule);
      EXPECT_TRUE(read.ok()) << read.to_string();
      done = http.call("POST", "/api/v1/faults", &rule, &made);
      if (done.ok()) fault_ = made.id();
    } else {
      done = http.call("DELETE", "/api/v1/faults/" + fault_, nullptr, nullptr);
      if (done.ok()) fault_.clear();
    }
    if (done.code() != Code::kUnavailable) fault_unknown_ = false;
    return done;
  }
  void check_fault(control::HttpClient& http) {
    v1::FaultList all;
    const Status shown = http.call("GET", "/api/v1/faults", nullptr, &all);
    EXPECT_TRUE(shown.ok()) << shown.to_string();
    std::string mine;
    for (const auto& rule : all.faults()) {
      if (rule.match().package() == id_) mine = rule.id();
    }
    EXPECT_TRUE(fault_unknown_ || mine == fault_) << "the fault of " << id_ << ": '" << mine << "', not " << fault_;
    fault_ = mine;
    fault_unknown_ = false;
  }

  // On the DP, once it is there: one version, and that one.
  void check_content(control::HttpClient& http) {
    v1::Package package;
    do {
      ASSERT_TRUE(http.call("GET", "/api/v1/packages/" + id_ + "?wait_ms=10000", nullptr, &package).ok());
      ASSERT_EQ(package.dps_size(), 1);
    } while (package.dps(0).state() == v1::PackageDp::INSTALL_PENDING);
    ASSERT_EQ(package.dps(0).state(), v1::PackageDp::INSTALLED) << package.ShortDebugString();
    EXPECT_EQ(package.dps(0).version(), version_);
    control::HttpClient dp({.base = lab_.dp(), .token = {}, .bind = {}});
    for (const auto& name : names()) {
      const auto got = dp.send({.method = "GET",
                                .target = "/SMS_DP_SMSPKG$/" + id_ + "/" + name,
                                .fields = {},
                                .body = {},
                                .file = nullptr,
                                .sink = nullptr,
                                .on_head = nullptr});
      ASSERT_TRUE(got.ok()) << got.status().to_string();
      EXPECT_TRUE(got->body == bytes(label_, name))
          << id_ << " version " << version_ << ": " << name << " is not of it";
    }
  }

  const Lab& lab_;
  const std::string id_, advert_;
  Draw draw_;
  int labels_ = 0;
  uint32_t version_ = 0;          // acknowledged; 0: there is none
  std::optional<uint32_t> next_;  // under way
  std::string label_, next_label_;
  bool distributed_ = false;
  std::set<bool> advert_may_be_{false};
  std::string fault_;
  bool fault_unknown_ = false;
};

// Some thousand turns of a processor, or none.
void spin(uint64_t turns) {
  for (uint64_t i = 0; i < turns; i++) std::this_thread::yield();
}

TEST(Kills, AtRandomTimesLoseNothing) {
  const uint64_t kills = std::stoull(setting("SMSLAB_CRASH_KILLS", "5"));
  const uint64_t seed = std::stoull(setting("SMSLAB_CRASH_SEED", std::to_string(std::random_device()() % 100'000)));
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::cout << kills << " kills, seed " << seed << "\n";
  Draw draw(seed);
  Lab lab;
  std::vector<std::unique_ptr<Admin>> admins;
  for (int i = 1; i <= kPackages; i++) admins.push_back(std::make_unique<Admin>(lab, i, seed));
  Answers answers;
  uint64_t answered = 0, round = 0;
  for (; round < kills && !testing::Test::HasFailure(); round++) {
    SCOPED_TRACE("round " + std::to_string(round));
    const uint64_t operations = draw() % kMostOperations;
    answers.begin(operations);
    std::vector<std::thread> threads;
    for (const auto& admin : admins) threads.emplace_back([&] { admin->work(answers); });
    answers.wait();
    spin(draw() % 2 == 0 ? draw() % 20'000 : draw() % 500);
    answers.die();
    lab.kill();
    for (auto& thread : threads) thread.join();
    answered += operations;

    const Finished fsck = lab.cli({"fsck", "--json", "--data", lab.data()});
    v1::FsckReply report;
    ASSERT_TRUE(codec::from_json(fsck.out, &report).ok()) << fsck.out << fsck.err;
    EXPECT_THAT(report.problems(), IsEmpty());
    EXPECT_EQ(fsck.exit_status, 0) << fsck.err;
    lab.restart();
    for (const auto& admin : admins) admin->check();
    EXPECT_EQ(listing(lab.data() + "/site/stage"), "") << "swept";
  }
  EXPECT_EQ(lab.stop(), 0);
  EXPECT_EQ(lab.cli({"fsck", "--data", lab.data()}).exit_status, 0);
  std::cout << round << " kills, after " << answered << " answers that were waited for\n";
  EXPECT_GT(round, 0u);
}

}  // namespace
}  // namespace smslab::test
