// fsck from the command line: what is damaged is named, mended where that is possible, and comes again where it is not.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "proto/base/digest.h"
#include "proto/control/client.h"
#include "tests/support/lab.h"

namespace smslab::test {
namespace {
namespace fs = std::filesystem;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

const std::string kBytes = "the bytes of a.txt";
const std::string kSha256 = digest_hex(Algorithm::kSha256, kBytes);
constexpr const char* kDp = "LON-DCSMS-01";

std::string blob_in(const std::string& store) { return store + "/blobs/" + kSha256.substr(0, 2) + "/" + kSha256; }

std::string get(const std::string& url, const std::string& target) {
  control::HttpClient http({.base = url, .token = {}, .bind = {}});
  const auto reply = http.send({.method = "GET",
                                .target = target,
                                .fields = {},
                                .body = {},
                                .file = nullptr,
                                .sink = nullptr,
                                .on_head = nullptr});
  return reply.ok() ? reply->body : reply.status().to_string();
}

class Fsck : public testing::Test {
 protected:
  static void create(const Lab& lab) {
    write(lab.folder() + "/source/a.txt", kBytes);
    write(lab.folder() + "/source/b.txt", "more");
    lab.must({"package", "create", "LON00001", "--name", "Tools", "--source", lab.folder() + "/source"});
  }
};

TEST_F(Fsck, MendsADistributionPointFromTheSite) {
  Lab lab;
  create(lab);
  lab.must({"package", "distribute", "LON00001", "--dp", kDp, "--wait"});
  EXPECT_THAT(lab.must({"fsck"}), HasSubstr("1 store, 1 manifests, 2 blobs, 22 bytes: clean")) << "while it runs";
  EXPECT_THAT(lab.must({"fsck", "--data", lab.data()}), HasSubstr("1 store, ")) << "found by its folder";
  EXPECT_EQ(lab.cli({"fsck", "--repair"}).exit_status, 1) << "only with a folder";
  EXPECT_THAT(lab.cli({"fsck", "--repair", "--data", lab.data()}).err, HasSubstr("another smslab uses the folder"));
  ASSERT_EQ(lab.stop(), 0);

  const std::string dp = lab.data() + "/dp/" + kDp;
  write(blob_in(dp), "altered");
  write(dp + "/blobs/notes.txt", "?");
  const Finished found = lab.cli({"fsck", "--data", lab.data()});
  EXPECT_EQ(found.exit_status, 1);
  EXPECT_THAT(found.out, AllOf(HasSubstr(dp + ": blob " + kSha256 + ": altered: 7 bytes"), HasSubstr("notes.txt"),
                               HasSubstr(": damaged\n")));
  EXPECT_THAT(found.err, HasSubstr("2 problems found; smslab fsck --repair --data"));
  EXPECT_EQ(read(blob_in(dp)), "altered") << "and nothing is changed";

  const Finished mended = lab.cli({"fsck", "--repair", "--data", lab.data()});
  EXPECT_EQ(mended.exit_status, 0) << mended.out << mended.err;
  EXPECT_THAT(mended.out, AllOf(HasSubstr("copied from " + lab.data() + "/site"), HasSubstr("notes.txt: removed"),
                                HasSubstr("2 stores, 2 manifests, 4 blobs, 44 bytes: clean")));
  EXPECT_EQ(read(blob_in(dp)), kBytes);
  EXPECT_FALSE(fs::exists(dp + "/blobs/notes.txt"));
  lab.restart();
  EXPECT_EQ(get(lab.dp(), "/SMS_DP_SMSPKG$/LON00001/a.txt"), kBytes);
  EXPECT_EQ(lab.stop(), 0);
}

TEST_F(Fsck, AnUpdateBringsToTheSiteWhatNobodyHasWhole) {
  Lab lab;
  create(lab);
  lab.must({"package", "distribute", "LON00001", "--dp", kDp, "--wait"});
  ASSERT_EQ(lab.stop(), 0);
  for (const std::string& store : {lab.data() + "/site", lab.data() + "/dp/" + kDp}) write(blob_in(store), "altered");
  const Finished marked = lab.cli({"fsck", "--repair", "--data", lab.data()});
  EXPECT_EQ(marked.exit_status, 1);
  EXPECT_THAT(marked.out, HasSubstr("a refresh or an update that holds it brings it again"));
  EXPECT_THAT(marked.out, Not(HasSubstr("repaired")));
  lab.restart();
  lab.must({"package", "update", "LON00001", "--wait"});
  EXPECT_EQ(get(lab.dp(), "/SMS_DP_SMSPKG$/LON00001/a.txt"), kBytes);
  EXPECT_THAT(lab.must({"fsck"}), HasSubstr("clean"));
  ASSERT_EQ(lab.stop(), 0);
  EXPECT_EQ(lab.cli({"fsck", "--data", lab.data()}).exit_status, 0);
}

// A distribution point of its own has nobody to copy from: it says that it has the package no more, and is sent it.
TEST_F(Fsck, TheSiteSendsADistributionPointWhatItLost) {
  Lab lab({}, Lab::Kind::kSite);
  LabDp dp(lab, "LON-DP-01");
  create(lab);
  lab.must({"package", "distribute", "LON00001", "--dp", "LON-DP-01", "--wait"});
  ASSERT_EQ(dp.stop(), 0);
  const std::string blob = blob_in(dp.data() + "/dp/LON-DP-01");
  ASSERT_EQ(read(blob), kBytes);
  write(blob, "altered");
  EXPECT_EQ(lab.cli({"fsck", "--repair", "--data", dp.data()}).exit_status, 1);
  EXPECT_EQ(read(blob), "altered") << "until there is better";
  dp.start();
  const auto sent_again = [](const v1::Package& package) {
    return package.dps(0).state() == v1::PackageDp::INSTALLED && !package.pass_open();
  };
  lab.wait_package("LON00001", [&](const v1::Package& package) { return sent_again(package) && read(blob) == kBytes; });
  EXPECT_EQ(get(dp.url(), "/SMS_DP_SMSPKG$/LON00001/a.txt"), kBytes);
  ASSERT_EQ(dp.stop(), 0);
  EXPECT_EQ(lab.cli({"fsck", "--data", dp.data()}).exit_status, 0);
  EXPECT_EQ(lab.stop(), 0);
}

}  // namespace
}  // namespace smslab::test
