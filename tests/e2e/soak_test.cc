// Everything at once: eight administrators make, update, distribute, refresh, remove and delete packages on four
// distribution points and put faults on some of them, five hundred clients read them all the while, and the server is
// killed and comes back. Nobody gets a byte or a version that he must not, what the site says of each thing it does is
// what it has to say, what was acknowledged is there, and nothing is left behind: no memory, no descriptor, no file.
//
// SMSLAB_SOAK_SECONDS: how long; SMSLAB_SOAK_SEED: of everything that is drawn. scripts/soak runs the long form.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <random>
#include <set>
#include <thread>

#include "proto/codec/json.h"
#include "tests/e2e/soak/admin.h"
#include "tests/e2e/soak/visitor.h"
#include "tests/e2e/soak/watch.h"

namespace smslab::test::soak {
namespace {
namespace fs = std::filesystem;
using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::IsEmpty;

constexpr int kHonest = 5, kFaulty = 2;  // packages; one more is still, for the real clients
constexpr int kVisitors = 500, kRealClients = 2;
constexpr const char* kStill = "LON00008";
// The bounds, of the server's last life, which is two fifths of the soak. Absolute: what an idle site may have (16 MiB)
// and 96 KiB a client. Growth, from the time after the warm-up to the end: what the allocator may keep of one more busy
// moment. Descriptors, when all clients have left: files that the DPs keep open for the next who asks.
#ifdef SMSLAB_SANITIZED  // freed memory is kept for a while, to find who still uses it
constexpr uint64_t kMostMemory = uint64_t{1500} << 20, kMostGrowth = uint64_t{600} << 20;
#else
constexpr uint64_t kMostMemory = uint64_t{64} << 20, kMostGrowth = uint64_t{8} << 20;
#endif
constexpr uint64_t kMostOpenFiles = 4 * 64;
constexpr uint64_t kMostMoreThreads = 32;  // of the control planes', which start when they are needed and stay

uint64_t setting(const char* name, uint64_t otherwise) {
  const char* value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): nobody sets it
  return value == nullptr ? otherwise : std::stoull(value);
}

std::string mib(uint64_t bytes) { return fmt::format("{:.1f} MiB", static_cast<double>(bytes) / (1 << 20)); }

class Soak : public testing::Test {
 protected:
  Soak() {
    rlimit limit{};
    ::getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &limit);
    for (int i = 1; i <= kHonest + kFaulty + 1; i++) {
      const std::string id = "LON0000" + std::to_string(i);
      truths_.push_back(std::make_unique<Truth>(id, i <= kHonest || id == kStill));
      admins_.push_back(std::make_unique<Admin>(server_, *truths_.back(), counts_, seed_ * 1000 + i, id == kStill));
    }
  }

  void begin();
  void all_at_once();
  void expect_nothing_left();
  void expect_all_served();
  void expect_clean_stores();
  void kill_now_and_then(Steady until);
  void run_client(int number);
  void tell_progress(Steady begun) const;
  std::string summary() const;

