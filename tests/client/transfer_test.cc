// Downloads that go wrong: cuts, other locations, servers that break the rules of HTTP and BITS, hostile listings.
#include <atomic>

#include "proto/base/hex.h"
#include "tests/client/fixture.h"

namespace smslab::client {
namespace {
using ::testing::Contains;
using ::testing::ElementsAre;
using testing::FakeReply;
using testing::FakeRequest;
using ::testing::HasSubstr;

std::string varied(size_t size) {
  std::string out;
  for (size_t i = 0; i < size; i++) out += static_cast<char>('a' + (i * i + i / 7) % 26);
  return out;
}

class TransferTest : public ClientTest {
 protected:
  TransferTest() {
    site_.dps["C"] = {};
    site_.dps["C"].files["big.bin"] = varied(20'000);
    options_.download_only = true;
  }
  std::string cached(const std::string& file) const { return read("cache/LON00001.1.System/" + file); }
};

TEST_F(TransferTest, FetchesInRangesAfterAHead) {
  site_.assign({});
  const auto result = run_well();
  EXPECT_THAT(site_.dp_requests, ElementsAre("PROPFIND C:", "HEAD C:big.bin", "GET C:big.bin bytes=0-4095",
                                             "GET C:big.bin bytes=4096-8191", "GET C:big.bin bytes=8192-12287",
                                             "GET C:big.bin bytes=12288-16383", "GET C:big.bin bytes=16384-19999"));
  EXPECT_EQ(cached("big.bin"), varied(20'000));
  EXPECT_EQ(result.adverts(0).content().received_bytes(), 20'000U);
  EXPECT_EQ(result.adverts(0).content().actual_hash(), site_.hash());
}

TEST_F(TransferTest, GoesOnAfterACutInTheSameRun) {
  site_.assign({});
  int gets = 0;
  site_.dps["C"].disturb = [&](const FakeRequest& ask, const std::string&) -> std::optional<FakeReply> {
    if (ask.method != "GET" || ++gets != 2) return std::nullopt;
    return FakeReply{.status = 206,
                     .fields = {{"Content-Range", "bytes 4096-8191/20000"}},
                     .body = varied(20'000).substr(4096, 4096),
                     .cut_after = 1000};
  };
  run_well();
  EXPECT_EQ(cached("big.bin"), varied(20'000));
  EXPECT_THAT(site_.dp_requests, Contains("GET C:big.bin bytes=5096-9191"));
}

TEST_F(TransferTest, ALaterRunResumesWhatWasCut) {
  site_.assign({});
  int gets = 0;
  site_.dps["C"].disturb = [&](const FakeRequest& ask, const std::string&) -> std::optional<FakeReply> {
    if (ask.method != "GET" || ++gets == 1) return std::nullopt;
    FakeReply reply{.status = 206,
                    .fields = {{"Content-Range", "bytes 4096-8191/20000"}},
                    .body = varied(20'000).substr(4096, 4096),
                    .cut_after = 0};
    if (gets == 2) reply.cut_after = 1000;
    return gets == 2 ? reply : FakeReply{.status = 503};
  };
  const auto cut = run();
  EXPECT_EQ(cut.adverts(0).content().error_code(), "0x801901F7");
  EXPECT_EQ(read("cache/LON00001.1.partial/content/big.bin"), varied(20'000).substr(0, 5096));

  site_.dps["C"].disturb = nullptr;
  site_.forget();
  const auto resumed = run_well();
  EXPECT_EQ(resumed.adverts(0).content().received_bytes(), 20'000U - 5096U);
  EXPECT_EQ(site_.dp_requests.at(2), "GET C:big.bin bytes=5096-9191");
  EXPECT_EQ(cached("big.bin"), varied(20'000));
  EXPECT_FALSE(exists("cache/LON00001.1.partial"));
}

TEST_F(TransferTest, AResumeNeverMixesTwoContents) {
  site_.assign({.hash = std::string(40, '0')});
  int gets = 0;
  site_.dps["C"].disturb = [&](const FakeRequest& ask, const std::string&) -> std::optional<FakeReply> {
    if (ask.method != "GET" || ++gets == 1) return std::nullopt;
    return FakeReply{.status = 503};
  };
  EXPECT_NE(run().error(), "");
  site_.dps["C"].disturb = nullptr;
  site_.dps["C"].files["big.bin"] = std::string(20'000, 'N');
  site_.assign({.policy_version = "2.00"});
  site_.forget();
  const auto result = run_well();
  EXPECT_EQ(result.adverts(0).content().received_bytes(), 20'000U);
  EXPECT_EQ(cached("big.bin"), std::string(20'000, 'N'));
}

TEST_F(TransferTest, StartsAFileAgainWhenItChangesOnTheWay) {
  int gets = 0;
  site_.dps["C"].disturb = [&](const FakeRequest& ask, const std::string&) -> std::optional<FakeReply> {
    if (ask.method == "GET" && ++gets == 3) site_.dps["C"].files["big.bin"][0] = 'Z';
    return std::nullopt;
  };
  std::string changed = varied(20'000);
  changed[0] = 'Z';
  std::swap(site_.dps["C"].files["big.bin"], changed);
  const std::string hash = site_.hash();
  std::swap(site_.dps["C"].files["big.bin"], changed);
  site_.assign({.hash = hash});
  run_well();
  EXPECT_EQ(cached("big.bin")[0], 'Z');
}

TEST_F(TransferTest, TakesTheNextLocation) {
  site_.dps["D"] = site_.dps["C"];
  site_.assign({});
  site_.dps["C"].disturb = [](const FakeRequest& ask, const std::string&) -> std::optional<FakeReply> {
    if (ask.method == "PROPFIND") return FakeReply{.status = 405};
    return std::nullopt;
  };
  const auto result = run_well();
  EXPECT_THAT(result.adverts(0).content().location(), HasSubstr("SMS_DP_SMSPKGD$"));
  EXPECT_EQ(cached("big.bin"), varied(20'000));
  EXPECT_THAT(texts("DataTransferService"), HasSubstr("Error sending DAV request. HTTP code 405, status 'Fake'\n"
                                                      "GetDirectoryList_HTTP('http://HOST/SMS_DP_SMSPKGC$/LON00001') "
                                                      "failed with code 0x87d0027e\n"
                                                      "Error retrieving manifest (0x87d0027e)\n"));
  EXPECT_THAT(texts("ContentTransferManager"),
              HasSubstr("CTM encountered error processing reply from DTS. Code 0x80040215"));
}

TEST_F(TransferTest, TheNextLocationGoesOnWhereTheFirstWasCut) {
  site_.dps["D"] = site_.dps["C"];
  site_.assign({});
  int gets = 0;
  site_.dps["C"].disturb = [&](const FakeRequest& ask, const std::string&) -> std::optional<FakeReply> {
    if (ask.method != "GET" || ++gets == 1) return std::nullopt;
    return FakeReply{.status = 500};
  };
  run_well();
  EXPECT_THAT(site_.dp_requests, Contains("GET D:big.bin bytes=4096-8191"));
  EXPECT_EQ(cached("big.bin"), varied(20'000));
}

struct BadReply {
  const char* name;
  const char* method;
  FakeReply reply;
  const char* code;
};

class BadServerTest : public TransferTest, public ::testing::WithParamInterface<BadReply> {};

TEST_P(BadServerTest, FailsWithItsCodeAndRecovers) {
  site_.assign({});
  site_.dps["C"].disturb = [](const FakeRequest& ask, const std::string&) -> std::optional<FakeReply> {
    if (ask.method != GetParam().method) return std::nullopt;
    return GetParam().reply;
  };
  const auto bad = run();
  EXPECT_EQ(bad.adverts(0).content().error_code(), GetParam().code) << bad.error();
  EXPECT_FALSE(exists("cache/LON00001.1.System"));
  EXPECT_LE(read("cache/LON00001.1.partial/content/big.bin").size(), 20'000U);

  site_.dps["C"].disturb = nullptr;
  run_well();
  EXPECT_EQ(cached("big.bin"), varied(20'000));
}

const std::pair<std::string, std::string> kRange{"Content-Range", "bytes 0-4095/20000"};
INSTANTIATE_TEST_SUITE_P(
    Client, BadServerTest,
    ::testing::Values(
        BadReply{"NoSize", "HEAD", {.length = ""}, "0x80200011"},
        BadReply{"AnotherSizeThanListed", "HEAD", {.length = "21000"}, "0x80200011"},
        BadReply{"NotFound", "HEAD", {.status = 404}, "0x80190194"},
        BadReply{"Forbidden", "GET", {.status = 403}, "0x80190193"},
        BadReply{"RangeIgnored", "GET", {.body = varied(20'000)}, "0x80200013"},
        BadReply{"AnotherRange",
                 "GET",
                 {.status = 206, .fields = {{"Content-Range", "bytes 1-4096/20000"}}, .body = "x"},
                 "0x80200013"},
        BadReply{"NoContentRange", "GET", {.status = 206, .body = varied(4096)}, "0x80200013"},
        BadReply{"MoreThanTheRange", "GET", {.status = 206, .fields = {kRange}, .body = varied(5000)}, "0x80200013"},
        BadReply{"AlwaysCut",
                 "GET",
                 {.status = 206, .fields = {kRange}, .body = varied(4096), .cut_after = 0},
                 "0x80200010"},
        BadReply{"AlwaysChanging", "GET", {.status = 416}, "0x80200013"},
        BadReply{"PropfindForbidden", "PROPFIND", {.status = 403}, "0x80190193"},
        BadReply{"PropfindCut", "PROPFIND", {.status = 207, .body = "<D:multi", .cut_after = 3}, "0x800704CF"},
        BadReply{"PropfindHtml", "PROPFIND", {.body = "<html><body>no</body></html>"}, "0x80004005"}),
    [](const auto& test) { return test.param.name; });

TEST_F(TransferTest, AHostileListingWritesNothing) {
  site_.assign({});
  const std::string root = site_.url() + "/SMS_DP_SMSPKGC$/LON00001/";
  for (const std::string& href :
       {root + "../../evil", root + "..%2F..%2Fevil", root + "%2E%2E/evil", root + "a%5C..%5Cevil", root + "C:evil",
        root + "big.bin/evil", root + "BIG.BIN", root + "evil%0d%0aX: y", site_.url() + "/elsewhere/evil",
        site_.url() + "/SMS_DP_SMSPKGC$/LON00001evil", std::string("/etc/passwd"), root + "%zz"}) {
    site_.dps["C"].extra_items = {testing::listed(href, false, 4)};
    const auto result = run();
    EXPECT_EQ(result.adverts(0).content().error_code(), "0x80004005") << href;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder_)) {
      EXPECT_THAT(entry.path().string(), ::testing::Not(HasSubstr("evil")));
    }
    EXPECT_FALSE(exists("cache/LON00001.1.System"));
  }
  site_.dps["C"].extra_items.clear();
  run_well();
}

TEST_F(TransferTest, ATornJournalIsNoTrouble) {
  site_.assign({});
  int gets = 0;
  site_.dps["C"].disturb = [&](const FakeRequest& ask, const std::string&) -> std::optional<FakeReply> {
    if (ask.method != "GET" || ++gets == 1) return std::nullopt;
    return FakeReply{.status = 503};
  };
  EXPECT_NE(run().error(), "");
  const std::string path = folder_ + "/cache/LON00001.1.partial/journal";
  const std::string whole = read("cache/LON00001.1.partial/journal");
  ASSERT_FALSE(whole.empty());
  for (size_t size = 0; size < whole.size(); size += 7) {
    ASSERT_TRUE(write_file(posix_env(), path, whole.substr(0, size)).ok());
    gets = 1;
    EXPECT_NE(run().error(), "");
    ASSERT_TRUE(write_file(posix_env(), path, whole + "\"torn").ok());
  }
  site_.dps["C"].disturb = nullptr;
  run_well();
  EXPECT_EQ(cached("big.bin"), varied(20'000));
}
}  // namespace
}  // namespace smslab::client
