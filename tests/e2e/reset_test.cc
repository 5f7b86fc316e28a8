// `smslab reset`: under clients that download, under readers that wait, with distribution points of their own, and with
// a kill -9 in the middle of it; and the same of `scenario apply`, which is the other half of it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <atomic>
#include <filesystem>
#include <functional>
#include <map>
#include <set>
#include <string_view>
#include <thread>

#include "proto/control/client.h"
#include "proto/fault/effects.h"
#include "proto/schema/scenario.pb.h"
#include "tests/support/lab.h"
#include "tests/support/tls_probe.h"

namespace smslab::test {
namespace {
namespace fs = std::filesystem;
using testing::HasSubstr;

const char kDps[] = R"(dps:
  - {name: LON-DP-01, protected: true, boundaries: [Here]}
  - {name: LON-DP-02}
settings:
  boundaries: [{name: Here, subnet: 127.0.0.0/8}]
)";
const char kSite[] = R"(packages:
  - {id: LON00001, name: Tools, source: tools, dps: [LON-DP-01, LON-DP-02],
     programs: [{name: Install, commandLine: setup.exe}]}
collections: [{name: All, members: [PC1]}]
adverts: [{id: LON20000, package: LON00001, program: Install, collection: All, download: true}]
)";
const std::vector<std::string> kFiles = {"a.bin", "sub/b.bin", "z.bin"};

std::string get(const std::string& dp, const std::string& path) {
  control::HttpClient http({.base = dp, .token = {}, .bind = {}});
  const auto reply = http.send({.method = "GET", .target = path});
  if (!reply.ok()) return "";
  return reply->status == 200 ? reply->body : std::to_string(reply->status);
}

class Reset : public testing::Test {
 protected:
  Reset() { write(folder_ / "site.yaml", std::string(kDps) + kSite); }

  // The package's source, each file of which says which one it is from end to end.
  void write_source(int generation, size_t bytes = 400'000) {
    for (const auto& file : kFiles) write(folder_ / "tools/" + file, content(generation, bytes));
  }
  static std::string content(int generation, size_t bytes) {
    const std::string word = std::to_string(generation) + ";";
    std::string out = word;
    while (out.size() < bytes) out += out;
    out.resize(bytes / word.size() * word.size());
    return out;
  }
  // 0: not whole.
  static int generation_of(std::string_view bytes) {
    const size_t word = bytes.substr(0, 10).find(';') + 1;
    if (word == 0 || bytes.size() % word != 0) return 0;
    const bool repeated = bytes.substr(word) == bytes.substr(0, bytes.size() - word);
    return repeated ? std::atoi(std::string(bytes.substr(0, word)).c_str()) : 0;
  }
  std::vector<std::string> start() const {
    return {"--scenario", folder_ / "site.yaml", "--clock", "2026-11-21T20:00:00Z"};
  }
  static void wait_installed(const Lab& lab) {
    lab.wait_package("LON00001", [](const v1::Package& package) {
      return !package.pass_open() &&
             std::ranges::all_of(package.dps(), [](const auto& dp) { return dp.state() == v1::PackageDp::INSTALLED; });
    });
  }
  static void expect_holds(const std::string& dp, int generation) {
    for (const auto& file : kFiles) {
      EXPECT_EQ(generation_of(get(dp, "/SMS_DP_SMSPKG$/LON00001/" + file)), generation) << dp << file;
    }
  }

  TempFolder folder_;
};

// Reads a package from DPs over and over. What it gets is whole, and of one source as long as the manifest is the same.
class Reader {
 public:
  using GenerationOf = std::function<int(const std::string&)>;
  Reader(std::vector<std::string> dps, GenerationOf generation_of)
      : dps_(std::move(dps)), generation_of_(std::move(generation_of)), thread_([this] { run(); }) {}
  ~Reader() { finish(); }
  std::set<int> finish() {
    stopped_ = true;
    if (thread_.joinable()) thread_.join();
    return seen_;
  }
  int rounds() const { return rounds_; }

