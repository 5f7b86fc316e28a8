// `smslab serve` as a program: the ready line, stopping, and what it refuses.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "proto/codec/json.h"
#include "tests/support/lab.h"

namespace smslab::test {
namespace {
using testing::HasSubstr;
using testing::StartsWith;

TEST(Serve, SaysWhereItIsInOneLineAndInAFile) {
  Lab lab;
  const v1::Ready& ready = lab.ready();
  EXPECT_EQ(ready.smslab(), "ready");
  EXPECT_EQ(ready.site(), "LON");
  EXPECT_THAT(ready.mp(), StartsWith("http://127.0.0.1:"));
  EXPECT_THAT(ready.dps().at("LON-DCSMS-01"), StartsWith("http://127.0.0.1:"));
  EXPECT_THAT(ready.dp_controls().at("LON-DCSMS-01"), StartsWith("http://127.0.0.1:"));
  v1::Ready from_file;
  ASSERT_TRUE(codec::from_json(read(lab.data() + "/ready.json"), &from_file).ok());
  EXPECT_EQ(from_file.SerializeAsString(), ready.SerializeAsString());
  EXPECT_EQ(lab.cli({"wait", "--timeout", "5s"}).exit_status, 0);
  EXPECT_EQ(lab.cli({"--data", lab.data(), "package", "list"}).exit_status, 0) << "found by its data folder";
  EXPECT_EQ(lab.stop(), 0);
  EXPECT_FALSE(std::filesystem::exists(lab.data() + "/ready.json")) << "a stopped lab leaves no trace of being ready";
}

TEST(Serve, StopsOnSigintToo) {
  Lab lab;
  EXPECT_EQ(::kill(lab.ready().pid(), SIGINT), 0);
  EXPECT_EQ(lab.stop(), 0);
}

TEST(Serve, RefusesASecondServerOnTheSameFolder) {
  Lab lab;
  const Finished second = lab.cli(
      {"serve", "--data", lab.data(), "--mp", "127.0.0.1:0", "--dp", "127.0.0.1:0", "--control", "127.0.0.1:0"});
  EXPECT_EQ(second.exit_status, 1);
  EXPECT_EQ(second.out, "");
  EXPECT_THAT(second.err, HasSubstr("another smslab uses the folder"));
  EXPECT_EQ(lab.cli({"package", "list"}).exit_status, 0) << "the first one still serves";
}

TEST(Serve, RefusesATakenPort) {
  Lab lab;
  const std::string taken = lab.mp().substr(7);
  const Finished second = lab.cli(
      {"serve", "--data", lab.folder() + "/other", "--mp", taken, "--dp", "127.0.0.1:0", "--control", "127.0.0.1:0"});
  EXPECT_EQ(second.exit_status, 1);
  EXPECT_THAT(second.err, HasSubstr("--mp"));
  EXPECT_THAT(second.err, HasSubstr(taken));
}

TEST(Serve, WrongUsageIsTwoAndRefusalIsOne) {
  Lab lab;
  for (const std::vector<std::string>& wrong : std::vector<std::vector<std::string>>{{},
                                                                                     {"nonsense"},
                                                                                     {"serve", "--nonsense"},
                                                                                     {"package"},
                                                                                     {"package", "create", "LON00001"},
                                                                                     {"fault", "add"}}) {
    EXPECT_EQ(lab.cli(wrong).exit_status, 2) << (wrong.empty() ? "" : wrong.back());
  }
  for (const std::vector<std::string>& refused :
       std::vector<std::vector<std::string>>{{"serve", "--site", "LOND"},
                                             {"serve", "--mp", "nowhere"},
                                             {"serve", "--clock", "today"},
                                             {"serve", "--profile", "1999"},
                                             {"serve", "--timeouts", "head=soon"},
                                             {"serve", "--timeouts", "head=0s"},
                                             {"serve", "--timeouts", "tail=1s"},
                                             {"serve", "--timeouts", "idle"},
                                             {"serve", "--dp", "A=127.0.0.1:0", "A=127.0.0.1:0"},
                                             {"wait", "--timeout", "soon"}}) {
    auto arguments = refused;
    if (refused[0] == "serve") arguments.insert(arguments.end(), {"--data", lab.folder() + "/never"});
    const Finished finished = lab.cli(arguments);
    EXPECT_EQ(finished.exit_status, 1) << refused.back() << finished.err;
    EXPECT_EQ(std::count(finished.err.begin(), finished.err.end(), '\n'), 1) << finished.err;
  }
}

TEST(Serve, HelpAndVersionEverywhere) {
  Lab lab;
  for (const std::vector<std::string>& verb : std::vector<std::vector<std::string>>{{},
                                                                                    {"serve"},
                                                                                    {"wait"},
                                                                                    {"package"},
                                                                                    {"package", "create"},
                                                                                    {"program"},
                                                                                    {"collection"},
                                                                                    {"advert", "create"},
                                                                                    {"dp"},
                                                                                    {"client"},
                                                                                    {"status"},
                                                                                    {"fault"},
                                                                                    {"clock"},
                                                                                    {"scenario"},
                                                                                    {"reset"},
                                                                                    {"fsck"},
                                                                                    {"version"}}) {
    auto arguments = verb;
    arguments.emplace_back("--help");
    EXPECT_EQ(lab.cli(arguments).exit_status, 0);
  }
  EXPECT_THAT(lab.must({"--version"}), HasSubstr("0."));
  EXPECT_THAT(lab.must({"version", "--assumptions"}), HasSubstr("A5"));
}

TEST(Serve, FreezesItsClock) {
  Lab lab({"--clock", "2007-10-25T21:31:20Z"});
  EXPECT_EQ(lab.must({"clock", "show"}), "2007-10-25T21:31:20Z  frozen\n");
  EXPECT_EQ(lab.must({"clock", "advance", "36h"}), "2007-10-27T09:31:20Z  frozen\n");
  EXPECT_EQ(lab.cli({"clock", "advance", "tomorrow"}).exit_status, 1);
  EXPECT_EQ(lab.must({"clock", "show"}), "2007-10-27T09:31:20Z  frozen\n");
}

TEST(Serve, SaysWhenNoLabIsThere) {
  TempFolder folder;
  const Finished finished = run({SMSLAB_BINARY, "--control", "http://127.0.0.1:1", "package", "list"}, folder.path());
  EXPECT_EQ(finished.exit_status, 1);
  EXPECT_THAT(finished.err, HasSubstr("smslab serve"));
  EXPECT_EQ(run({SMSLAB_BINARY, "wait", "--data", folder.path(), "--timeout", "50ms"}, folder.path()).exit_status, 1);
}

}  // namespace
}  // namespace smslab::test
