// Eight distribution points in processes of their own: one is stopped, one has a disk of 10 MB. A package of 200 MB
// reaches the others at once, and these two when they are mended, without a command. A client reads from all of them
// throughout.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <map>
#include <thread>

#include "proto/base/digest.h"
#include "proto/base/hex.h"
#include "proto/base/uri.h"
#include "proto/codec/json.h"
#include "proto/control/client.h"
#include "tests/support/lab.h"

namespace smslab::test {
namespace {
using testing::HasSubstr;
using State = v1::PackageDp;

constexpr int kDps = 8, kStopped = 3, kSmall = 6;  // by number, from 1
constexpr const char* kFull = "LON-DP-06";
constexpr const char* kAway = "LON-DP-03";

std::string name_of(int number) { return "LON-DP-0" + std::to_string(number); }

// A disk of 10 MB, seen by the DP alone and gone with it. An unprivileged user may mount one in a namespace of his own.
std::vector<std::string> under_small_disk(const std::string& folder) {
  const std::string script = "mount -t tmpfs -o size=10m tmpfs \"$0\" || exit 1; exec \"$@\"";
  return {"unshare", ::geteuid() == 0 ? "-m" : "-rm", "sh", "-c", script, folder};
}

Finished enlarge_disk(const LabDp& dp, const std::string& folder) {
  std::vector<std::string> command = {"nsenter", "--target", std::to_string(dp.pid()), "--mount"};
  if (::geteuid() != 0) command.insert(command.end(), {"--user", "--preserve-credentials"});
  command.insert(command.end(), {"mount", "-o", "remount,size=1g", dp.data()});
  return run(command, folder);
}

// A client that goes round the DPs until it is told to stop, and believes nothing but bytes.
class Auditor {
 public:
  ~Auditor() { finish(); }
  void start(const std::vector<std::string>& urls) {
    stopped_ = false;
    thread_ = std::thread([this, urls] {
      while (!stopped_) {
        for (const auto& url : urls) look_at(url);
      }
    });
  }
  void finish() {
    stopped_ = true;
    if (thread_.joinable()) thread_.join();
  }
  // After finish(): how often a version was found whole.
  const std::map<uint32_t, int>& whole() const { return whole_; }

  // The version that the DP serves, every file of it as its manifest says; 0: none, or it went while it was read.
  uint32_t look_at(const std::string& url) {
    control::HttpClient http({.base = url, .token = {}, .bind = {}});
    for (uint32_t version = 1; version <= 2; version++) {
      const std::string root = "/SMS_DP_SMSPKG$/LON00001." + std::to_string(version);
      const auto found =
          http.send({.method = "GET", .target = root + ".manifest", .fields = {{"Accept", "application/x-protobuf"}}});
      if (!found.ok() || found->status == 404) continue;
      v1::Manifest manifest;
      EXPECT_EQ(found->status, 200) << url << root;
      EXPECT_TRUE(manifest.ParseFromString(found->body)) << url << root;
      EXPECT_EQ(manifest.version(), version);
      bool all = true;
      for (const auto& file : manifest.files()) all = all && is_whole(http, url, root, file);
      if (!all) continue;
      whole_[version]++;
      return version;
    }
    return 0;
  }

 private:
  // False when the version is there no more; a file that is anything but whole is a failure.
  static bool is_whole(control::HttpClient& http, const std::string& url, const std::string& root,
                       const v1::FileEntry& file) {
    Hasher hasher(Algorithm::kSha256);
    uint64_t size = 0;
    control::HttpRequest request;
    request.target = root + "/" + percent_encode_path(file.path());
    request.sink = [&](std::string_view piece) {
      hasher.update(piece);
      size += piece.size();
      return ok_status();
    };
    const auto reply = http.send(request);
    // Only a DP that was just stopped, or has just gone on to the next version, may not give it.
    if (!reply.ok() || reply->status == 404) return false;
    EXPECT_EQ(reply->status, 200) << url << request.target;
    EXPECT_EQ(size, file.size()) << url << request.target;
    EXPECT_EQ(to_hex(hasher.finish()), file.hash().sha256()) << url << request.target;
    return true;
  }

