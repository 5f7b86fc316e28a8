// Labs side by side in one process: nothing of one is seen in another, they are kept, and what is refused leaves
// nothing.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <functional>
#include <thread>

#include "proto/base/uri.h"
#include "proto/codec/json.h"
#include "proto/control/client.h"
#include "proto/schema/journal.pb.h"
#include "proto/schema/lab.pb.h"
#include "tests/support/http_probe.h"
#include "tests/support/lab.h"

namespace smslab::test {
namespace {
namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::Not;

const char kFile[] = "/SMS_DP_SMSPKG$/LON00001/a.txt";
const char kMpList[] = "/SMS_MP/.sms_aut?mplist";

HttpProbe::Reply ask(const std::string& url, const std::string& target) {
  return HttpProbe(parse_url(url, "url")->at).ask("GET", target, "Connection: close\r\n");
}
bool refuses(const std::string& url) { return !HttpProbe(parse_url(url, "url")->at).connected(); }

class Labs : public testing::Test {
 protected:
  v1::Lab make(const std::string& name, std::vector<std::string> arguments = {}) const {
    arguments.insert(arguments.begin(), {"lab", "create", name});
    return lab_.json<v1::Lab>(std::move(arguments));
  }
  std::string in(const std::string& name, std::vector<std::string> arguments) const {
    arguments.insert(arguments.begin(), {"--lab", name});
    return lab_.must(std::move(arguments));
  }
  std::string data_of(const std::string& name) const {
    return name == "default" ? lab_.data() : lab_.data() + "/labs/" + name;
  }
  v1::Lab found(const std::string& name) const {
    if (name != "default") return lab_.json<v1::Lab>({"lab", "show", name});
    v1::Lab whole;
    whole.set_mp(lab_.mp());
    *whole.mutable_dps() = lab_.ready().dps();
    return whole;
  }
  std::string dp_of(const std::string& name) const { return found(name).dps().at("LON-DCSMS-01"); }
  // A package whose only file says `bytes`.
  void put_package(const std::string& name, const std::string& bytes) const {
    const std::string source = lab_.folder() + "/source/" + name;
    write(source + "/a.txt", bytes);
    in(name, {"package", "create", "LON00001", "--name", "Tools", "--source", source, "--program", "Install=a.exe"});
    in(name, {"package", "distribute", "LON00001", "--dp", "LON-DCSMS-01", "--wait"});
  }
  std::string labs() const { return lab_.must({"lab", "list", "--json"}); }

