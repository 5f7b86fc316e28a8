// kill -9 at awkward moments: after a restart the store holds the old state or the new one, and nothing else.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <thread>

#include "proto/control/client.h"
#include "tests/support/lab.h"

namespace smslab::test {
namespace {
namespace fs = std::filesystem;
using testing::HasSubstr;

std::string blobs(const Lab& lab) { return listing(lab.data() + "/site/blobs"); }

TEST(Crash, KilledDuringAnImportLeavesTheOldState) {
  Lab lab;
  const std::string source = lab.folder() + "/source";
  write(source + "/first.bin", std::string(100'000, 'a'));
  lab.must({"package", "create", "LON00001", "--name", "First", "--source", source});
  const std::string before = blobs(lab);
  const std::string state = lab.must({"package", "list", "--json"});

  // Enough that the import is under way for long; killed as soon as it has staged something.
  for (int n = 0; n < 64; n++)
    write(lab.folder() + "/second/" + std::to_string(n),
          std::string(8 << 20, static_cast<char>('A' + n % 26)) + std::to_string(n));
  {
    Process create({SMSLAB_BINARY, "--control", lab.ready().control(), "package", "create", "LON00002", "--name",
                    "Second", "--source", lab.folder() + "/second"},
                   lab.folder(), "create");
    const auto staged = [&] {
      uint64_t bytes = 0;
      std::error_code gone;  // files are moved and removed while we look
      for (fs::recursive_directory_iterator at(lab.data() + "/site/stage", gone), end; !gone && at != end;
           at.increment(gone)) {
        const auto size = at->file_size(gone);
        if (!gone) bytes += size;
        gone.clear();
      }
      return bytes;
    };
    while (create.running() && staged() < (20u << 20)) std::this_thread::yield();
    ASSERT_TRUE(create.running()) << "the import was over before it could be killed";
    lab.kill();
    EXPECT_EQ(create.wait().exit_status, 1) << "the command says that the lab went away";
  }

  lab.restart();
  EXPECT_EQ(blobs(lab), before) << "disk as before";
  EXPECT_EQ(listing(lab.data() + "/site/stage"), "") << "nothing is left of the import";
  EXPECT_EQ(lab.must({"package", "list", "--json"}), state);
  EXPECT_EQ(
      lab.must({"package", "create", "LON00002", "--name", "Second", "--source", lab.folder() + "/second"}).empty(),
      false);
  ASSERT_EQ(lab.stop(), 0);
  const Finished fsck = lab.cli({"fsck", "--data", lab.data()});
  EXPECT_EQ(fsck.exit_status, 0) << fsck.out;
  EXPECT_THAT(fsck.out, HasSubstr("clean"));
}

TEST(Crash, KilledDuringADistributionItGoesOnAfterTheStart) {
  Lab lab;
  const std::string source = lab.folder() + "/source";
  for (int n = 0; n < 24; n++)
    write(source + "/" + std::to_string(n), std::string(8 << 20, static_cast<char>('A' + n)) + std::to_string(n));
  lab.must({"package", "create", "LON00001", "--name", "Big", "--source", source});
  lab.must({"package", "distribute", "LON00001", "--dp", "LON-DCSMS-01"});
  // Under way: the first file has come to the DP's folder, wherever it lies there.
  const std::string dp = lab.data() + "/dp/LON-DCSMS-01";
  const auto arrived = [&] {
    std::error_code gone;  // files are moved while we look
    for (fs::recursive_directory_iterator at(dp, gone), end; !gone && at != end; at.increment(gone)) {
      if (at->path().string().find("/stage/") != std::string::npos && at->is_regular_file(gone)) return true;
      gone.clear();
    }
    return false;
  };
  while (!arrived() && listing(dp + "/blobs").empty()) std::this_thread::yield();
  lab.kill();
  ASSERT_EQ(listing(lab.data() + "/dp/LON-DCSMS-01/blobs"), "") << "the copy was over before it could be killed";
  lab.restart();
  control::HttpClient http({.base = lab.ready().control(), .token = {}, .bind = {}});
  v1::Package package;
  ASSERT_TRUE(http.call("GET", "/api/v1/packages/LON00001?wait_ms=60000", nullptr, &package).ok());
  ASSERT_EQ(package.dps_size(), 1) << "the assignment is not lost";
  EXPECT_EQ(package.dps(0).state(), v1::PackageDp::INSTALLED);
  ASSERT_EQ(lab.stop(), 0);
  EXPECT_EQ(lab.cli({"fsck", "--data", lab.data()}).exit_status, 0);
}

}  // namespace
}  // namespace smslab::test