  std::atomic<bool> stopped_ = false;
  std::map<uint32_t, int> whole_;  // the thread's
  std::thread thread_;
};

State row(const v1::Package& package, const std::string& dp) {
  for (const auto& each : package.dps()) {
    if (each.dp() == dp) return each;
  }
  return {};
}

uint64_t last_message(const Lab& lab) {
  const auto list = lab.json<v1::StatusMessageList>({"status", "--package", "LON00001"});
  return list.status_messages().rbegin()->id();
}

// What was said of LON00001 after a message: of each DP by its name, and under "" of the package as a whole.
std::map<std::string, std::string> ladders(const Lab& lab, uint64_t after) {
  std::map<std::string, std::string> ids;
  const auto list = lab.json<v1::StatusMessageList>({"status", "--package", "LON00001"});
  for (const auto& message : list.status_messages()) {
    if (message.id() <= after) continue;
    std::string dp;
    if (const auto nal = message.attributes().find(404); nal != message.attributes().end()) {
      dp = nal->second.substr(nal->second.find(']') + 1);
      dp = dp.substr(dp.find(R"(\\)") + 2);
      dp.pop_back();
    }
    std::string& line = ids[dp];
    line += (line.empty() ? "" : " ") + std::to_string(message.message_id());
  }
  return ids;
}

TEST(EightDps, TwoInTroubleHoldUpNobodyAndConverge) {
  Lab lab({"--clock", "2026-11-21T20:00:00Z"}, Lab::Kind::kSite);
  std::map<int, std::unique_ptr<LabDp>> dps;
  std::vector<std::string> urls, distribute = {"package", "distribute", "LON00001", "--wait", "--dp"};
  for (int n = 1; n <= kDps; n++) {
    const std::string folder = lab.folder() + "/" + name_of(n);
    std::filesystem::create_directories(folder);
    const auto under = n == kSmall ? under_small_disk(folder) : std::vector<std::string>();
    dps[n] = std::make_unique<LabDp>(lab, name_of(n), "127.0.0." + std::to_string(n + 1), under);
    ASSERT_FALSE(testing::Test::HasFailure()) << "a mount of its own is needed for " << kFull;
    urls.push_back(dps[n]->url());
    distribute.push_back(name_of(n));
  }
  // Version 1 fits everywhere.
  const std::string source = lab.folder() + "/source";
  write(source + "/setup.exe", std::string(1 << 20, 'x') + "1");
  write(source + "/readme.txt", "first\n");
  lab.must({"package", "create", "LON00001", "--name", "Big", "--source", source});
  lab.must(distribute);
  Auditor auditor;
  for (const auto& url : urls) ASSERT_EQ(auditor.look_at(url), 1u);

  const std::string at = dps[kStopped]->url().substr(7);
  dps[kStopped]->kill();
  auditor.start(urls);
  for (int n = 0; n < 20; n++) {
    write(source + "/data/" + std::to_string(n), std::string(10'000'000, static_cast<char>('a' + n)));
  }
  write(source + "/readme.txt", "second\n");
  const uint64_t before = last_message(lab);
  lab.must({"package", "update", "LON00001"});
  // With the lab's clock where it was: all but two.
  const v1::Package now = lab.wait_package("LON00001", [](const v1::Package& package) {
    int installed = 0;
    for (const auto& each : package.dps()) installed += each.state() == State::INSTALLED && each.version() == 2;
    return installed == kDps - 2 && !package.pass_open();
  });
  const State away = row(now, kAway), full = row(now, kFull);
  EXPECT_EQ(away.state(), State::INSTALL_RETRYING);
  EXPECT_EQ(away.win32_error(), 53u);
  EXPECT_THAT(away.last_error(), HasSubstr("cannot connect"));
  EXPECT_EQ(full.state(), State::INSTALL_RETRYING);
  EXPECT_EQ(full.win32_error(), 112u);
  EXPECT_THAT(full.last_error(), HasSubstr("not enough space on the disk"));
  EXPECT_EQ(full.version(), 1u);
  auto said = ladders(lab, before);
  EXPECT_EQ(said[""], "2300 2311 2302") << "of the package as a whole";
  EXPECT_EQ(said[kAway], "2342") << "2328 is only of one that answered";
  EXPECT_EQ(said[kFull], "2342 2328");
  for (int n = 1; n <= kDps; n++) {
    if (n == kStopped || n == kSmall) continue;
    EXPECT_EQ(said[name_of(n)], "2342 2329 2330") << name_of(n);
  }
  EXPECT_TRUE(dps[kSmall]->serves()) << dps[kSmall]->log();

  // Mended: nothing but time passes.
  const Finished enlarged = enlarge_disk(*dps[kSmall], lab.folder());
  ASSERT_EQ(enlarged.exit_status, 0) << enlarged.err;
  dps[kStopped]->start({"--dp", at});
  lab.must({"clock", "advance", "1h"});
  lab.wait_package("LON00001", [](const v1::Package& package) {
    int installed = 0;
    for (const auto& each : package.dps()) installed += each.state() == State::INSTALLED && each.version() == 2;
    return installed == kDps && !package.pass_open();
  });
  auditor.finish();
  for (const auto& url : urls) EXPECT_EQ(auditor.look_at(url), 2u) << url;
  EXPECT_GT(auditor.whole().at(1), kDps) << "it looked while the old version was served";
  EXPECT_THAT(lab.ladder({"--package", "LON00001"}), testing::EndsWith(" 2301"));
  for (auto& [n, dp] : dps) EXPECT_EQ(dp->stop(), 0);
  EXPECT_EQ(lab.stop(), 0);
}

// The index and the blobs share the full disk.
TEST(EightDps, AFullDiskKillsNothing) {
  Lab lab({"--clock", "2026-11-21T20:00:00Z"}, Lab::Kind::kSite);
  std::filesystem::create_directories(lab.folder() + "/" + kFull);
  LabDp dp(lab, kFull, "127.0.0.2", under_small_disk(lab.folder() + "/" + kFull));
  for (const auto& [id, files] : std::map<std::string, int>{{"LON00001", 40}, {"LON00002", 30}}) {
    const std::string source = lab.folder() + "/" + id;
    for (int n = 0; n < files; n++) write(source + "/" + std::to_string(n), id + std::string(100'000 + n, 'x'));
    lab.must({"package", "create", id, "--name", id, "--source", source});
  }
  lab.must({"package", "distribute", "LON00001", "--dp", kFull, "--wait"});
  // Somebody else fills what is left, to the last byte.
  const std::string filler = "nsenter --target " + std::to_string(dp.pid()) + " --mount " +
                             (::geteuid() == 0 ? "" : "--user --preserve-credentials ") + "sh -c 'cat /dev/zero > " +
                             dp.data() + "/filler'";
  EXPECT_NE(run({"sh", "-c", filler}, lab.folder()).exit_status, 0) << "the disk has an end";
  const auto retrying = [&] {
    return row(lab.wait_package("LON00002",
                                [](const v1::Package& package) {
                                  return package.dps(0).state() == State::INSTALL_RETRYING && !package.pass_open();
                                }),
               kFull);
  };
  lab.must({"package", "distribute", "LON00002", "--dp", kFull});
  EXPECT_EQ(retrying().win32_error(), 112u);
  ASSERT_TRUE(dp.serves()) << dp.log();
  // It serves what it has, to many at once, and takes a removal, which makes the room.
  Auditor auditor;
  EXPECT_EQ(auditor.look_at(dp.url()), 1u);
  {
    std::vector<std::thread> clients;
    for (int n = 0; n < 32; n++) clients.emplace_back([&] { Auditor().look_at(dp.url()); });
    for (auto& client : clients) client.join();
  }
  ASSERT_TRUE(dp.serves()) << dp.log();
  lab.must({"package", "remove", "LON00001", "--dp", kFull, "--wait"});
  lab.must({"clock", "advance", "1h"});
  const v1::Package there = lab.wait_package("LON00002", [](const v1::Package& package) {
    return package.dps(0).state() == State::INSTALLED && !package.pass_open();
  });
  EXPECT_EQ(row(there, kFull).version(), 1u);
  EXPECT_EQ(dp.stop(), 0);
}

}  // namespace
}  // namespace smslab::test