  const uint64_t seed_ = setting("SMSLAB_SOAK_SEED", std::random_device()() % 100'000);
  const seconds time_{setting("SMSLAB_SOAK_SECONDS", 20)};
  std::mt19937_64 random_{seed_};
  Server server_{{"LON-DCSMS-01", "LON-DP-02", "LON-DP-03", "LON-DP-04"}};
  Counts counts_;
  Visitor::Truths truths_;
  std::vector<std::unique_ptr<Admin>> admins_;
  Watch watch_{server_};
  Sample idle_, left_;  // before the first client came, and after the last one left
};

void Soak::begin() {
  for (const auto& admin : admins_) admin->begin();
  Lab& lab = server_.lab();
  lab.must({"collection", "create", "Soaked", "--member", "WRK-REAL-1", "--member", "WRK-REAL-2"});
  lab.must({"advert", "create", "LON20000", "--package", kStill, "--program", "Setup", "--collection", "Soaked",
            "--mandatory", "now", "--download", "--rerun", "always"});
}

// The reference client, which verifies what it gets, from the beginning each time.
void Soak::run_client(int number) {
  const std::string name = "WRK-REAL-" + std::to_string(number), folder = server_.folder() + "/" + name;
  const std::string hash = "hash " + package_sha1(kStill, truths_.back()->label());
  bool whole = false;  // a day that no kill came into: one at least, when it is quiet again
  do {
    const uint64_t life = server_.wait_alive();
    fs::remove_all(folder);
    fs::create_directories(folder);
    const Finished done = run({SMSLAB_CLIENT_BINARY, "run", "--mp", server_.mp_url(), "--name", name, "--dir",
                               folder + "/own", "--bind", "127.2.0." + std::to_string(number), "--mif", "Success"},
                              folder);
    if (server_.life() != life) continue;
    whole = true;
    counts_.real_runs++;
    EXPECT_EQ(done.exit_status, 0) << done.out << done.err;
    EXPECT_NE(done.out.find(hash), std::string::npos) << hash << " is not in\n" << done.out;
    server_.pause(milliseconds(500));
  } while (!(whole && server_.over()) && !testing::Test::HasFailure());
}

void Soak::tell_progress(Steady begun) const {
  const Sample now = watch_.last();
  std::cerr << fmt::format(
      "soak: {:5} s, {} requests, {} kills, {} updates, {} faults, {} ladders; {}, {} descriptors\n",
      (std::chrono::steady_clock::now() - begun) / seconds(1), counts_.requests.load(), counts_.kills.load(),
      counts_.updates.load(), counts_.faults.load(), counts_.ladders.load(), mib(now.memory), now.descriptors);
}

// In lives of half a second to a tenth of the time; the last kill is near `until`.
void Soak::kill_now_and_then(Steady until) {
  const auto longest = std::min<milliseconds>(seconds(60), time_ / 10);
  do {
    if (!server_.pause(milliseconds(500 + random_() % static_cast<uint64_t>(longest.count())))) return;
    server_.kill();
    counts_.kills++;
    if (random_() % 4 == 0) {
      const Finished fsck = server_.lab().cli({"fsck", "--data", server_.lab().data()});
      EXPECT_EQ(fsck.exit_status, 0) << fsck.out << fsck.err;
      counts_.checks++;
    }
    server_.start();
  } while (std::chrono::steady_clock::now() < until && !HasFailure());
}

void Soak::all_at_once() {
  const Steady begun = std::chrono::steady_clock::now(), until = begun + time_;
  watch_.start();
  std::vector<std::thread> all;
  for (const auto& admin : admins_) all.emplace_back([&] { admin->work(); });
  for (int i = 0; i < kVisitors; i++) {
    all.emplace_back(
        [&, i] { Visitor(server_, truths_, counts_, i, seed_ * 1'000'003 + static_cast<uint64_t>(i)).work(); });
  }
  for (int i = 1; i <= kRealClients; i++) all.emplace_back([&, i] { run_client(i); });
  all.emplace_back([&] {
    while (server_.pause(seconds(10))) {
      if (time_ > seconds(60)) tell_progress(begun);
    }
  });
  kill_now_and_then(begun + time_ * 3 / 5);
  while (std::chrono::steady_clock::now() < until && !HasFailure()) server_.pause(milliseconds(200));
  server_.end();
  for (auto& thread : all) thread.join();
  watch_.stop();
}

void Soak::expect_nothing_left() {
  const Watch::Growth growth = watch_.growth();
  EXPECT_GT(growth.samples, 10u);
  EXPECT_LE(growth.after, growth.before + kMostGrowth) << "from " << mib(growth.before) << " to " << mib(growth.after);
  EXPECT_LE(watch_.peak().memory, kMostMemory) << mib(watch_.peak().memory);
  // The server hears of the last who left a little later than they do.
  const Steady until = std::chrono::steady_clock::now() + seconds(10);
  control::HttpClient http({.base = server_.control(), .token = {}, .bind = {}});
  do {
    EXPECT_TRUE(http.call("GET", "/api/v1/clock", nullptr, nullptr).ok());
    left_ = sample(server_);
  } while (left_.descriptors > idle_.descriptors + kMostOpenFiles && std::chrono::steady_clock::now() < until);
  EXPECT_LE(left_.descriptors, idle_.descriptors + kMostOpenFiles);
  EXPECT_LE(left_.threads, idle_.threads + kMostMoreThreads);
}

// By every DP that it is on, and by no other: the current version and nothing else.
void Soak::expect_all_served() {
  for (const auto& truth : truths_) {
    for (const auto& [dp, at] : server_.dps()) {
      const Truth::View view = truth->view(dp);
      ASSERT_NE(view.presence, Truth::Presence::kUnknown) << truth->id() << " on " << dp;
      const bool there = view.presence == Truth::Presence::kOn;
      HttpProbe probe(at);
      for (const File& file : files()) {
        const auto reply = probe.ask("GET", "/SMS_DP_SMSPKG$/" + truth->id() + "/" + percent_encode_path(file.path));
        EXPECT_EQ(reply.status, there ? 200 : 404) << truth->id() << " on " << dp << ": " << file.path;
        EXPECT_TRUE(!there || reply.body == content(truth->id(), truth->label(), file))
            << truth->id() << " on " << dp << ": " << file.path << " is not of label " << truth->label();
      }
    }
  }
}

std::set<std::string> names_below(const std::string& folder) {
  std::set<std::string> names;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    if (entry.is_regular_file()) names.insert(entry.path().filename().string());
  }
  return names;
}