 private:
  void run() {
    while (!stopped_) {
      for (const auto& dp : dps_) look_at(dp);
      rounds_++;
    }
  }
  void look_at(const std::string& dp) {
    const std::string root = "/SMS_DP_SMSPKG$/LON00001.1";
    const std::string before = get(dp, root + ".manifest");
    std::set<int> found;
    for (const auto& file : kFiles) {
      const std::string bytes = get(dp, root + "/" + file);
      if (bytes == "404") return;  // it has just gone
      found.insert(generation_of_(bytes));
    }
    EXPECT_FALSE(found.contains(0)) << "a file that is not whole on " << dp;
    if (get(dp, root + ".manifest") != before) return;
    EXPECT_EQ(found.size(), 1u) << "a mixture on " << dp;
    seen_.insert(found.begin(), found.end());
  }

  const std::vector<std::string> dps_;
  const GenerationOf generation_of_;
  std::atomic<bool> stopped_ = false;
  std::atomic<int> rounds_ = 0;
  std::set<int> seen_;  // the thread's
  std::thread thread_;
};

TEST_F(Reset, WhoDownloadsGetsTheOldOrTheNewAndNothingElse) {
  write_source(1);
  Lab lab(start());
  wait_installed(lab);
  Reader reader({lab.dp("LON-DP-01"), lab.dp("LON-DP-02")}, generation_of);
  for (int generation = 2; generation <= 5; generation++) {
    const int rounds = reader.rounds();
    while (reader.rounds() < rounds + 2) std::this_thread::yield();
    lab.must({"package", "delete", "LON00001"});
    write_source(generation, 400'000 + static_cast<size_t>(generation) * 1000);
    EXPECT_THAT(lab.must({"reset", "--wait"}), HasSubstr("site LON: 1 package, 1 collection, 1 advert"));
    expect_holds(lab.dp("LON-DP-01"), generation);
    expect_holds(lab.dp("LON-DP-02"), generation);
  }
  // Also in the middle of a distribution, and of a client's whole day.
  for (int generation = 6; generation <= 8; generation++) {
    write_source(generation, 5'000'000);
    lab.must({"package", "update", "LON00001"});
    lab.must({"reset", "--wait"});
    expect_holds(lab.dp("LON-DP-01"), generation);
  }
  EXPECT_GE(reader.finish().size(), 2u);
  EXPECT_EQ(lab.client("PC1").exit_status, 0);
  EXPECT_EQ(lab.stop(), 0);
  EXPECT_EQ(lab.cli({"fsck", "--data", lab.data()}).exit_status, 0);
}

TEST_F(Reset, IsTheStartAgain) {
  write_source(1);
  Lab lab(start());
  wait_installed(lab);
  const std::string site = lab.must({"scenario", "export", "-"}), messages = lab.ladder({"--package", "LON00001"});
  lab.must({"clock", "advance", "100h"});
  lab.must({"clock", "run"});
  EXPECT_EQ(lab.client("PC1").exit_status, 0);
  lab.must({"fault", "add", R"({"match":{"dp":"LON-DP-02","package":"LON00001","file":"a.bin"},"corrupt":{}})"});
  lab.must({"collection", "create", "More"});
  lab.must({"dp", "set", "LON-DP-01", "--protected", "off"});
  lab.must({"reset", "--wait"});
  EXPECT_EQ(lab.must({"scenario", "export", "-"}), site);
  EXPECT_EQ(lab.ladder({"--package", "LON00001"}), messages);
  EXPECT_EQ(lab.json<v1::FaultList>({"fault", "list"}).faults_size(), 0);
  EXPECT_EQ(lab.json<v1::ClientList>({"client", "list"}).clients_size(), 0);
  EXPECT_EQ(lab.json<v1::DpInfo>({"dp", "show", "LON-DP-01"}).contents_size(), 1);
  const auto clock = lab.json<v1::ClockState>({"clock", "show"});
  EXPECT_TRUE(clock.frozen());
  EXPECT_THAT(lab.must({"status"}), HasSubstr("2026-11-21T20:00:00"));
  expect_holds(lab.dp("LON-DP-02"), 1);  // the damage is gone
  // It stays what it is over a restart, and a source that is gone is an error that changes nothing.
  lab.kill();
  lab.restart(start());
  EXPECT_EQ(lab.must({"scenario", "export", "-"}), site);
  fs::remove_all(folder_ / "tools");
  const Finished refused = lab.cli({"reset"});
  EXPECT_EQ(refused.exit_status, 1);
  EXPECT_THAT(refused.err, HasSubstr("[packages[0].source]"));
  EXPECT_EQ(lab.must({"scenario", "export", "-"}), site);
  expect_holds(lab.dp("LON-DP-01"), 1);
}

// A rule of every effect, each of which would be felt.
constexpr const char* kEveryFault[] = {
    R"({"match":{"dp":"LON-DP-01","package":"LON00001","file":"a.bin"},"corrupt":{}})",
    R"({"limitData":{"bytes":"1"}})",
    R"({"truncateBodyAtFraction":{"fraction":0.5}})",
    R"({"emptyResponse":{}})",
    R"({"timeout":{}})",
    R"({"resetPeer":{}})",
    R"({"randomDataThenClose":{}})",
    R"({"malformedResponseChunk":{}})",
    R"({"responseBytes":{"raw":"eA=="}})",
    R"({"latency":{"latency":"60000"}})",
    R"({"bandwidth":{"rate":"1"}})",
    R"({"slicer":{"averageSize":"1","delay":"1000"}})",
    R"({"slowClose":{"delay":"60000"}})",
    R"({"contentLengthOverride":{"missing":true}})",
    R"({"match":{"role":"DP"},"status":{"code":403}})",
    R"({"header":{"remove":["ETag"]}})",
    R"({"malformedBody":{"bytes":"1"}})",
    R"({"emptyBody":{}})",
    R"({"ignoreRange":{}})",
    R"({"forceMultipart":{}})",
    R"({"match":{"package":"LON00001","file":"a.bin"},"swapFile":{"file":"z.bin"}})",
    R"({"match":{"package":"LON00001","file":"a.bin"},"missingFile":{}})",
    R"({"match":{"package":"LON00001"},"extraFile":{"file":"x","size":"5"}})",
    R"({"match":{"package":"LON00001","file":"a.bin"},"wrongSize":{"by":"1"}})",
    R"({"emptyListing":{}})",
    R"({"hugeListing":{"entries":"5"}})",
    R"({"match":{"package":"LON00001"},"hiddenUnlisted":{}})",
    R"({"match":{"package":"LON00001"},"requestFiltering":{}})",
    R"({"match":{"package":"LON00001","file":"a.bin"},"eio":{"offset":"7"}})",
    R"({"noSpace":{}})",
    R"({"match":{"package":"LON00001"},"stale":{}})",
    R"({"match":{"package":"LON00001"},"tornRefresh":{"old":"BYTES"}})",
    R"({"match":{"dp":"LON-DP-01"},"down":{}})",
    R"({"certExpired":{}})",
    R"({"certNotYetValid":{}})",
    R"({"certWrongHost":{}})",
    R"({"certUnknownCa":{}})",
    R"({"certBadChain":{}})",
    R"({"oldTls":{}})",
    R"({"resetOnAccept":{}})",
    R"({"neverRead":{}})",
    R"({"handshakeAbort":{}})",
    R"({"assignments":{"how":"EMPTY"}})",
    R"({"policyBody":{"how":"CUT"}})",
    R"({"locations":{"how":"EMPTY"}})",
    R"({"registration":{"how":"PENDING"}})",
    R"({"refuse":{"code":503}})",
    R"({"clockSkew":{"by":"1000"}})",
};

TEST_F(Reset, LeavesNoFault) {
  write_source(1);
  write(folder_ / "tools/.hidden", "hidden\n");
  write(folder_ / "tools/bin/tool.cs", "filtered\n");
  Lab lab(start());
  wait_installed(lab);
  write(folder_ / "tools/a.bin", content(2, 400'000));
  lab.must({"package", "update", "LON00001", "--wait"});
  std::set<std::string_view> effects;
  for (const char* rule : kEveryFault) {
    const auto added = lab.json<v1::FaultRule>({"fault", "add", rule});
    effects.insert(fault::effect_of(added)->name);
  }
  EXPECT_EQ(effects.size(), fault::all_effects().size());
  write_source(1);
  lab.must({"reset", "--wait"});
  EXPECT_EQ(lab.json<v1::FaultList>({"fault", "list"}).faults_size(), 0);
  for (const char* dp : {"LON-DP-01", "LON-DP-02"}) {
    expect_holds(lab.dp(dp), 1);
    const TlsProbe tls(parse_url(lab.dp(dp), "url")->at, lab.data() + "/tls.pem");
    EXPECT_TRUE(tls.connected()) << tls.problem();
  }
  EXPECT_EQ(lab.client("PC1").exit_status, 0);
  EXPECT_EQ(lab.stop(), 0);
  EXPECT_EQ(lab.cli({"fsck", "--data", lab.data()}).exit_status, 0);
}

TEST_F(Reset, TheViewerGoesOnBehindIt) {
  Lab lab;
  lab.must({"collection", "create", "One"});
  lab.must({"collection", "create", "Two"});
  Process viewer({SMSLAB_BINARY, "status", "--data", lab.data(), "--follow"}, lab.folder(), "follow");
  const auto until = [&](const std::string& text) {
    while (viewer.out().find(text) == std::string::npos && viewer.running()) std::this_thread::yield();
    EXPECT_THAT(viewer.out(), HasSubstr(text));
  };
  until("(Two)");
  lab.must({"reset"});
  lab.must({"collection", "create", "Three"});  // its number is one that the viewer has had
  until("(Three)");
  EXPECT_THAT(viewer.err(), HasSubstr("the lab was reset; its messages begin anew"));
  viewer.signal(SIGINT);
  EXPECT_EQ(viewer.wait().exit_status, 0);
}

TEST_F(Reset, DpsInProcessesOfTheirOwnConverge) {
  Lab lab({"--clock", "2026-11-21T20:00:00Z"}, Lab::Kind::kSite);
  LabDp one(lab, "LON-DP-01", "127.0.0.2"), two(lab, "LON-DP-02", "127.0.0.3");
  write_source(1);
  const auto make = [&] {
    lab.must({"package", "create", "LON00001", "--name", "Tools", "--source", folder_ / "tools"});
    lab.must({"package", "distribute", "LON00001", "--dp", "LON-DP-01", "LON-DP-02"});
  };
  make();
  wait_installed(lab);
  lab.must({"package", "create", "LON00002", "--name", "Others", "--source", folder_ / "tools"});
  lab.must({"package", "distribute", "LON00002", "--dp", "LON-DP-02", "--wait"});
  two.kill();
  EXPECT_THAT(lab.must({"reset"}), HasSubstr("0 packages"));
  EXPECT_EQ(lab.json<v1::DpList>({"dp", "list"}).dps_size(), 2) << "they stay";
  EXPECT_EQ(lab.json<v1::DpInfo>({"dp", "show", "LON-DP-01"}).contents_size(), 0);
  // The same ID and version of other bytes; the DP that was away still has the old ones.
  write_source(2);
  make();
  two.start();
  wait_installed(lab);
  expect_holds(one.url(), 2);
  expect_holds(two.url(), 2);
  while (get(two.url(), "/SMS_DP_SMSPKG$/LON00002/a.bin") != "404") ASSERT_TRUE(two.serves());
}

// ---- kill -9
// Runs the verb and kills the lab as soon as `now` says so, or when the verb is over.
void kill_during(Lab& lab, std::vector<std::string> verb, const std::function<bool()>& now) {
  verb.insert(verb.begin(), {SMSLAB_BINARY, "--control", lab.ready().control()});
  Process process(std::move(verb), lab.folder(), "verb");
  while (process.running() && !now()) std::this_thread::yield();
  lab.kill();
  process.wait();
}

uint64_t bytes_below(const std::string& folder) {
  uint64_t bytes = 0;
  std::error_code gone;  // files are moved and removed while we look
  for (fs::recursive_directory_iterator at(folder, gone), end; !gone && at != end; at.increment(gone)) {
    std::error_code none;
    const auto size = at->is_regular_file(none) ? at->file_size(none) : 0;
    if (!none) bytes += size;
  }
  return bytes;
}

TEST_F(Reset, KilledInTheMiddleItIsTheOldSiteOrTheNew) {
  constexpr size_t kBytes = 6'000'000;
  write_source(1, kBytes);
  Lab lab(start());
  wait_installed(lab);
  // As soon as this folder holds more or less than it did.
  const auto changes = [&](const std::string& folder) -> std::function<bool()> {
    return
        [folder = lab.data() + folder, was = bytes_below(lab.data() + folder)] { return bytes_below(folder) != was; };
  };
  const auto staged = [&](uint64_t bytes) -> std::function<bool()> {
    return [folder = lab.data() + "/site/stage", bytes] { return bytes_below(folder) > bytes; };
  };
  const std::vector<std::function<std::function<bool()>()>> moments = {
      [&] { return staged(1'000'000); },      [&] { return staged(10'000'000); },
      [&] { return changes("/site/blobs"); }, [&] { return changes("/dp/LON-DP-01/blobs"); },
      [&] { return staged(~uint64_t{0}); },  // never: at the end
  };
  const auto site = [&] { return lab.must({"scenario", "export", "-"}); };
  const std::string fresh = site();
  int old_ones = 0, new_ones = 0;
  for (size_t n = 0; n < moments.size(); n++) {
    SCOPED_TRACE(n);
    const int generation = static_cast<int>(n) + 2;
    lab.must({"collection", "create", "More"});
    lab.must({"advert", "delete", "LON20000"});
    lab.must({"client", "create", "PC7"});
    const std::string mine = site(), messages = lab.must({"status", "--json"});
    const int held = generation_of(get(lab.dp("LON-DP-01"), "/SMS_DP_SMSPKG$/LON00001/a.bin"));
    ASSERT_NE(held, 0);
    write_source(generation, kBytes);
    kill_during(lab, {"reset"}, moments[n]());
    lab.restart(start());
    wait_installed(lab);
    const std::string now = site();
    const bool is_old = now == mine;
    (is_old ? old_ones : new_ones)++;
    if (is_old) {
      EXPECT_EQ(lab.must({"status", "--json"}), messages);
    } else {
      EXPECT_EQ(now, fresh);
      EXPECT_EQ(lab.json<v1::StatusMessageList>({"status"}).status_messages(0).id(), 1u);
    }
    for (const char* dp : {"LON-DP-01", "LON-DP-02"}) expect_holds(lab.dp(dp), is_old ? held : generation);
    EXPECT_EQ(listing(lab.data() + "/site/stage"), "");
    EXPECT_EQ(lab.stop(), 0);
    const Finished fsck = lab.cli({"fsck", "--data", lab.data()});
    EXPECT_EQ(fsck.exit_status, 0) << fsck.out;
    lab.restart(start());
    lab.must({"reset", "--wait"});  // and the next one is carried out
    EXPECT_EQ(site(), fresh);
  }
  EXPECT_GE(old_ones, 1);
  EXPECT_GE(new_ones, 1);
}

TEST_F(Reset, AnApplyThatIsKilledIsThereAsAWholeOrNotAtAll) {
  write(folder_ / "dps.yaml", kDps);
  write(folder_ / "more.yaml", kSite);
  write_source(1, 6'000'000);
  int applied = 0, not_applied = 0;
  for (const uint64_t staged : {uint64_t{1'000'000}, uint64_t{12'000'000}, ~uint64_t{0}}) {
    SCOPED_TRACE(staged);
    Lab lab({"--scenario", folder_ / "dps.yaml"});
    const std::string before = lab.must({"scenario", "export", "-"});
    kill_during(lab, {"scenario", "apply", folder_ / "more.yaml"},
                [&] { return bytes_below(lab.data() + "/site/stage") > staged; });
    lab.restart({"--scenario", folder_ / "dps.yaml"});
    EXPECT_EQ(listing(lab.data() + "/site/stage"), "");
    if (lab.must({"scenario", "export", "-"}) == before) {
      not_applied++;
      EXPECT_EQ(lab.json<v1::StatusMessageList>({"status"}).status_messages_size(), 0);
      EXPECT_EQ(listing(lab.data() + "/site/blobs"), "");
      lab.must({"scenario", "apply", folder_ / "more.yaml"});
    } else {
      applied++;
    }
    // Whole, either way.
    wait_installed(lab);
    for (const char* dp : {"LON-DP-01", "LON-DP-02"}) expect_holds(lab.dp(dp), 1);
    EXPECT_EQ(lab.json<v1::AdvertList>({"advert", "list"}).adverts_size(), 1);
    EXPECT_EQ(lab.json<v1::CollectionList>({"collection", "list"}).collections_size(), 2) << "and All Systems";
    EXPECT_EQ(lab.stop(), 0);
    EXPECT_EQ(lab.cli({"fsck", "--data", lab.data()}).exit_status, 0);
  }
  EXPECT_GE(not_applied, 1);
  EXPECT_GE(applied, 1);
}

}  // namespace
}  // namespace smslab::test
