// The logs, word for word: seed B's three CAS.log runs, the run from the DP, BITS off, and the events.
#include "tests/client/fixture.h"

namespace smslab::client {
namespace {
using ::smslab::testing::expect_golden;

TEST_F(ClientTest, LogsOfAGoodRunAndOfACachedOne) {
  site_.assign({.rerun = "RerunAlways"});
  run_well();
  for (const char* log : {"CAS", "ContentTransferManager", "DataTransferService", "execmgr", "LocationServices"}) {
    expect_golden(std::string("client/good/") + log + ".txt", texts(log));
  }
  clear_logs();
  const auto again = run_well();
  EXPECT_TRUE(again.adverts(0).content().from_cache());
  EXPECT_EQ(again.adverts(0).result(), v1::AdvertRun::SUCCEEDED);
  expect_golden("client/cached/CAS.txt", texts("CAS"));
  EXPECT_EQ(texts("ContentTransferManager"), "");
}

TEST_F(ClientTest, LogsOfAHashMismatchAndOfItsCure) {
  const std::string hash = site_.hash();
  site_.assign({.hash = hash, .rerun = "RerunNever"});  // content that failed is no run
  site_.dps["C"].files["adminpak.msi"][1234] = 'X';
  const std::string damaged = site_.hash();

  const auto bad = run();
  EXPECT_THAT(bad.error(), ::testing::HasSubstr("0x80091007"));
  ASSERT_EQ(bad.adverts_size(), 1);
  EXPECT_EQ(bad.adverts(0).result(), v1::AdvertRun::FAILED);
  EXPECT_EQ(bad.adverts(0).content().expected_hash(), hash);
  EXPECT_EQ(bad.adverts(0).content().actual_hash(), damaged);
  EXPECT_EQ(bad.adverts(0).content().error_code(), "0x80091007");
  expect_golden("client/bad/CAS.txt", texts("CAS"));
  expect_golden("client/bad/execmgr.txt", texts("execmgr"));
  EXPECT_THAT(site_.status_types(),
              ::testing::ElementsAre("SoftDistProgramOfferReceivedEvent", "SoftDistDownloadStartedEvent",
                                     "SoftDistHashMismatchEvent", "SoftDistAdvertHashMismatchEvent"));
  EXPECT_FALSE(exists("cache/LON00001.1.System"));
  EXPECT_FALSE(exists("cache/LON00001.1.partial"));

  site_.dps["C"].files["adminpak.msi"][1234] = 'M';  // refreshed: same version, same policy
  site_.forget();
  const auto cured = run_well();
  EXPECT_EQ(cured.adverts(0).result(), v1::AdvertRun::SUCCEEDED);
  EXPECT_THAT(site_.status_types(),
              ::testing::ElementsAre("SoftDistDownloadStartedEvent", "SoftDistDownloadCompletedEvent",
                                     "SoftDistProgramStartedEvent", "SoftDistProgramCompletedSuccessfullyEvent"));
  EXPECT_TRUE(exists("cache/LON00001.1.System/Leer"));
}

TEST_F(ClientTest, LogsOfARunFromTheDistributionPoint) {
  site_.assign({.option = "RunFromServer"});
  options_.end.mif = StatusMif{};
  const auto result = run_well();
  expect_golden("client/run-from-dp/CAS.txt", texts("CAS"));
  EXPECT_EQ(result.adverts(0).content().actual_hash(), "");
  EXPECT_TRUE(site_.dp_requests.empty());
  const auto statuses = site_.statuses();
  ASSERT_EQ(statuses.size(), 3U);
  std::map<std::string, std::string> started;
  for (const auto& property : statuses[1].properties()) started[property.name()] = property.text();
  EXPECT_EQ(started["CommandLine"],
            "\"C:\\WINDOWS\\system32\\msiexec.exe\" /q ALLUSERS=2 /m MSIUNQ1A /i \"adminpak.msi\"");
  EXPECT_EQ(started["WorkingDirectory"], "\\\\LON-DCSMS-01\\SMSPKGC$\\LON00001\\");
  EXPECT_EQ(started["UserContext"], "NT AUTHORITY\\SYSTEM");
  EXPECT_EQ(started["AdvertisementId"], "LON20000");
  EXPECT_EQ(started["PackageName"], "LON00001");
  EXPECT_EQ(started["ProgramName"], "Per-system unattended");
  EXPECT_EQ(started["ClientID"], site_.smsid);
  EXPECT_EQ(started["DateTime"], "20261121200000.000000+000");
  EXPECT_EQ(statuses[2].type(), "SoftDistProgramCompletedSuccessfulMIFEvent");
}

// Seed B, B4: policy too travels by BITS.
TEST_F(ClientTest, WithoutBitsPolicyAndContentFail) {
  site_.assign({});
  options_.transfer.bits = false;
  const auto off = run();
  EXPECT_THAT(off.error(), ::testing::HasSubstr("0x80070422"));
  EXPECT_EQ(off.policies(), 0U);
  expect_golden("client/no-bits/DataTransferService.txt", texts("DataTransferService"));
  EXPECT_THAT(texts("execmgr"),
              ::testing::StartsWith("Software Distribution Site Settings for the client are missing from WMI.\n"));

  options_.transfer.bits = true;
  options_.download_only = true;
  EXPECT_EQ(run_well().adverts(0).result(), v1::AdvertRun::DOWNLOADED);

  std::filesystem::remove_all(folder_ + "/cache");
  options_.transfer.bits = false;
  const auto content = run();
  EXPECT_EQ(content.adverts(0).content().error_code(), "0x80070422");
  EXPECT_EQ(content.adverts(0).result(), v1::AdvertRun::FAILED);
}

TEST_F(ClientTest, TwoIdenticalClientsWriteTheSame) {
  site_.assign({});
  options_.name = "WRK-LON-001";
  run_well();
  const std::string cas = read("logs/CAS.log"), execmgr = read("logs/execmgr.log");
  start_anew();
  run_well();
  EXPECT_EQ(read("logs/CAS.log"), cas);
  EXPECT_EQ(read("logs/execmgr.log"), execmgr);
  start_anew();
  options_.seed = 2;
  run_well();
  EXPECT_NE(read("logs/CAS.log"), cas);
}
}  // namespace
}  // namespace smslab::client