// They hold what the records need, and no file more.
void Soak::expect_clean_stores() {
  const std::string data = server_.lab().data();
  const Finished fsck = server_.lab().cli({"fsck", "--json", "--data", data});
  v1::FsckReply report;
  ASSERT_TRUE(codec::from_json(fsck.out, &report).ok()) << fsck.out << fsck.err;
  EXPECT_EQ(fsck.exit_status, 0);
  EXPECT_THAT(report.problems(), IsEmpty());
  EXPECT_THAT(report.leftovers(), IsEmpty());
  counts_.checks++;
  std::set<std::string> site;
  std::map<std::string, std::set<std::string>> dps;
  for (const auto& truth : truths_) {
    for (const File& file : files()) {
      for (const uint64_t label : truth->kept()) site.insert(sha256_of(truth->id(), label, file));
      for (const auto& [dp, at] : server_.dps()) {
        if (truth->view(dp).presence == Truth::Presence::kOn) {
          dps[dp].insert(sha256_of(truth->id(), truth->label(), file));
        }
      }
    }
  }
  EXPECT_EQ(names_below(data + "/site/blobs"), site);
  for (const auto& [dp, at] : server_.dps()) EXPECT_EQ(names_below(data + "/dp/" + dp + "/blobs"), dps[dp]) << dp;
}

std::string Soak::summary() const {
  const Watch::Growth growth = watch_.growth();
  const Sample peak = watch_.peak();
  const auto line = [](const std::string& name, const std::string& value) {
    return fmt::format("{:<14}{}\n", name, value);
  };
  return line("seed", std::to_string(seed_)) + line("seconds", std::to_string(time_.count())) +
         line("clients", std::to_string(kVisitors + kRealClients)) +
         line("packages",
              fmt::format("{} imports, {} updates, {} refreshes, {} distributions, {} removals, {} deletions",
                          counts_.imports.load(), counts_.updates.load(), counts_.refreshes.load(),
                          counts_.distributions.load(), counts_.removals.load(), counts_.deletions.load())) +
         line("ladders", std::to_string(counts_.ladders)) +
         line("faults", fmt::format("{}, {} full disks; {} replies met one", counts_.faults.load(),
                                    counts_.full_disks.load(), counts_.faulty.load())) +
         line("requests",
              fmt::format("{}: {} resumed, {} listings, {} locations, {} absent, {} left, {} cut off by kills",
                          counts_.requests.load(), counts_.resumed.load(), counts_.listings.load(),
                          counts_.locations.load(), counts_.absent.load(), counts_.left.load(),
                          counts_.cut_off.load())) +
         line("bytes", mib(counts_.bytes)) + line("real clients", fmt::format("{} runs", counts_.real_runs.load())) +
         line("kills", fmt::format("{}, {} orders left unanswered, {} times fsck", counts_.kills.load(),
                                   counts_.unanswered.load(), counts_.checks.load())) +
         line("memory", fmt::format("{} idle, {} after the warm-up, {} at the end, {} at most, {} when all had left",
                                    mib(idle_.memory), mib(growth.before), mib(growth.after), mib(peak.memory),
                                    mib(left_.memory))) +
         line("descriptors", fmt::format("{} idle, {} at most, {} when all had left", idle_.descriptors,
                                         peak.descriptors, left_.descriptors)) +
         line("threads",
              fmt::format("{} idle, {} at most, {} when all had left", idle_.threads, peak.threads, left_.threads));
}

// Everybody stops at the first failure, most of them in the middle of something, and says so.
std::string first_failure() {
  const testing::TestResult& all = *testing::UnitTest::GetInstance()->current_test_info()->result();
  for (int i = 0; i < all.total_part_count(); i++) {
    const testing::TestPartResult& part = all.GetTestPartResult(i);
    if (part.failed())
      return fmt::format("\nIt began with {}:{}\n{}\n", part.file_name(), part.line_number(), part.message());
  }
  return "";
}

TEST_F(Soak, OfEverythingAtOnce) {
  std::cout << "soak: " << time_.count() << " s, seed " << seed_ << std::endl;
  begin();
  ASSERT_FALSE(HasFailure());
  idle_ = sample(server_);
  all_at_once();
  expect_nothing_left();
  std::cout << summary() << first_failure();
  ASSERT_FALSE(HasFailure());
  expect_all_served();
  EXPECT_EQ(server_.lab().stop(), 0);
  expect_clean_stores();
  for (const auto* number :
       {&counts_.imports, &counts_.updates, &counts_.refreshes, &counts_.distributions, &counts_.removals,
        &counts_.faults, &counts_.ladders, &counts_.requests, &counts_.bytes, &counts_.resumed, &counts_.listings,
        &counts_.locations, &counts_.left, &counts_.faulty, &counts_.absent, &counts_.real_runs, &counts_.kills}) {
    EXPECT_GT(number->load(), 0u) << "it was about that too";
  }
}

}  // namespace
}  // namespace smslab::test::soak
