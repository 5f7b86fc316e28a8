// The site and its distribution points in processes of their own, at addresses of their own.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>

#include "proto/control/client.h"
#include "proto/control/dp_secret.h"
#include "tests/support/lab.h"

namespace smslab::test {
namespace {
namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::Not;
using State = v1::PackageDp;

class Roles : public testing::Test {
 protected:
  void SetUp() override {
    write(source() + "/adminpak.msi", std::string(300'000, 'm') + "end");
    write(source() + "/Tools/read me.txt", "hello\n");
  }
  std::string source() const { return lab_.folder() + "/source"; }
  void create(const std::string& id) {
    lab_.must({"package", "create", id, "--name", "Tools " + id, "--source", source(), "--program", "Setup=setup.exe"});
  }
  Finished cli(std::vector<std::string> arguments) { return lab_.cli(std::move(arguments)); }
  // The row of a DP, once it is in this state.
  State wait_state(const std::string& id, const std::string& dp, State::State state) {
    const auto row = [&](const v1::Package& package) {
      for (const auto& each : package.dps()) {
        if (each.dp() == dp) return each;
      }
      return State();
    };
    return row(lab_.wait_package(id, [&](const v1::Package& package) {
      return row(package).state() == state && row(package).dp() == dp && !package.pass_open();
    }));
  }
  static std::string get(const std::string& dp, const std::string& path) {
    control::HttpClient http({.base = dp, .token = {}, .bind = {}});
    const auto reply = http.send({.method = "GET", .target = path});
    if (!reply.ok()) return reply.status().to_string();
    return reply->status == 200 ? reply->body : std::to_string(reply->status);
  }
  // `smslab dp` that must not come up; what it says.
  std::string refused(std::vector<std::string> arguments) {
    std::vector<std::string> command = {SMSLAB_BINARY, "dp", "--control", "127.0.0.4:0"};
    if (std::find(arguments.begin(), arguments.end(), "--dp") == arguments.end()) {
      command.insert(command.end(), {"--dp", "127.0.0.4:0"});
    }
    command.insert(command.end(), arguments.begin(), arguments.end());
    const Finished finished = run(command, lab_.folder());
    EXPECT_EQ(finished.exit_status, 1);
    EXPECT_EQ(finished.out, "");
    return finished.err;
  }

  Lab lab_{{"--clock", "2026-11-21T20:00:00Z"}, Lab::Kind::kSite};
};

TEST_F(Roles, TheWholeStory) {
  LabDp one(lab_, "LON-DP-01", "127.0.0.2"), two(lab_, "LON-DP-02", "127.0.0.3");
  EXPECT_EQ(lab_.ready().dps_size(), 0);
  EXPECT_EQ(one.ready().site(), "LON");
  EXPECT_EQ(one.ready().control(), lab_.ready().control()) << "the site's, so that every verb works in its folder";
  EXPECT_THAT(one.url(), HasSubstr("http://127.0.0.2:"));
  EXPECT_THAT(two.control(), HasSubstr("http://127.0.0.3:"));
  const auto dps = lab_.json<v1::DpList>({"dp", "list"});
  ASSERT_EQ(dps.dps_size(), 2);
  EXPECT_EQ(dps.dps(1).url(), two.url());
  EXPECT_TRUE(dps.dps(1).remote());

  create("LON00001");
  lab_.must({"package", "distribute", "LON00001", "--dp", "LON-DP-01", "LON-DP-02", "--wait"});
  EXPECT_EQ(lab_.ladder({"--package", "LON00001"}),
            "30000 30003 2300 2311 2301 30009 30009 2300 2342 2329 2330 2342 2329 2330 2301");
  for (const LabDp* dp : {&one, &two}) {
    EXPECT_EQ(get(dp->url(), "/SMS_DP_SMSPKG$/LON00001/Tools/read%20me.txt"), "hello\n");
  }
  lab_.must({"collection", "create", "Admin Systems", "--member", "WRK-LON-001"});
  lab_.must({"advert", "create", "LON20000", "--package", "LON00001", "--program", "Setup", "--collection",
             "Admin Systems", "--mandatory", "now", "--download"});
  const Finished client = lab_.client("WRK-LON-001", {"--bind", "127.0.0.9"});
  EXPECT_EQ(client.exit_status, 0) << client.err;
  EXPECT_EQ(lab_.json<v1::Advert>({"advert", "show", "LON20000"}).summary().succeeded(), 1u);

  // From the one that is left.
  EXPECT_EQ(one.stop(), 0);
  EXPECT_FALSE(fs::exists(one.data() + "/ready.json"));
  lab_.must({"collection", "add", "Admin Systems", "--member", "WRK-LON-002"});
  const Finished another = lab_.client("WRK-LON-002", {"--bind", "127.0.0.10"});
  EXPECT_EQ(another.exit_status, 0) << another.err;
  EXPECT_EQ(lab_.json<v1::Advert>({"advert", "show", "LON20000"}).summary().succeeded(), 2u);
  EXPECT_THAT(lab_.must({"dp", "list"}), HasSubstr("unreachable"));
  EXPECT_EQ(two.stop(), 0);
  EXPECT_EQ(lab_.stop(), 0);
}

TEST_F(Roles, ADpThatComesBackAfterAnHourCatchesUp) {
  LabDp one(lab_, "LON-DP-01", "127.0.0.2"), two(lab_, "LON-DP-02", "127.0.0.3");
  two.kill();
  create("LON00001");
  lab_.must({"package", "distribute", "LON00001", "--dp", "LON-DP-01", "LON-DP-02"});
  const State away = wait_state("LON00001", "LON-DP-02", State::INSTALL_RETRYING);
  EXPECT_EQ(away.failures(), 1u);
  EXPECT_EQ(away.win32_error(), 53u);
  EXPECT_THAT(away.last_error(), HasSubstr("cannot connect"));
  EXPECT_EQ(lab_.ladder({"--package", "LON00001"}),
            "30000 30003 2300 2311 2301 30009 30009 2300 2342 2329 2330 2342 2302");

  // It cannot tell the site that it is back: the site finds out by itself when it is time for a retry.
  two.start({"--dp", two.url().substr(7), "--control", two.control().substr(7), "--site-server", "http://127.0.0.1:1"});
  EXPECT_EQ(get(two.url(), "/SMS_DP_SMSPKG$/LON00001/adminpak.msi"), "404");
  lab_.must({"clock", "advance", "1h"});
  const State back = wait_state("LON00001", "LON-DP-02", State::INSTALLED);
  EXPECT_EQ(back.failures(), 0u);
  EXPECT_EQ(back.last_error(), "");
  EXPECT_EQ(get(two.url(), "/SMS_DP_SMSPKG$/LON00001/Tools/read%20me.txt"), "hello\n");
}

TEST_F(Roles, ADpThatAnnouncesItselfIsServedAtOnceAtItsNewAddress) {
  LabDp one(lab_, "LON-DP-01", "127.0.0.2");
  const std::string before = one.url();
  one.kill();
  create("LON00001");
  create("LON00002");
  lab_.must({"package", "distribute", "LON00001", "--dp", "LON-DP-01"});
  lab_.must({"package", "distribute", "LON00002", "--dp", "LON-DP-01"});
  wait_state("LON00001", "LON-DP-01", State::INSTALL_RETRYING);
  wait_state("LON00002", "LON-DP-01", State::INSTALL_RETRYING);
  one.start();
  EXPECT_NE(one.url(), before);
  wait_state("LON00001", "LON-DP-01", State::INSTALLED);  // with the clock where it was
  wait_state("LON00002", "LON-DP-01", State::INSTALLED);
  EXPECT_EQ(lab_.json<v1::DpInfo>({"dp", "show", "LON-DP-01"}).url(), one.url());
  EXPECT_EQ(get(one.url(), "/SMS_DP_SMSPKG$/LON00002/Tools/read%20me.txt"), "hello\n");
}

TEST_F(Roles, TheSiteIsKilledAndComesBack) {
  LabDp one(lab_, "LON-DP-01", "127.0.0.2"), two(lab_, "LON-DP-02", "127.0.0.3");
  create("LON00001");
  lab_.must({"package", "distribute", "LON00001", "--dp", "LON-DP-01", "--wait"});
  lab_.kill();
  EXPECT_EQ(get(one.url(), "/SMS_DP_SMSPKG$/LON00001/Tools/read%20me.txt"), "hello\n") << "DPs go on serving";
  lab_.restart({"--clock", "2026-11-21T21:00:00Z"});
  const auto dps = lab_.json<v1::DpList>({"dp", "list"});
  ASSERT_EQ(dps.dps_size(), 2) << "without being told again";
  EXPECT_EQ(dps.dps(0).url(), one.url());
  EXPECT_EQ(dps.dps(0).contents_size(), 1);
  lab_.must({"package", "distribute", "LON00001", "--dp", "LON-DP-02", "--wait"});
  EXPECT_EQ(get(two.url(), "/SMS_DP_SMSPKG$/LON00001/Tools/read%20me.txt"), "hello\n");
}

TEST_F(Roles, ADpMayBeThereBeforeItsSite) {
  lab_.kill();
  LabDp one(lab_, "LON-DP-01", "127.0.0.2");
  EXPECT_EQ(one.ready().site(), "") << "nobody's yet";
  lab_.restart();
  create("LON00001");
  // Nobody waits on a clock: the site takes the DP in as soon as it asks again.
  while (lab_.json<v1::DpList>({"dp", "list"}).dps_size() == 0) ASSERT_TRUE(one.serves()) << one.log();
  lab_.must({"package", "distribute", "LON00001", "--dp", "LON-DP-01", "--wait"});
  EXPECT_EQ(get(one.url(), "/SMS_DP_SMSPKG$/LON00001/Tools/read%20me.txt"), "hello\n");
}

TEST_F(Roles, WhatADpHasLostIsSentAgain) {
  LabDp one(lab_, "LON-DP-01", "127.0.0.2");
  create("LON00001");
  create("LON00002");
  lab_.must({"package", "distribute", "LON00001", "--dp", "LON-DP-01", "--wait"});
  lab_.must({"package", "distribute", "LON00002", "--dp", "LON-DP-01", "--wait"});
  ASSERT_EQ(one.stop(), 0);
  const std::string backup = lab_.folder() + "/backup";
  fs::copy(one.data(), backup, fs::copy_options::recursive);
  one.start();
  write(source() + "/Tools/read me.txt", "news\n");
  lab_.must({"package", "update", "LON00001", "--wait"});
  lab_.must({"package", "remove", "LON00002", "--dp", "LON-DP-01", "--wait"});
  ASSERT_EQ(one.stop(), 0);

  // The backup holds an older version of one package, and another that was removed since.
  fs::remove_all(one.data());
  fs::rename(backup, one.data());
  one.start();
  lab_.wait_package("LON00001", [&](const v1::Package&) {
    return get(one.url(), "/SMS_DP_SMSPKG$/LON00001/Tools/read%20me.txt") == "news\n";
  });
  EXPECT_EQ(wait_state("LON00001", "LON-DP-01", State::INSTALLED).version(), 2u);
  while (get(one.url(), "/SMS_DP_SMSPKG$/LON00002/Tools/read%20me.txt") != "404") ASSERT_TRUE(one.serves());

  // Nothing at all is left, and the site is not told before its own next start.
  one.kill();
  fs::remove_all(one.data());
  lab_.kill();
  one.start({"--dp", one.url().substr(7), "--control", one.control().substr(7), "--site-server", "http://127.0.0.1:1"});
  lab_.restart();
  lab_.wait_package("LON00001", [&](const v1::Package&) {
    return get(one.url(), "/SMS_DP_SMSPKG$/LON00001/Tools/read%20me.txt") == "news\n";
  });
}

TEST_F(Roles, WithoutTheSecretNobodyIsADp) {
  LabDp one(lab_, "LON-DP-01", "127.0.0.2");
  const std::string site = lab_.ready().control(), wrong = lab_.folder() + "/wrong.txt", fresh = lab_.folder() + "/new";
  write(wrong, "a guess\n");
  EXPECT_THAT(refused({"--data", fresh, "--name", "LON-DP-09", "--site-server", site, "--token-file", wrong}),
              HasSubstr("does not know this distribution point's secret"));
  EXPECT_THAT(refused({"--data", fresh + "2", "--name", "LON-DP-01", "--site-server", site, "--token-file", wrong}),
              HasSubstr("--token-file"));
  EXPECT_THAT(refused({"--data", fresh, "--name", "LON-DP-09", "--site-server", site, "--token-file", "/nowhere"}),
              HasSubstr("[--token-file]"));
  write(wrong, " \n");
  EXPECT_THAT(refused({"--data", fresh, "--name", "LON-DP-09", "--site-server", site, "--token-file", wrong}),
              HasSubstr("is empty"));
  // A site with another secret gets no DP of this one's either, and the address of the DP stays what it was.
  const auto dps = lab_.json<v1::DpList>({"dp", "list"});
  ASSERT_EQ(dps.dps_size(), 1);
  EXPECT_EQ(dps.dps(0).url(), one.url());
  create("LON00001");
  lab_.must({"package", "distribute", "LON00001", "--dp", "LON-DP-01", "--wait"});

  // The secret and what is made of it are nowhere to be seen.
  const control::DpSecret secret("the secret of this lab");
  for (const std::string& token : {std::string("the secret of this lab"), secret.token("LON-DP-01")}) {
    for (const std::string& text : {lab_.log(), one.log(), lab_.must({"dp", "show", "LON-DP-01", "--json"}),
                                    lab_.must({"dp", "list", "--json"}), read(one.data() + "/ready.json")}) {
      EXPECT_THAT(text, Not(HasSubstr(token)));
    }
  }
}

TEST_F(Roles, AFolderIsOneDpsAndOneSites) {
  LabDp one(lab_, "LON-DP-01", "127.0.0.2");
  ASSERT_EQ(one.stop(), 0);
  EXPECT_THAT(refused({"--data", one.data(), "--name", "LON-DP-02", "--site-server", lab_.ready().control(),
                       "--token-file", lab_.token_file()}),
              HasSubstr("is the data of distribution point LON-DP-01"));
  Lab other({"--site", "AST"}, Lab::Kind::kSite);
  EXPECT_THAT(refused({"--data", one.data(), "--name", "LON-DP-01", "--site-server", other.ready().control(),
                       "--token-file", lab_.token_file()}),
              HasSubstr("holds the content of site LON"));
  EXPECT_EQ(other.json<v1::DpList>({"dp", "list"}).dps_size(), 0);
  one.start();
  EXPECT_EQ(one.ready().site(), "LON");
}

TEST_F(Roles, ADpIsTakenOut) {
  LabDp one(lab_, "LON-DP-01", "127.0.0.2");
  create("LON00001");
  lab_.must({"package", "distribute", "LON00001", "--dp", "LON-DP-01", "--wait"});
  const Finished assigned = cli({"dp", "delete", "LON-DP-01"});
  EXPECT_EQ(assigned.exit_status, 1);
  EXPECT_THAT(assigned.err, HasSubstr("remove LON00001 from it first"));
  lab_.must({"package", "remove", "LON00001", "--dp", "LON-DP-01", "--wait"});
  ASSERT_EQ(one.stop(), 0);
  lab_.must({"dp", "delete", "LON-DP-01"});
  EXPECT_EQ(cli({"dp", "delete", "LON-DP-01"}).exit_status, 1);
  EXPECT_EQ(lab_.json<v1::DpList>({"dp", "list"}).dps_size(), 0);
  lab_.kill();
  lab_.restart();
  EXPECT_EQ(lab_.json<v1::DpList>({"dp", "list"}).dps_size(), 0);
  one.start();
  EXPECT_EQ(lab_.json<v1::DpList>({"dp", "list"}).dps_size(), 1);
}

TEST_F(Roles, UsageErrors) {
  const auto status = [&](std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), SMSLAB_BINARY);
    return run(std::move(arguments), lab_.folder()).exit_status;
  };
  EXPECT_EQ(status({"dp"}), 2);
  EXPECT_EQ(status({"dp", "--name", "X"}), 2);
  EXPECT_EQ(status({"dp", "set", "LON-DP-01", "--protected", "maybe"}), 2);
  EXPECT_EQ(status({"dp", "--help"}), 0);
  EXPECT_EQ(status({"mp", "--dp", "127.0.0.1:0"}), 2);
  EXPECT_THAT(refused({"--data", lab_.folder() + "/x", "--name", "LON-DP-01", "--site-server", "nonsense",
                       "--token-file", lab_.token_file()}),
              HasSubstr("[--site-server]"));
  EXPECT_THAT(refused({"--data", lab_.folder() + "/x", "--name", "LON-DP-01", "--site-server", "http://127.0.0.1:1",
                       "--token-file", lab_.token_file(), "--dp", "0.0.0.0:0"}),
              HasSubstr("[--dp]"));
}

}  // namespace
}  // namespace smslab::test
