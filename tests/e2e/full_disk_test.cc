// The real server on a real disk that is full, and short of descriptors and memory: whoever was sending is told so,
// what is there is served, and with room again everything works, without a restart.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <filesystem>
#include <fstream>

#include "proto/base/digest.h"
#include "proto/control/client.h"
#include "proto/control/dp_secret.h"
#include "proto/schema/journal.pb.h"
#include "tests/support/http_probe.h"
#include "tests/support/lab.h"
#include "tests/support/small_disk.h"

namespace smslab::test {
namespace {
namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::Not;
using State = v1::PackageDp;

constexpr uint64_t kMiB = uint64_t{1} << 20;

class OwnMounts final : public testing::Environment {
  void SetUp() override { (void)own_mounts(); }  // where it fails, SmallDisk knows another way or says why
};
const auto* const kOwnMounts = testing::AddGlobalTestEnvironment(new OwnMounts);

std::string noise(uint64_t size, unsigned seed) {
  std::string bytes(size, '\0');
  uint64_t x = seed + 1;
  for (char& c : bytes) {
    x = x * 6364136223846793005U + 1442695040888963407U;
    c = static_cast<char>('a' + (x >> 56) % 26);
  }
  return bytes;
}

class FullDisk : public testing::Test {
 protected:
  // A lab on a disk of its own, with one small package on its DP.
  void start(uint64_t disk_bytes, const std::vector<std::string>& arguments = {}) {
    disk_ = std::make_unique<SmallDisk>(folder_ / "data", disk_bytes);
    ASSERT_EQ(disk_->problem(), "");
    lab_ = std::make_unique<Lab>(arguments, Lab::Kind::kWhole, disk_->folder());
    small_ = noise(50'000, 1);
    write(source("small") + "/file.bin", small_);
    ASSERT_EQ(create("LON00001", "small").exit_status, 0);
    lab_->must({"package", "distribute", "LON00001", "--dp", "LON-DCSMS-01", "--wait"});
    expect_served();
  }
  ~FullDisk() override {
    if (lab_ && lab_->serves()) {
      EXPECT_EQ(lab_->stop(), 0) << lab_->log();
    }
    lab_.reset();
  }

  std::string source(const std::string& name) const { return folder_ / ("source-" + name); }
  Finished create(const std::string& id, const std::string& name) const {
    return lab_->cli({"package", "create", id, "--name", id, "--source", source(name)});
  }
  HostPort at(const std::string& url) const { return parse_url(url, "url")->at; }
  HttpProbe::Reply get(const std::string& url, const std::string& target) const {
    return HttpProbe(at(url)).ask("GET", target);
  }
  // What was there before is there, on either plane.
  void expect_served() const {
    EXPECT_TRUE(get(lab_->dp(), "/SMS_DP_SMSPKG$/LON00001/file.bin").body == small_);
    EXPECT_EQ(get(lab_->mp(), "/SMS_MP/.sms_aut?MPLIST").status, 200);
    EXPECT_EQ(get(lab_->ready().control(), "/api/v1/packages/LON00001").status, 200);
    EXPECT_EQ(get(lab_->ready().control(), "/readyz").status, 200);
  }
  std::string stage() const { return listing(lab_->data() + "/site/stage"); }
  HttpProbe::Reply post(const std::string& target, const std::string& json) const {
    return HttpProbe(at(lab_->ready().control())).ask("POST", target, "Content-Type: application/json\r\n", json);
  }
  std::string a_collection(int n, size_t members) const {
    std::string json = R"({"name":"Collection )" + std::to_string(n) + R"(","members":[)";
    for (size_t m = 0; m < members; m++) {
      json += (m == 0 ? "\"" : ",\"") + ("H" + std::to_string(n) + "-" + std::to_string(m)) + "\"";
    }
    return json + "]}";
  }
  int collections() const { return lab_->json<v1::CollectionList>({"collection", "list"}).collections_size(); }
  void expect_clean_after_stop() {
    ASSERT_EQ(lab_->stop(), 0) << lab_->log();
    const Finished fsck = lab_->cli({"fsck", "--data", lab_->data()});
    EXPECT_EQ(fsck.exit_status, 0) << fsck.out << fsck.err;
    lab_->restart();
    expect_served();
  }

  TempFolder folder_;
  std::unique_ptr<SmallDisk> disk_;
  std::unique_ptr<Lab> lab_;
  std::string small_;
};

TEST_F(FullDisk, InTheMiddleOfAnImport) {
  start(24 * kMiB);
  for (unsigned n = 0; n < 10; n++) write(source("large") + "/" + std::to_string(n), noise(4 * kMiB, n + 10));
  const std::string packages = lab_->must({"package", "list", "--json"});
  const std::string staged = stage();
  const uint64_t before = disk_->free_bytes();
  const HttpProbe::Reply refused =
      post("/api/v1/packages", R"({"id":"LON00002","name":"Large","source":")" + source("large") + "\"}");
  EXPECT_EQ(refused.status, 507) << refused.body;
  EXPECT_THAT(refused.body, HasSubstr("NO_SPACE"));
  EXPECT_THAT(refused.body, HasSubstr("No space left on device"));
  const Finished told = create("LON00002", "large");
  EXPECT_EQ(told.exit_status, 1);
  EXPECT_THAT(told.err, HasSubstr("No space left on device"));
  EXPECT_EQ(stage(), staged) << "what had been read is gone";
  EXPECT_GE(disk_->free_bytes() + kMiB, before);
  EXPECT_EQ(lab_->must({"package", "list", "--json"}), packages);
  expect_served();
  // What fits is taken at once; the rest when there is room.
  fs::remove_all(source("large"));
  write(source("large") + "/file", noise(2 * kMiB, 9));
  EXPECT_EQ(create("LON00002", "large").exit_status, 0);
  expect_clean_after_stop();
}

TEST_F(FullDisk, InTheMiddleOfAContentForADp) {
  lab_ = std::make_unique<Lab>(std::vector<std::string>{"--clock", "2026-11-21T20:00:00Z"}, Lab::Kind::kSite);
  SmallDisk disk(lab_->folder() + "/LON-DP-01", 16 * kMiB);
  ASSERT_EQ(disk.problem(), "");
  LabDp dp(*lab_, "LON-DP-01", "127.0.0.2");
  write(source("small") + "/file.bin", "small\n");
  write(source("large") + "/file.bin", noise(8 * kMiB, 3));
  ASSERT_EQ(create("LON00001", "small").exit_status, 0);
  ASSERT_EQ(create("LON00002", "large").exit_status, 0);
  lab_->must({"package", "distribute", "LON00001", "--dp", "LON-DP-01", "--wait"});

  // A sender that the disk fills up under: what the site does, byte for byte.
  const std::string token = control::DpSecret("the secret of this lab").token("LON-DP-01");
  const std::string bytes = noise(12 * kMiB, 4);
  ContentHasher hasher;
  hasher.update(bytes);
  HttpProbe probe(at(dp.control()));
  probe.send("PUT /dp/v1/blobs/" + hasher.finish().sha256 + " HTTP/1.1\r\nHost: " + dp.control().substr(7) +
             "\r\nAuthorization: Bearer " + token + "\r\nContent-Type: application/octet-stream\r\nContent-Length: " +
             std::to_string(bytes.size()) + "\r\n\r\n" + bytes.substr(0, kMiB));
  disk.fill();
  probe.send(std::string_view(bytes).substr(kMiB));
  const HttpProbe::Reply refused = probe.read_reply();
  EXPECT_EQ(refused.status, 507) << refused.body;
  EXPECT_THAT(refused.body, HasSubstr("No space left on device"));
  EXPECT_EQ(get(dp.url(), "/SMS_DP_SMSPKG$/LON00001/file.bin").body, "small\n");

  // The site is told in the words of Windows, and tries again by itself.
  lab_->must({"package", "distribute", "LON00002", "--dp", "LON-DP-01"});
  const auto state = [&](State::State wanted) {
    return lab_->wait_package("LON00002", [&](const v1::Package& package) {
      return package.dps_size() == 1 && package.dps(0).state() == wanted && !package.pass_open();
    });
  };
  const v1::Package waiting = state(State::INSTALL_RETRYING);
  EXPECT_EQ(waiting.dps(0).win32_error(), 112u);
  EXPECT_THAT(waiting.dps(0).last_error(), HasSubstr("space"));
  EXPECT_EQ(get(dp.url(), "/SMS_DP_SMSPKG$/LON00002/file.bin").status, 404);
  disk.drain();
  lab_->must({"clock", "advance", "1h"});
  state(State::INSTALLED);
  EXPECT_EQ(get(dp.url(), "/SMS_DP_SMSPKG$/LON00002/file.bin").body, read(source("large") + "/file.bin"));
  EXPECT_EQ(dp.stop(), 0);
  EXPECT_EQ(lab_->cli({"fsck", "--data", dp.data()}).exit_status, 0);
}

TEST_F(FullDisk, InTheMiddleOfAChangeOfTheIndex) {
  start(24 * kMiB);
  const int before = collections();
  disk_->fill();
  int made = 0;
  HttpProbe::Reply reply;
  do {
    reply = post("/api/v1/collections", a_collection(made, 2000));
    if (reply.status == 201) made++;
  } while (reply.status == 201 && made < 10'000);
  EXPECT_EQ(reply.status, 507) << reply.body;
  EXPECT_THAT(reply.body, HasSubstr("NO_SPACE"));
  EXPECT_EQ(collections(), before + made) << "all that were promised, and no part of the other";
  expect_served();
  EXPECT_EQ(post("/api/v1/collections", a_collection(made, 2000)).status, 507) << "as long as it is so";
  disk_->drain();
  EXPECT_EQ(post("/api/v1/collections", a_collection(made, 2000)).status, 201);
  expect_clean_after_stop();
  EXPECT_EQ(collections(), before + made + 1);
}

TEST_F(FullDisk, TheIndexOutgrowsItsMap) {
  start(300 * kMiB);
  const auto size = [&] { return fs::file_size(lab_->data() + "/site/index/data.mdb"); };
  const std::string rule =
      R"({"match":{"address":"127.0.0.99"},"responseBytes":{"raw":")" + std::string(kMiB, 'A') + "\"}}";
  int made = 0;
  while (size() < 80 * kMiB && made < 200) {  // the map begins with 64 MiB
    const HttpProbe::Reply reply = post("/api/v1/faults", rule);
    ASSERT_EQ(reply.status, 201) << reply.body.substr(0, 500);
    made++;
  }
  EXPECT_GE(size(), 80 * kMiB);
  expect_served();
  expect_clean_after_stop();
  EXPECT_EQ(get(lab_->ready().control(), "/api/v1/faults/" + std::to_string(made)).status, 200);
}

TEST_F(FullDisk, InTheMiddleOfALog) {
  start(24 * kMiB);
  disk_->fill();
  const auto log = [&] { return read(lab_->data() + "/logs/distmgr.log"); };
  size_t passes = 0, seen = 0;
  const auto refresh = [&] {
    passes++;
    return lab_->cli({"package", "refresh", "LON00001", "--dp", "LON-DCSMS-01", "--wait"});
  };
  // Until the log cannot grow: its last page fills up first.
  do {
    seen = log().size();
    const Finished done = refresh();
    EXPECT_TRUE(done.exit_status == 0 || done.err.find("space") != std::string::npos) << done.err;
  } while (log().size() > seen && passes < 200);
  EXPECT_EQ(log().size(), seen);
  expect_served();
  disk_->drain();
  ASSERT_EQ(refresh().exit_status, 0);
  const std::string after = log();
  EXPECT_GT(after.size(), seen);
  EXPECT_THAT(after.substr(seen), HasSubstr("lines are lost here"));
  EXPECT_THAT(after.substr(seen), HasSubstr("LON00001"));
  expect_clean_after_stop();
}

TEST_F(FullDisk, InTheMiddleOfTheJournal) {
  start(24 * kMiB);
  disk_->fill();
  HttpProbe probe(at(lab_->mp()));
  const auto ask = [&](int n) {
    return probe.ask("GET", "/" + std::to_string(n) + "/" + std::string(4000, 'x')).status;
  };
  const auto count = [&] { return lab_->json<v1::JournalCount>({"journal", "count"}); };
  int asked = 0;
  while (count().lost() == 0 && asked < 20'000) {
    for (int n = 0; n < 100; n++) ASSERT_EQ(ask(asked++), 404);
  }
  const v1::JournalCount full = count();
  EXPECT_GT(full.lost(), 0u);
  EXPECT_THAT(lab_->log(), HasSubstr("the disk has no room for the journal: requests go on"));
  EXPECT_THAT(lab_->cli({"journal", "count"}).err, HasSubstr("records were lost, for want of room on the disk"));
  expect_served();

  disk_->drain();
  // The journal's own thread notices by itself, within a second or so.
  while (lab_->log().find("the journal has room again") == std::string::npos) ASSERT_EQ(ask(asked++), 404);
  const uint64_t last = count().last(), lost = count().lost();
  ASSERT_EQ(get(lab_->mp(), "/kept").status, 404);
  const auto kept = lab_->json<v1::JournalList>({"journal", "list", "--after", std::to_string(last)});
  ASSERT_GE(kept.records_size(), 1);
  EXPECT_EQ(kept.records().rbegin()->target(), "/kept");
  EXPECT_EQ(count().lost(), lost);
  expect_clean_after_stop();
  EXPECT_EQ(count().lost(), lost) << "that something is missing is not forgotten";
}

// However little room there is: it starts, or says why not; it never dies of it.
TEST_F(FullDisk, AtTheFirstStart) {
  disk_ = std::make_unique<SmallDisk>(folder_ / "data", 24 * kMiB);
  ASSERT_EQ(disk_->problem(), "");
  bool started = false;
  int refusals = 0;
  for (uint64_t leave = 0; !started; leave = leave * 5 / 4 + 4096) {
    SCOPED_TRACE(leave);
    for (const auto& entry : fs::directory_iterator(disk_->folder())) fs::remove_all(entry);
    disk_->fill(leave);
    Process serve({SMSLAB_BINARY, "serve", "--data", disk_->folder(), "--mp", "127.0.0.1:0", "--control", "127.0.0.1:0",
                   "--dp", "127.0.0.1:0"},
                  folder_.path(), "serve");
    started = !serve.first_line().empty();
    if (started) serve.signal(SIGTERM);
    const Finished finished = serve.wait();
    EXPECT_EQ(finished.exit_status, started ? 0 : 1) << finished.err;
    if (started) continue;
    EXPECT_THAT(finished.err, HasSubstr("No space left on device"));
    refusals++;
  }
  EXPECT_GT(refusals, 3);
  // And on what the refused ones left, once there is room.
  disk_->fill(0);
  disk_->drain();
  lab_ = std::make_unique<Lab>(std::vector<std::string>(), Lab::Kind::kWhole, disk_->folder());
  EXPECT_EQ(get(lab_->mp(), "/SMS_MP/.sms_aut?MPLIST").status, 200);
}

TEST_F(FullDisk, AtALaterStart) {
  start(24 * kMiB);
  disk_->fill();
  lab_->kill();
  lab_->restart();
  expect_served();
  disk_->drain();
  expect_clean_after_stop();
}

// ---- other things that run out
// Not with a sanitizer: its shadow memory is terabytes of the address space that is limited here, and it looks at
// objects through a pipe, for which there is no descriptor.
#ifndef SMSLAB_SANITIZED
rlim_t set_limit(pid_t pid, __rlimit_resource what, rlim_t soft) {
  rlimit old{};
  EXPECT_EQ(::prlimit(pid, what, nullptr, &old), 0);
  const rlimit now{soft, old.rlim_max};
  EXPECT_EQ(::prlimit(pid, what, &now, nullptr), 0);
  return old.rlim_cur;
}

// No descriptor that is not in use can be had any more. The limit is on numbers, so the lowest free one decides.
rlim_t leave_no_descriptor(pid_t pid) {
  rlim_t lowest = 0;
  while (fs::is_symlink(fs::symlink_status("/proc/" + std::to_string(pid) + "/fd/" + std::to_string(lowest)))) lowest++;
  return set_limit(pid, RLIMIT_NOFILE, lowest);
}

TEST_F(FullDisk, OutOfDescriptors) {
  start(24 * kMiB);
  const auto pid = static_cast<pid_t>(lab_->ready().pid());
  HttpProbe client(at(lab_->dp())), control(at(lab_->ready().control()));
  ASSERT_EQ(client.ask("GET", "/SMS_DP_SMSPKG$/LON00001/file.bin").body, small_);
  const rlim_t before = leave_no_descriptor(pid);
  // Who comes now is turned away; who was there gets an answer: without a descriptor for its file, that it must wait.
  // (Others may have been on their way out, and left a number free.)
  while (HttpProbe(at(lab_->mp())).ask("GET", "/SMS_MP/.sms_aut?MPLIST").status != 0) leave_no_descriptor(pid);
  EXPECT_EQ(client.ask("GET", "/nothing").status, 404);
  const int status = client.ask("GET", "/SMS_DP_SMSPKG$/LON00001/file.bin").status;
  EXPECT_TRUE(status == 200 || status == 503) << status;
  EXPECT_THAT(lab_->log(), HasSubstr("Too many open files"));
  set_limit(pid, RLIMIT_NOFILE, before);
  expect_served();
  EXPECT_EQ(client.ask("GET", "/SMS_DP_SMSPKG$/LON00001/file.bin").body, small_);
  EXPECT_EQ(create("LON00002", "small").exit_status, 0);
}

// An import that has no descriptor for its next file leaves the old state.
TEST_F(FullDisk, OutOfDescriptorsInAnImport) {
  start(24 * kMiB);
  const auto pid = static_cast<pid_t>(lab_->ready().pid());
  const std::string packages = lab_->must({"package", "list", "--json"});
  const std::string staged = stage();
  HttpProbe control(at(lab_->ready().control()));
  ASSERT_EQ(control.ask("GET", "/healthz").status, 200);
  // The first numbers are held for the lab's life; above them one may come free at any moment, and an import that
  // needs one at a time would get through with it.
  constexpr rlim_t kHeldForGood = 8;
  const rlim_t before = leave_no_descriptor(pid);
  ASSERT_GE(set_limit(pid, RLIMIT_NOFILE, kHeldForGood), kHeldForGood);
  const HttpProbe::Reply refused =
      control.ask("POST", "/api/v1/packages", "Content-Type: application/json\r\n",
                  R"({"id":"LON00002","name":"Small","source":")" + source("small") + "\"}");
  set_limit(pid, RLIMIT_NOFILE, before);
  EXPECT_EQ(refused.status, 503) << refused.body;
  EXPECT_THAT(refused.body, HasSubstr("Too many open files"));
  EXPECT_EQ(lab_->must({"package", "list", "--json"}), packages);
  EXPECT_EQ(stage(), staged);
  EXPECT_EQ(create("LON00002", "small").exit_status, 0);
  expect_clean_after_stop();
}

uint64_t address_space(pid_t pid) {
  std::ifstream pages("/proc/" + std::to_string(pid) + "/statm");
  uint64_t total = 0;
  pages >> total;
  return total * static_cast<uint64_t>(::sysconf(_SC_PAGESIZE));
}

TEST_F(FullDisk, OutOfMemory) {
  start(24 * kMiB);
  const auto pid = static_cast<pid_t>(lab_->ready().pid());
  const rlim_t before = set_limit(pid, RLIMIT_AS, address_space(pid) + 4 * kMiB);
  const std::string large = R"({"name":")" + std::string(40 * kMiB, 'x') + "\"}";
  for (int n = 0; n < 3; n++) {
    const HttpProbe::Reply refused = post("/api/v1/collections", large);
    EXPECT_EQ(refused.status, 503);
    EXPECT_THAT(refused.body, HasSubstr("out of memory"));
  }
  expect_served();
  set_limit(pid, RLIMIT_AS, before);
  EXPECT_EQ(post("/api/v1/collections", large).status, 400) << "now it is read, and its name is too long";
  EXPECT_EQ(post("/api/v1/collections", a_collection(1, 10)).status, 201);
  expect_served();
}

// `ulimit -v` before the start: the journal's map is the largest that there is room for.
TEST_F(FullDisk, StartsWithinALimitOfMemory) {
  bool started = false;
  for (rlim_t mib = 64; !started && mib <= 4096; mib *= 2) {
    SCOPED_TRACE(mib);
    Process serve({"prlimit", "--as=" + std::to_string(mib * kMiB), SMSLAB_BINARY, "serve", "--data", folder_ / "data",
                   "--mp", "127.0.0.1:0", "--control", "127.0.0.1:0", "--dp", "127.0.0.1:0"},
                  folder_.path(), "serve");
    started = !serve.first_line().empty();
    if (started) serve.signal(SIGTERM);
    const Finished finished = serve.wait();
    EXPECT_TRUE(started ? finished.exit_status == 0 : finished.exit_status == 1 || finished.exit_status == 127)
        << finished.exit_status;
    EXPECT_EQ(finished.err.empty(), started) << finished.err;
  }
  EXPECT_TRUE(started);
}
#endif

}  // namespace
}  // namespace smslab::test