  Lab lab_{{"--clock", "2026-11-21T20:00:00Z"}};
};

// ---- nothing of one is seen in another

struct Matter {
  std::string name;
  std::vector<std::vector<std::string>> change;  // verbs, in one lab
  std::vector<std::string> look;                 // a verb, in all
};

TEST_F(Labs, WhatIsChangedInOneIsChangedInNoOther) {
  const std::string clock = "2026-11-21T20:00:00Z";
  const std::vector<std::string> names = {"A", "B", "default"};
  make("A", {"--clock", clock});
  make("B", {"--clock", clock});
  for (const auto& name : names) put_package(name, "the same");
  const std::vector<Matter> matters = {
      {"client", {{"client", "create", "PC1"}}, {"client", "list", "--json"}},
      {"collection", {{"collection", "create", "Some", "--member", "PC1"}}, {"collection", "list", "--json"}},
      {"advert",
       {{"advert", "create", "LON20000", "--package", "LON00001", "--program", "Install", "--collection", "Some"}},
       {"advert", "list", "--json"}},
      {"program",
       {{"program", "create", "LON00001", "--name", "More", "--command", "b.exe"}},
       {"program", "list", "LON00001", "--json"}},
      {"settings", {{"site", "set", "--retries", "7"}}, {"site", "show", "--json"}},
      {"boundary", {{"boundary", "create", "Here", "--subnet", "127.0.0.0/8"}}, {"boundary", "list", "--json"}},
      {"distribution point", {{"dp", "set", "LON-DCSMS-01", "--protected", "on"}}, {"dp", "show", "LON-DCSMS-01"}},
      {"status", {{"package", "refresh", "LON00001", "--dp", "LON-DCSMS-01", "--wait"}}, {"status"}},
      {"fault",
       {{"fault", "add", R"({"match":{"route":"content"},"status":{"code":503}})"}},
       {"fault", "list", "--json"}},
      {"clock", {{"clock", "advance", "1h"}}, {"clock", "show", "--json"}},
      {"package", {{"package", "set", "LON00001", "--name", "Others"}}, {"package", "show", "LON00001"}},
      {"everything", {{"reset"}}, {"package", "list", "--json"}},
  };
  for (const Matter& matter : matters) {
    std::map<std::string, std::string> before;
    for (const auto& name : names) before[name] = in(name, matter.look);
    for (const auto& verb : matter.change) in("A", verb);
    EXPECT_NE(in("A", matter.look), before["A"]) << matter.name;
    EXPECT_EQ(in("B", matter.look), before["B"]) << matter.name;
    EXPECT_EQ(in("default", matter.look), before["default"]) << matter.name;
  }
  EXPECT_EQ(ask(dp_of("A"), kFile).status, 404) << "after its reset";
  EXPECT_EQ(ask(dp_of("B"), kFile).body, "the same");
  EXPECT_EQ(ask(dp_of("default"), kFile).body, "the same");
}

TEST_F(Labs, ClientsOfOneAreServedAndRememberedThere) {
  make("A", {"--clock", "2001-01-01T00:00:00Z"});
  make("B", {"--clock", "2002-02-02T00:00:00Z"});
  for (const std::string name : {"A", "B", "default"}) put_package(name, "bytes of " + name);
  in("A", {"fault", "add", R"({"match":{"route":"content"},"when":{"nth":"2"},"status":{"code":503}})"});

  for (const std::string name : {"A", "B", "default"}) {
    const auto first = ask(dp_of(name), kFile);
    EXPECT_EQ(first.body, "bytes of " + name);
    EXPECT_EQ(ask(dp_of(name), kFile).status, name == "A" ? 503 : 200) << name;
  }
  EXPECT_EQ(ask(dp_of("A"), kFile).field("Date"), "Mon, 01 Jan 2001 00:00:00 GMT");
  EXPECT_EQ(ask(found("A").mp(), kMpList).field("Date"), "Mon, 01 Jan 2001 00:00:00 GMT");
  EXPECT_EQ(ask(found("B").mp(), kMpList).field("Date"), "Sat, 02 Feb 2002 00:00:00 GMT");
  EXPECT_EQ(ask(lab_.mp(), kMpList).field("Date"), "Sat, 21 Nov 2026 20:00:00 GMT");
  EXPECT_EQ(in("A", {"journal", "count"}), "4\n");
  EXPECT_EQ(in("B", {"journal", "count"}), "3\n");
  EXPECT_EQ(in("default", {"journal", "count"}), "3\n");

  EXPECT_EQ(run({SMSLAB_CLIENT_BINARY, "run", "--mp", found("A").mp(), "--name", "PC-A", "--dir",
                 lab_.folder() + "/PC-A", "--clock", "2001-01-01T00:00:00Z"},
                lab_.folder())
                .exit_status,
            0);
  EXPECT_THAT(in("A", {"client", "list"}), HasSubstr("PC-A"));
  EXPECT_THAT(read(data_of("A") + "/logs/MP_RegistrationManager.log"), HasSubstr("01-01-2001"));
  for (const std::string name : {"B", "default"}) {
    EXPECT_THAT(in(name, {"client", "list"}), Not(HasSubstr("PC-A")));
    EXPECT_EQ(in(name, {"journal", "count", "--client", "PC-A"}), "0\n");
    EXPECT_FALSE(fs::exists(data_of(name) + "/logs/MP_RegistrationManager.log") &&
                 !read(data_of(name) + "/logs/MP_RegistrationManager.log").empty())
        << name;
  }
  in("A", {"journal", "clear"});
  EXPECT_EQ(in("A", {"journal", "count"}), "0\n");
  EXPECT_EQ(in("B", {"journal", "count"}), "3\n");
}

TEST_F(Labs, DamageIsOfOneLabsCopy) {
  make("A");
  for (const std::string name : {"A", "default"}) put_package(name, "the very same bytes");
  in("A", {"fault", "add", R"({"match":{"dp":"LON-DCSMS-01","package":"LON00001","file":"a.txt"},"corrupt":{}})"});
  EXPECT_NE(ask(dp_of("A"), kFile).body, "the very same bytes");
  EXPECT_EQ(ask(dp_of("default"), kFile).body, "the very same bytes");
  in("A", {"package", "refresh", "LON00001", "--dp", "LON-DCSMS-01", "--wait"});
  EXPECT_EQ(ask(dp_of("A"), kFile).body, "the very same bytes");
}

// What the default lab has, a lab keeps as the same file, as long as nothing happens to it.
TEST_F(Labs, TheSameBytesAreOnTheDiskOnceAndEachLabsOwn) {
  const std::string bytes(3'000'000, 'x');
  put_package("default", bytes);
  const auto names = [&] {
    uintmax_t count = 0;
    for (const auto& entry : fs::recursive_directory_iterator(lab_.data() + "/site/blobs")) {
      if (entry.is_regular_file()) count += fs::hard_link_count(entry.path());
    }
    return count;
  };
  EXPECT_EQ(names(), 1u);
  make("A");
  put_package("A", bytes);
  make("B");
  put_package("B", bytes);
  EXPECT_EQ(names(), 5u) << "the sites' copies, and the two labs' distribution points'";
  in("A", {"fault", "add", R"({"match":{"dp":"LON-DCSMS-01","package":"LON00001","file":"a.txt"},"corrupt":{}})"});
  const auto served = [&](const std::string& name) { return ask(dp_of(name), kFile).body == bytes; };
  EXPECT_FALSE(served("A"));
  EXPECT_TRUE(served("B"));
  EXPECT_TRUE(served("default"));
  write(lab_.folder() + "/source/B/a.txt", std::string(3'000'000, 'y'));
  in("B", {"package", "update", "LON00001", "--wait"});
  EXPECT_FALSE(served("B"));
  EXPECT_TRUE(served("default"));
  lab_.must({"package", "delete", "LON00001"});
  in("A", {"package", "refresh", "LON00001", "--dp", "LON-DCSMS-01", "--wait"});
  EXPECT_TRUE(served("A")) << "what the default lab let go of";
  lab_.must({"lab", "delete", "A"});
  lab_.stop();
  EXPECT_EQ(run({SMSLAB_BINARY, "fsck", "--data", lab_.data()}, lab_.folder()).exit_status, 0);
}

// What looks random is a lab's own too: two of one seed tell the same, to the byte, and one of another seed does not.
TEST_F(Labs, TheSeedIsTheLabs) {
  const auto day = [&](const std::string& name, const std::string& seed) {
    const v1::Lab lab = make(name, {"--clock", "2007-10-25T20:00:00Z", "--seed", seed});
    put_package(name, "the same");
    in(name, {"fault", "add", R"({"match":{"route":"content"},"when":{"probability":0.5},"status":{"code":503}})"});
    for (int i = 0; i < 40; i++) ask(dp_of(name), kFile);
    return in(name, {"transcript"});
  };
  const std::string told = day("A", "7");
  EXPECT_EQ(day("B", "7"), told);
  EXPECT_NE(day("C", "8"), told);
  EXPECT_THAT(told, HasSubstr("503"));
}

// ---- they are kept

TEST_F(Labs, AreThereAgainAtTheSamePlaceAfterAStopAndAfterAKill) {
  write(lab_.folder() + "/tools/a.txt", "of the scenario");
  write(lab_.folder() + "/site.yaml",
        "site: AST\npackages: [{id: AST00001, name: Tools, source: tools, dps: [AST-DP-01]}]\ndps: [{name: "
        "AST-DP-01}]\n");
  // At an address that no connection comes from: a free port of 127.0.0.1 may be a client's while the lab is away.
  make("A", {"--clock", "2001-01-01T00:00:00Z", "--seed", "9", "--profile", "2003", "--mp", "127.0.0.8:0", "--dp",
             "LON-DCSMS-01=127.0.0.8:0"});
  make("S", {"--scenario", lab_.folder() + "/site.yaml", "--mp", "127.0.0.8:0", "--dp", "AST-DP-01=127.0.0.8:0"});
  put_package("A", "kept");
  in("A", {"fault", "add", R"({"match":{"route":"content"},"when":{"nth":"2"},"status":{"code":503}})"});
  in("S", {"collection", "create", "Later"});
  v1::LabList before;
  ASSERT_TRUE(codec::from_json(labs(), &before).ok());
  for (const bool killed : {false, true}) {
    if (killed) {
      lab_.kill();
    } else {
      EXPECT_EQ(lab_.stop(), 0);
    }
    lab_.restart({"--clock", "2026-11-21T20:00:00Z"});
    v1::LabList after;
    ASSERT_TRUE(codec::from_json(labs(), &after).ok());
    ASSERT_EQ(after.labs_size(), 2);
    for (int i = 0; i < 2; i++) {
      EXPECT_EQ(after.labs(i).mp(), before.labs(i).mp());
      EXPECT_EQ(codec::to_json(after.labs(i)).find("problem\":\"\"") == std::string::npos, false)
          << after.labs(i).problem();
      for (const auto& [name, url] : before.labs(i).dps()) EXPECT_EQ(after.labs(i).dps().at(name), url);
    }
    EXPECT_EQ(after.labs(0).profile(), "2003");
    EXPECT_EQ(after.labs(0).seed(), 9u);
    EXPECT_EQ(ask(dp_of("A"), kFile).body, "kept");
    EXPECT_EQ(ask(dp_of("A"), kFile).status, 503);
    EXPECT_EQ(ask(dp_of("A"), kFile).field("Date"), "Mon, 01 Jan 2001 00:00:00 GMT");
    EXPECT_THAT(in("S", {"collection", "list"}), HasSubstr("Later"));
    EXPECT_THAT(in("S", {"package", "list"}), HasSubstr("AST00001"));
  }
  in("S", {"reset", "--wait"});
  EXPECT_THAT(in("S", {"collection", "list"}), Not(HasSubstr("Later")));
  EXPECT_EQ(ask(found("S").dps().at("AST-DP-01"), "/SMS_DP_SMSPKG$/AST00001/a.txt").body, "of the scenario");
  EXPECT_EQ(ask(dp_of("A"), kFile).body, "kept");
  EXPECT_THAT(lab_.must({"lab", "list"}), HasSubstr("2001-01-01"));
  EXPECT_EQ(lab_.stop(), 0);
  EXPECT_EQ(run({SMSLAB_BINARY, "fsck", "--data", lab_.data()}, lab_.folder()).exit_status, 0);
}

// Kills in the middle of making and deleting: afterwards each lab is there and serves, or nothing of it is.
TEST_F(Labs, AKillLeavesAWholeLabOrNone) {
  for (int round = 0; round < 3; round++) {
    std::atomic<bool> over = false;
    std::atomic<int> done = 0;
    std::vector<std::thread> makers;
    for (int i = 0; i < 3; i++) {
      makers.emplace_back([&, name = "K" + std::to_string(i)] {
        control::HttpClient http({.base = lab_.ready().control(), .token = {}, .bind = {}});
        v1::LabOrder order;
        order.set_name(name);
        while (!over) {
          (void)http.call("POST", "/api/v1/labs", &order, nullptr);
          done++;
          (void)http.call("DELETE", "/api/v1/labs/" + name, nullptr, nullptr);
        }
      });
    }
    while (done < 4 + round) std::this_thread::yield();
    lab_.kill();
    over = true;
    for (auto& maker : makers) maker.join();
    lab_.restart();
    v1::LabList all;
    ASSERT_TRUE(codec::from_json(labs(), &all).ok());
    std::set<std::string> listed, kept;
    for (const auto& lab : all.labs()) {
      listed.insert(lab.name());
      EXPECT_EQ(lab.problem(), "");
      EXPECT_EQ(ask(lab.mp(), kMpList).status, 200) << lab.name();
    }
    if (fs::exists(lab_.data() + "/labs")) {
      for (const auto& entry : fs::directory_iterator(lab_.data() + "/labs")) kept.insert(entry.path().filename());
    }
    EXPECT_EQ(listed, kept);
    for (const auto& name : listed) lab_.must({"lab", "delete", name});
    EXPECT_EQ(listing(lab_.data() + "/labs"), "");
  }
}

TEST_F(Labs, OneWhosePortIsTakenSaysSoAndHoldsUpNobody) {
  const v1::Lab a = make("A"), b = make("B");
  EXPECT_EQ(lab_.stop(), 0);
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_port = htons(parse_url(a.mp(), "url")->at.port);
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  ASSERT_EQ(::bind(fd, reinterpret_cast<const sockaddr*>(&at), sizeof at), 0);
  ASSERT_EQ(::listen(fd, 1), 0);
  lab_.restart();
  EXPECT_EQ(ask(b.mp(), kMpList).status, 200);
  EXPECT_EQ(ask(lab_.mp(), kMpList).status, 200);
  EXPECT_THAT(found("A").problem(), HasSubstr("is taken"));
  const Finished verb = lab_.cli({"--lab", "A", "package", "list"});
  EXPECT_EQ(verb.exit_status, 1);
  EXPECT_THAT(verb.err, HasSubstr("smslab lab delete A"));
  EXPECT_EQ(lab_.stop(), 0);
  ::close(fd);
  lab_.restart();
  EXPECT_EQ(found("A").problem(), "");
  EXPECT_EQ(ask(a.mp(), kMpList).status, 200);
}

// ---- they go

TEST_F(Labs, DeletedNothingIsLeftOfOne) {
  const std::string before = listing(lab_.data() + "/labs");
  const v1::Lab a = make("A"), b = make("B");
  put_package("A", std::string(3'000'000, 'x'));
  put_package("B", "stays");
  in("A",
     {"fault", "add",
      R"({"match":{"route":"content"},"limitData":{"bytes":"100","in":"BODY","end":"STALL"},"when":{"nth":"1"}})"});
  HttpProbe stalled(parse_url(dp_of("A"), "url")->at), deaf(parse_url(dp_of("A"), "url")->at),
      idle(parse_url(a.mp(), "url")->at);
  stalled.send("GET " + std::string(kFile) + " HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_EQ(idle.ask("GET", kMpList).status, 200);
  in("A", {"journal", "wait", "--file", "a.txt", "--timeout", "20s"});
  deaf.send("GET " + std::string(kFile) + " HTTP/1.1\r\nHost: a\r\n\r\n");  // and never reads
  HttpProbe waiting(parse_url(a.control(), "url")->at);
  waiting.send("GET /labs/A/api/v1/journal/wait?file=never&wait_ms=60000 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n");
  lab_.must({"lab", "delete", "A"});
  const auto answer = waiting.read_reply();
  EXPECT_EQ(answer.status, 503) << "long before its time";
  EXPECT_THAT(answer.body, HasSubstr("the lab stops"));
  EXPECT_TRUE(idle.at_end());
  stalled.read_rest();
  EXPECT_TRUE(refuses(a.mp()));
  EXPECT_TRUE(refuses(a.dps().at("LON-DCSMS-01")));
  EXPECT_FALSE(fs::exists(data_of("A")));
  EXPECT_THAT(labs(), Not(HasSubstr("\"A\"")));
  EXPECT_EQ(lab_.cli({"--lab", "A", "package", "list"}).exit_status, 1);
  EXPECT_EQ(ask(dp_of("B"), kFile).body, "stays");
  // Name and ports are free again.
  const std::string mp = a.mp().substr(std::string("http://").size());
  const std::string dp = a.dps().at("LON-DCSMS-01").substr(std::string("http://").size());
  EXPECT_EQ(make("A", {"--mp", mp, "--dp", dp}).mp(), a.mp());
  EXPECT_EQ(ask(dp_of("A"), kFile).status, 404) << "a new one";
  EXPECT_EQ(in("A", {"journal", "count"}), "1\n");
  lab_.must({"lab", "delete", "A"});
  lab_.must({"lab", "delete", "B"});
  EXPECT_EQ(listing(lab_.data() + "/labs"), before);
}

// ---- what is refused leaves nothing

TEST_F(Labs, WhatIsRefusedSaysWhyAndLeavesNothing) {
  const v1::Lab a = make("A");
  const std::string taken = lab_.mp().substr(std::string("http://").size());
  write(lab_.folder() + "/bad.yaml",
        "packages:\n  - {id: LON00001, name: Tools, source: nowhere}\n  - {id: nonsense}\n");
  write(lab_.folder() + "/form.yaml", "packages: [{id: LON00001, colour: red}]\n");
  struct Refusal {
    std::vector<std::string> arguments;
    std::string says;
  };
  const std::vector<Refusal> refusals = {
      {{"A"}, "there is a lab A already"},
      {{"../B"}, "not a lab's name"},
      {{".."}, "not a lab's name"},
      {{"B/C"}, "not a lab's name"},
      {{".B"}, "not a lab's name"},
      {{""}, "not a lab's name"},
      {{"B C"}, "not a lab's name"},
      {{std::string(64, 'B')}, "not a lab's name"},
      {{"default"}, "take another name"},
      {{"B", "--site", "LONDON"}, "not a site code"},
      {{"B", "--clock", "yesterday"}, "'yesterday' is not a time"},
      {{"B", "--profile", "1999"}, "1999"},
      {{"B", "--mp", "nonsense"}, "nonsense"},
      {{"B", "--mp", taken}, "is taken"},
      {{"B", "--dp", taken}, "is taken"},
      {{"B", "--mp", "203.0.113.1:0"}, "not an address of this machine"},
      {{"B", "--dp", "X=127.0.0.1:0", "--dp", "X=127.0.0.1:0"}, "two distribution points are named X"},
      {{"B", "--dp", "../X=127.0.0.1:0"}, "../X"},
      {{"B", "--scenario", lab_.folder() + "/none.yaml"}, "none.yaml"},
      {{"B", "--scenario", lab_.folder() + "/bad.yaml"}, "no lab was made"},
      {{"B", "--scenario", lab_.folder() + "/form.yaml"}, "no lab was made"},
  };
  const std::string folders = listing(lab_.data() + "/labs"), list = labs();
  for (const Refusal& refusal : refusals) {
    std::vector<std::string> arguments = {"lab", "create"};
    arguments.insert(arguments.end(), refusal.arguments.begin(), refusal.arguments.end());
    const Finished finished = lab_.cli(arguments);
    EXPECT_EQ(finished.exit_status, 1) << refusal.arguments.back();
    EXPECT_THAT(finished.err, HasSubstr(refusal.says));
    EXPECT_EQ(listing(lab_.data() + "/labs"), folders) << refusal.arguments.back();
    EXPECT_EQ(labs(), list) << refusal.arguments.back();
  }
  // A scenario's errors are those of `scenario validate`, line by line.
  for (const std::string file : {"/bad.yaml", "/form.yaml"}) {
    const std::string made = lab_.cli({"lab", "create", "B", "--scenario", lab_.folder() + file}).err;
    const std::string validated = lab_.cli({"scenario", "validate", lab_.folder() + file}).err;
    EXPECT_EQ(made.substr(0, made.rfind("smslab:")), validated.substr(0, validated.rfind("smslab:")));
    EXPECT_THAT(made, HasSubstr(file + ":"));
  }
  for (const std::vector<std::string>& verb : std::vector<std::vector<std::string>>{{"lab", "delete", "B"},
                                                                                    {"lab", "show", "B"},
                                                                                    {"--lab", "B", "package", "list"},
                                                                                    {"--lab", "../A", "status"},
                                                                                    {"--lab", "A", "lab", "list"}}) {
    EXPECT_EQ(lab_.cli(verb).exit_status, 1) << verb.back();
  }
  EXPECT_EQ(ask(a.mp(), kMpList).status, 200);
  EXPECT_EQ(make("B").name(), "B");
}

TEST_F(Labs, ALabCanBeNamedByTheEnvironment) {
  make("A");
  in("A", {"client", "create", "PC1"});
  const auto list = [&](const std::string& lab, const std::vector<std::string>& more) {
    std::vector<std::string> command = {SMSLAB_BINARY, "client", "list"};
    command.insert(command.end(), more.begin(), more.end());
    return run(command, lab_.folder(), {"SMSLAB_CONTROL=" + lab_.ready().control(), "SMSLAB_LAB=" + lab}).out;
  };
  EXPECT_THAT(list("A", {}), HasSubstr("PC1"));
  EXPECT_THAT(list("A", {"--lab", "default"}), Not(HasSubstr("PC1")));
  EXPECT_THAT(list("", {}), Not(HasSubstr("PC1")));
  EXPECT_EQ(run({SMSLAB_BINARY, "--control", found("A").control(), "wait"}, lab_.folder()).exit_status, 0);
}
}  // namespace
}  // namespace smslab::test
