#include "proto/base/log.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "proto/base/env.h"
#include "proto/base/time_text.h"

namespace smslab {
namespace {
const LabTime kTime = *parse_rfc3339("2015-06-26T14:24:33.329Z");

TEST(Log, ClientForm) {
  EXPECT_EQ(format_record(LogForm::kClient, kTime, LogLevel::kWarning, "CAS", 1016, "cas.cpp:1", "Hash matches"),
            "<![LOG[Hash matches]LOG]!><time=\"14:24:33.329+000\" date=\"06-26-2015\" component=\"CAS\" context=\"\" "
            "type=\"2\" thread=\"1016\" file=\"cas.cpp:1\">");
}

TEST(Log, ServerForm) {
  EXPECT_EQ(format_record(LogForm::kServer, kTime, LogLevel::kInfo, "SMS_DISTRIBUTION_MANAGER", 5620, "",
                          "Sleep 3600 seconds..."),
            "Sleep 3600 seconds...  $$<SMS_DISTRIBUTION_MANAGER><06-26-2015 14:24:33.329+000><thread=5620 (0x15F4)>");
}

TEST(Log, AppendsToItsFile) {
  const std::string path = testing::TempDir() + "log_test.log";
  (void)posix_env().remove_file(path);
  LabClock clock(system_time_source(), LabClock::Frozen{kTime});
  auto sink = open_log_file(path, "\r\n");
  ASSERT_TRUE(sink.ok());
  const Log log(*sink, LogForm::kConsole, clock, "wire");
  log.info("one");
  log.error("two");
  EXPECT_EQ(*read_file(posix_env(), path, 1000),
            "2015-06-26T14:24:33.329Z info  wire: one\r\n2015-06-26T14:24:33.329Z error wire: two\r\n");
}

TEST(Log, AFileThatHasGrownEnoughIsRolled) {
  const std::string folder = testing::TempDir() + "log_roll_test";
  std::filesystem::remove_all(folder);
  std::filesystem::create_directories(folder);
  const std::string path = folder + "/MP_Policy.log", before = folder + "/MP_Policy.lo_";
  const auto content = [](const std::string& file) { return *read_file(posix_env(), file, 1000); };
  {
    const auto sink = *open_log_file(path, "\r\n", 10);
    sink->write("12345678");  // ten bytes with its end: not above
    sink->write("second");
    EXPECT_EQ(content(path), "12345678\r\nsecond\r\n");
    EXPECT_FALSE(std::filesystem::exists(before));
    sink->write("third");
    EXPECT_EQ(content(before), "12345678\r\nsecond\r\n");
    EXPECT_EQ(content(path), "third\r\n");
  }
  // What an earlier run wrote counts; one generation is kept.
  const auto sink = *open_log_file(path, "\r\n", 10);
  sink->write("fourth");
  sink->write("fifth");
  EXPECT_EQ(content(before), "third\r\nfourth\r\n");
  EXPECT_EQ(content(path), "fifth\r\n");
  // One that cannot be rolled grows on, and is rolled once that can be done again.
  std::filesystem::remove(before);
  std::filesystem::create_directories(before + "/in the way");
  sink->write("sixth");
  sink->write("seventh");
  EXPECT_EQ(content(path), "fifth\r\nsixth\r\nseventh\r\n");
  std::filesystem::remove_all(before);
  sink->write("eighth");
  EXPECT_EQ(content(before), "fifth\r\nsixth\r\nseventh\r\n");
  EXPECT_EQ(content(path), "eighth\r\n");
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace smslab
