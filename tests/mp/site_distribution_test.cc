#include <algorithm>
#include <iostream>

#include "mp/faults.h"
#include "mp/site_record.h"
#include "proto/base/ids.h"
#include "proto/schema/timestamp.h"
#include "store/fsck.h"
#include "store/manifest.h"
#include "tests/mp/fake_dp.h"
#include "tests/mp/site_fixture.h"

namespace smslab::mp {
namespace {
constexpr uint32_t kRetries = 100;  // what the site does unless told otherwise
constexpr LabDuration kRetryInterval = std::chrono::minutes(30);

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

class DistributionTest : public SiteTest {
 protected:
  v1::Package package() { return *show_package(*site_, "LON00001"); }
  void wait_failures(uint32_t failures) {
    const auto enough = [&](const v1::Package& p) {
      return p.dps(0).failures() >= failures && p.dps(0).state() != v1::PackageDp::INSTALL_PENDING;
    };
    const auto found = polls_->wait<v1::Package>(
        kMaxWait, [&] { return show_package(*site_, "LON00001"); }, enough);
    ASSERT_TRUE(found.ok() && enough(*found));
  }
};

TEST_F(DistributionTest, SeedA) {
  add_dp(kDp);
  manager_->start();
  const v1::Package created = create(request("LON00001", 6));
  EXPECT_EQ(created.source_version(), 1u);
  EXPECT_EQ(created.file_count(), 2u);
  EXPECT_EQ(created.size(), 16u);
  EXPECT_EQ(created.hash().sha1().size(), 40u);
  EXPECT_EQ(ladder(), "30000 30003 30003 30003 30003 30003 30003 2300 2311 2301");

  const auto ordered = distribute(*site_, dps_, "lon00001", on({"lon-dcsms-01"}));
  ASSERT_EQ(ordered.status(), ok_status());
  ASSERT_EQ(ordered->dps_size(), 1);
  EXPECT_EQ(ordered->dps(0).state(), v1::PackageDp::INSTALL_PENDING);
  EXPECT_EQ(ordered->dps(0).dp(), kDp);
  const v1::Package done = wait_settled();
  EXPECT_EQ(done.dps(0).state(), v1::PackageDp::INSTALLED);
  EXPECT_EQ(done.dps(0).version(), 1u);
  wait_message(2301, 2);
  EXPECT_EQ(ladder(), "30000 30003 30003 30003 30003 30003 30003 2300 2311 2301 30009 2300 2342 2329 2330 2301");

  const std::string nal = nal_path(kDp, "LON");
  const auto all = messages({.package = "LON00001"});
  const auto strings = [&](uint32_t id) {
    const auto found = std::find_if(all.begin(), all.end(), [&](const auto& m) { return m.message_id() == id; });
    return std::vector<std::string>(found->insertion_strings().begin(), found->insertion_strings().end());
  };
  EXPECT_THAT(strings(2342), ElementsAre(kName, nal));
  EXPECT_THAT(strings(2329), ElementsAre("LON00001", "LON00001.1", nal));
  EXPECT_THAT(strings(2330), ElementsAre("LON00001", nal));
  EXPECT_THAT(strings(2301), ElementsAre(kName, "LON00001"));
  EXPECT_THAT(strings(2311), ElementsAre("LON00001"));
  for (const auto& m : all) {
    const bool at_dp = m.message_id() == 2342 || m.message_id() == 2329 || m.message_id() == 2330;
    EXPECT_EQ(m.attributes().at(400), "LON00001");
    if (at_dp) {
      EXPECT_EQ(m.attributes().at(404), nal);
    }
  }
}

TEST_F(DistributionTest, DistmgrLogTellsTheSameStory) {
  add_dp(kDp);
  distributed();
  manager_->stop();
  std::vector<std::string> texts;
  for (const auto& line : distmgr_->lines()) {
    EXPECT_THAT(line, HasSubstr("  $$<SMS_DISTRIBUTION_MANAGER><11-21-2026 20:00:00.000+000><thread="));
    texts.push_back(line.substr(0, line.find("  $$<")));
  }
  EXPECT_THAT(texts, Contains("~Starting package processing thread,thread ID = E1C"));
  EXPECT_THAT(texts, Contains("Start adding package to server " + nal_path(kDp, "LON") + "..."));
  EXPECT_EQ(texts.back(), "~Exiting package processing thread for package LON00001.");
  EXPECT_THAT(texts, Contains("STATMSG: ID=2300 SEV=I LEV=M SOURCE=\"SMS Server\" COMP=\"SMS_DISTRIBUTION_MANAGER\" "
                              "SYS=LON-DCSMS-01 SITE=LON PID=1948 TID=3612 GMTDATE=Sat Nov 21 20:00:00.000 2026 "
                              "ISTR0=\"" +
                              std::string(kName) +
                              "\" ISTR1=\"LON00001\" ISTR2=\"\" ISTR3=\"\" ISTR4=\"\" ISTR5=\"\" ISTR6=\"\" ISTR7=\"\" "
                              "ISTR8=\"\" ISTR9=\"\" NUMATTRS=1 AID0=400 AVAL0=\"LON00001\""));
  EXPECT_THAT(texts.back(), Not(HasSubstr("30009")));
}

TEST_F(DistributionTest, SeveralDpsInTheOrderOfTheirNalPaths) {
  add_dp(kDp2);
  add_dp(kDp);
  create(request());
  const uint64_t before = last_id();
  ASSERT_TRUE(distribute(*site_, dps_, "LON00001", on({kDp2, kDp, "lon-dp-02"})).ok());
  manager_->start();
  wait_message(2301, 2);
  EXPECT_EQ(ladder("LON00001", before), "30009 30009 2300 2342 2329 2330 2342 2329 2330 2301");
  EXPECT_EQ(package().dps(0).dp(), kDp);
  EXPECT_EQ(package().dps(1).dp(), kDp2);
  std::vector<std::string> nals;
  for (const auto& m : messages({.package = "LON00001", .after = before})) {
    if (m.message_id() == 2330) nals.push_back(m.insertion_strings(1));
  }
  EXPECT_THAT(nals, ElementsAre(nal_path(kDp, "LON"), nal_path(kDp2, "LON")));
}

TEST_F(DistributionTest, UpdateIsTheNextVersionEverywhere) {
  add_dp(kDp);
  distributed();
  v1::Collection collection;
  collection.set_name("All");
  ASSERT_TRUE(create_collection(*site_, collection).ok());
  v1::Advert advert;
  advert.set_package("LON00001");
  advert.set_program("Program 1");
  advert.set_collection("All");
  ASSERT_TRUE(create_advert(*site_, advert).ok());
  const auto cookie = site_record(store_->read())->policy_cookie();
  const v1::Package old = package();

  source("adminpak", {{"adminpak.msi", "other msi bytes"}});
  uint64_t before = last_id();
  const auto updated = update_package(*site_, *imports_, "LON00001");
  ASSERT_EQ(updated.status(), ok_status());
  EXPECT_EQ(updated->source_version(), 2u);
  EXPECT_NE(updated->hash().sha1(), old.hash().sha1());
  wait_message(2301, 3);
  EXPECT_EQ(ladder("LON00001", before), "2300 2311 2342 2329 2330 2301");
  EXPECT_EQ(package().dps(0).version(), 2u);
  EXPECT_EQ(show_advert(*site_, "LON20000")->policy_version(), 2u);
  EXPECT_NE(site_record(store_->read())->policy_cookie().SerializeAsString(), cookie.SerializeAsString());

  // The current and five older versions are kept, and nothing of the rest.
  for (uint32_t version = 3; version <= 8; version++) {
    source("adminpak", {{"adminpak.msi", "bytes of version " + std::to_string(version)}});
    ASSERT_TRUE(update_package(*site_, *imports_, "LON00001").ok());
  }
  wait_settled();
  std::vector<uint32_t> kept;
  ASSERT_TRUE(store::kManifests
                  .each(store_->read(), {"LON00001"},
                        [&](const store::Key&, const v1::Manifest& m) {
                          kept.push_back(m.version());
                          return true;
                        })
                  .ok());
  EXPECT_THAT(kept, ElementsAre(3, 4, 5, 6, 7, 8));
  EXPECT_THAT(store::fsck(*store_)->problems(), IsEmpty());
  EXPECT_EQ(package().dps(0).version(), 8u);
}

// What an update changes is told by the adverts of the package, and by those whose program runs one of it first.
TEST_F(DistributionTest, AnUpdateRaisesTheAdvertsThatLeadToThePackage) {
  create(request("LON00001"));
  v1::Package dependent = request("LON00002");
  dependent.mutable_programs(0)->set_run_first("LON00001;;Program 1");
  create(dependent);
  create(request("LON00003"));
  for (const char* package : {"LON00001", "LON00002", "LON00003"}) {
    v1::Advert advert;
    advert.set_package(package);
    advert.set_program("Program 1");
    advert.set_collection("All Systems");
    ASSERT_EQ(create_advert(*site_, advert).status(), ok_status());
  }
  const auto versions = [&] {
    std::vector<uint32_t> all;
    for (const char* advert : {"LON20000", "LON20001", "LON20002"}) {
      all.push_back(show_advert(*site_, advert)->policy_version());
    }
    return all;
  };
  ASSERT_THAT(versions(), ElementsAre(1, 1, 1));
  ASSERT_EQ(update_package(*site_, *imports_, "LON00001").status(), ok_status());
  EXPECT_THAT(versions(), ElementsAre(2, 2, 1));
  ASSERT_EQ(update_package(*site_, *imports_, "LON00002").status(), ok_status());
  EXPECT_THAT(versions(), ElementsAre(2, 3, 1));
}

// However many versions there have been: the current one whole, and of each older one what it had otherwise.
TEST_F(DistributionTest, AVersionThatChangesOneFileOfAHundredTakesTheRoomOfThatFile) {
  constexpr uint64_t kFiles = 100, kBytes = 10'000, kOlder = 5;
  const auto bytes_of = [](uint64_t file, uint64_t version) {
    std::string bytes = "file " + std::to_string(file) + " version " + std::to_string(version);
    bytes.resize(kBytes, '.');
    return bytes;
  };
  const auto name_of = [](uint64_t file) { return "file-" + std::to_string(file); };
  std::map<std::string, std::string> files;
  for (uint64_t file = 0; file < kFiles; file++) files[name_of(file)] = bytes_of(file, 1);
  v1::Package wanted = request();
  wanted.set_source(source("hundred", files));
  create(wanted);
  for (uint64_t version = 1; version <= 20; version++) {
    if (version > 1) {
      source("hundred", {{name_of(version % kFiles), bytes_of(version % kFiles, version)}});
      ASSERT_EQ(update_package(*site_, *imports_, "LON00001").status(), ok_status());
    }
    uint64_t contents = 0, manifests = 0;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder_ + "/site/blobs")) {
      if (entry.is_regular_file()) contents += entry.file_size();
    }
    ASSERT_TRUE(store::kManifests
                    .each(store_->read(), {},
                          [&](const store::Key&, const v1::Manifest& manifest) {
                            manifests += manifest.ByteSizeLong();
                            return true;
                          })
                    .ok());
    std::cout << "version " << version << ": " << contents << " bytes of files, " << manifests << " of manifests\n";
    EXPECT_EQ(contents, (kFiles + std::min(version - 1, kOlder)) * kBytes);
    EXPECT_LE(manifests, (1 + std::min(version - 1, kOlder)) * kFiles * 300);
  }
}

TEST_F(DistributionTest, UpdateWithoutDpsEndsAtOnce) {
  create(request());
  const uint64_t before = last_id();
  ASSERT_TRUE(update_package(*site_, *imports_, "LON00001").ok());
  EXPECT_EQ(ladder("LON00001", before), "2300 2311 2301");
}

TEST_F(DistributionTest, UpdateWithoutItsSourceKeepsWhatIsThere) {
  create(request());
  const uint64_t before = last_id();
  std::filesystem::rename(folder_ + "/adminpak", folder_ + "/elsewhere");
  const auto updated = update_package(*site_, *imports_, "LON00001");
  EXPECT_EQ(updated.status().code(), Code::kFailedPrecondition);
  EXPECT_EQ(updated.status().field(), "source");
  EXPECT_EQ(ladder("LON00001", before), "2300 2306 2302");
  EXPECT_EQ(package().source_version(), 1u);
  std::filesystem::rename(folder_ + "/elsewhere", folder_ + "/adminpak");
  EXPECT_EQ(update_package(*site_, *imports_, "LON00001")->source_version(), 2u);
}

TEST_F(DistributionTest, RefreshHealsDamage) {
  add_dp(kDp);
  distributed();
  v1::FaultRule rule;
  rule.mutable_match()->set_dp("lon-dcsms-01");
  rule.mutable_match()->set_package("LON00001");
  rule.mutable_match()->set_file("ADMINPAK.msi");
  rule.mutable_corrupt();
  const auto added = add_fault(*site_, dps_, rule);
  ASSERT_EQ(added.status(), ok_status());
  EXPECT_EQ(added->id(), "1");
  EXPECT_EQ(added->match().version(), 1u);
  EXPECT_EQ(added->match().file(), "adminpak.msi");
  EXPECT_NE(added->foretold().package().sha1(), package().hash().sha1());
  EXPECT_FALSE(added->healed());

  const uint64_t before = last_id();
  ASSERT_TRUE(refresh(*site_, dps_, "LON00001", on({kDp})).ok());
  wait_message(2301, 3);
  EXPECT_EQ(ladder("LON00001", before), "2300 2342 2329 2330 2301");
  EXPECT_TRUE(show_fault(*site_, "1")->healed());
  EXPECT_FALSE(package().dps(0).refresh());
  EXPECT_EQ(package().source_version(), 1u);
  ASSERT_EQ(delete_fault(*site_, dps_, "1"), ok_status());
  EXPECT_EQ(list_faults(*site_)->faults_size(), 0);
}

TEST_F(DistributionTest, RemoveTakesTheRowAndTheContent) {
  add_dp(kDp);
  distributed();
  uint64_t before = last_id();
  ASSERT_TRUE(remove(*site_, dps_, "LON00001", on({kDp})).ok());
  wait_message(2301, 3);
  EXPECT_EQ(ladder("LON00001", before), "30011 2300 2301");
  EXPECT_EQ(package().dps_size(), 0);
  before = last_id();
  ASSERT_TRUE(distribute(*site_, dps_, "LON00001", on({kDp})).ok());
  wait_message(2301, 4);
  EXPECT_EQ(ladder("LON00001", before), "30009 2300 2342 2329 2330 2301");
}

TEST_F(DistributionTest, DeleteTakesEverything) {
  add_dp(kDp);
  distributed();
  v1::Collection collection;
  collection.set_name("All");
  ASSERT_TRUE(create_collection(*site_, collection).ok());
  v1::Advert advert;
  advert.set_package("LON00001");
  advert.set_program("Program 1");
  advert.set_collection("All");
  ASSERT_TRUE(create_advert(*site_, advert).ok());
  const uint64_t before = last_id();
  ASSERT_TRUE(delete_package(*site_, "LON00001").ok());
  wait_message(2301, 3);
  EXPECT_EQ(show_package(*site_, "LON00001").status().code(), Code::kNotFound);
  EXPECT_EQ(show_advert(*site_, "LON20000").status().code(), Code::kNotFound);
  EXPECT_EQ(ladder("LON00001", before), "30002 30005 2300 2301");
  std::string all;
  for (const auto& m : messages({.after = before})) all += std::to_string(m.message_id()) + " ";
  EXPECT_EQ(all, "30002 30005 30008 2300 2301 ");
  EXPECT_THAT(store::fsck(*store_)->problems(), IsEmpty());
  create(request());  // the ID is free again
}

TEST_F(DistributionTest, DeleteWithoutDps) {
  create(request());
  const uint64_t before = last_id();
  ASSERT_TRUE(delete_package(*site_, "LON00001").ok());
  EXPECT_EQ(ladder("LON00001", before), "30002 30005 2300 2301");
  EXPECT_EQ(show_package(*site_, "LON00001").status().code(), Code::kNotFound);
  EXPECT_EQ(store::fsck(*store_)->blobs(), 0u);
}

TEST_F(DistributionTest, ChangesOfData) {
  create(request());
  uint64_t before = last_id();
  v1::Package change;
  change.set_name("Tools");
  ASSERT_EQ(set_package(*site_, "LON00001", change)->name(), "Tools");
  EXPECT_EQ(ladder("LON00001", before), "30001 2300 2311 2301");
  EXPECT_FALSE(package().source().empty());

  before = last_id();
  v1::Program program;
  program.set_name("Repair");
  program.set_command_line("setup /r");
  ASSERT_TRUE(add_program(*site_, "LON00001", program).ok());
  v1::Program longer;
  longer.set_duration_minutes(30);
  const auto changed = set_program(*site_, "LON00001", "repair", longer);
  ASSERT_TRUE(changed.ok());
  EXPECT_EQ(changed->command_line(), "setup /r");
  EXPECT_EQ(changed->duration_minutes(), 30u);
  ASSERT_EQ(delete_program(*site_, "LON00001", "Repair"), ok_status());
  EXPECT_EQ(ladder("LON00001", before), "30003 2300 2311 2301 30004 2300 2311 2301 30005 2300 2311 2301");
  EXPECT_EQ(package().programs_size(), 1);
}

TEST_F(DistributionTest, IdsThatTheSiteGives) {
  v1::Package first = request("");
  EXPECT_EQ(create(first).id(), "LON00001");
  EXPECT_EQ(create(first).id(), "LON00002");
  EXPECT_EQ(create(request("LON00003")).id(), "LON00003");
  EXPECT_EQ(create(first).id(), "LON00004");
}

TEST_F(DistributionTest, OneImportAPackage) {
  create(request());
  {
    const auto import = imports_->begin("LON00001", "/srv/tools");
    ASSERT_TRUE(import.ok());
    EXPECT_EQ((*import)->progress()(4711), ok_status());
    ASSERT_EQ(imports_->list().imports_size(), 1);
    EXPECT_EQ(imports_->list().imports(0).package(), "LON00001");
    EXPECT_EQ(imports_->list().imports(0).bytes(), 4711u);
    EXPECT_EQ(update_package(*site_, *imports_, "LON00001").status().code(), Code::kAborted);
    EXPECT_EQ(create(request("")).id(), "LON00002");  // others go on
  }
  EXPECT_EQ(imports_->list().imports_size(), 0);
  EXPECT_TRUE(update_package(*site_, *imports_, "LON00001").ok());
  imports_->stop();
  EXPECT_EQ(update_package(*site_, *imports_, "LON00001").status().code(), Code::kUnavailable);
  EXPECT_EQ(package().source_version(), 2u);
}

TEST_F(DistributionTest, AForeignPackageCanBeRefreshedNotUpdated) {
  add_dp(kDp);
  create(request("CEN0005E"));
  manager_->start();
  ASSERT_TRUE(distribute(*site_, dps_, "CEN0005E", on({kDp})).ok());
  wait_message(2301, 2, "CEN0005E");
  const auto updated = update_package(*site_, *imports_, "CEN0005E");
  EXPECT_EQ(updated.status().code(), Code::kFailedPrecondition);
  EXPECT_EQ(updated.status().field(), "id");
  ASSERT_TRUE(refresh(*site_, dps_, "CEN0005E", on({kDp})).ok());
  EXPECT_EQ(wait_settled("CEN0005E").dps(0).state(), v1::PackageDp::INSTALLED);
}

TEST_F(DistributionTest, ARestartTakesUpWhatIsPending) {
  add_dp(kDp);
  create(request());
  const uint64_t before = last_id();
  ASSERT_TRUE(distribute(*site_, dps_, "LON00001", on({kDp})).ok());
  restart_site();
  EXPECT_EQ(package().dps(0).state(), v1::PackageDp::INSTALL_PENDING);
  manager_->start();
  EXPECT_EQ(wait_settled().dps(0).state(), v1::PackageDp::INSTALLED);
  wait_message(2301, 2);
  EXPECT_EQ(ladder("LON00001", before), "30009 2300 2342 2329 2330 2301");
}

TEST_F(DistributionTest, AnUnreachableDpIsTriedAgainInLabTime) {
  add_dp(kDp);
  stop_dp(kDp);
  create(request());
  manager_->start();
  const uint64_t before = last_id();
  ASSERT_TRUE(distribute(*site_, dps_, "LON00001", on({kDp})).ok());
  wait_message(2302);
  EXPECT_EQ(ladder("LON00001", before), "30009 2300 2342 2302");
  v1::PackageDp row = package().dps(0);
  EXPECT_EQ(row.state(), v1::PackageDp::INSTALL_RETRYING);
  EXPECT_EQ(row.failures(), 1u);
  EXPECT_EQ(row.win32_error(), 53u);
  EXPECT_THAT(row.last_error(), HasSubstr("(Win32 error 53)"));
  EXPECT_THAT(distmgr_->lines(),
              Contains(HasSubstr("Failed to copy package LON00001 to " + nal_path(kDp, "LON") + ", Win32 Error = 53")));
  EXPECT_THAT(distmgr_->lines(),
              Contains(HasSubstr("Failed to process package LON00001 after 0 retries, will retry 100 more times")));
  EXPECT_EQ(from_timestamp(row.next_try()), clock_.now() + kRetryInterval);

  start_dp_again(kDp);
  clock_.advance(kRetryInterval);
  wait_message(2301, 2);
  EXPECT_EQ(ladder("LON00001", before), "30009 2300 2342 2302 2300 2342 2329 2330 2301");
  row = package().dps(0);
  EXPECT_EQ(row.state(), v1::PackageDp::INSTALLED);
  EXPECT_EQ(row.failures(), 0u);
  EXPECT_EQ(row.win32_error(), 0u);
  EXPECT_TRUE(row.last_error().empty());
}

TEST_F(DistributionTest, RetriesGoOnAfterARestart) {
  add_dp(kDp);
  stop_dp(kDp);
  create(request());
  manager_->start();
  ASSERT_TRUE(distribute(*site_, dps_, "LON00001", on({kDp})).ok());
  wait_failures(1);
  restart_site();
  start_dp_again(kDp);
  clock_.advance(kRetryInterval);
  manager_->start();
  EXPECT_EQ(wait_settled().dps(0).state(), v1::PackageDp::INSTALLED);
}

TEST_F(DistributionTest, RetriesAreUsedUp) {
  add_dp(kDp, false);
  create(request());
  manager_->start();
  ASSERT_TRUE(distribute(*site_, dps_, "LON00001", on({kDp})).ok());
  for (uint32_t tries = 1; tries <= kRetries; tries++) {
    wait_failures(tries);
    ASSERT_EQ(package().dps(0).state(), v1::PackageDp::INSTALL_RETRYING);
    clock_.advance(kRetryInterval);
  }
  EXPECT_EQ(wait_settled().dps(0).state(), v1::PackageDp::INSTALL_FAILED);
  // A refresh begins anew.
  ASSERT_TRUE(refresh(*site_, dps_, "LON00001", on({kDp})).ok());
  wait_failures(1);
  EXPECT_EQ(package().dps(0).state(), v1::PackageDp::INSTALL_RETRYING);
}

TEST_F(DistributionTest, ADpThatRefusesIsACopyThatFailed) {
  const HostPort at = serve_dp(kDp);
  dps_.add({.name = kDp, .url = {}, .control_url = "http://" + format_host_port(at), .token = "another"});
  add_dp(kDp2);
  create(request());
  const uint64_t before = last_id();
  ASSERT_TRUE(distribute(*site_, dps_, "LON00001", on({kDp, kDp2})).ok());
  manager_->start();
  wait_message(2302);
  // The other DP has it all the same; no 2301 before all have.
  EXPECT_EQ(ladder("LON00001", before), "30009 30009 2300 2342 2328 2342 2329 2330 2302");
  EXPECT_EQ(package().dps(1).state(), v1::PackageDp::INSTALLED);
  // Without the one that fails, the package is everywhere.
  ASSERT_TRUE(remove(*site_, dps_, "LON00001", on({kDp})).ok());
  wait_message(2302, 2);
  EXPECT_EQ(package().dps(0).state(), v1::PackageDp::REMOVAL_RETRYING);
}

TEST_F(DistributionTest, AnOrderDuringACopyIsNotLost) {
  FakeDp fake(clock_, site_->log);
  dps_.add({.name = kDp, .url = {}, .control_url = "http://" + format_host_port(fake.at), .token = {}});
  create(request());
  fake.on_offer = [&](int n) {
    if (n == 1) {
      EXPECT_TRUE(update_package(*site_, *imports_, "LON00001").ok());
    }
    if (n == 2) {
      EXPECT_TRUE(refresh(*site_, dps_, "LON00001", on({kDp})).ok());
    }
  };
  const uint64_t before = last_id();
  ASSERT_TRUE(distribute(*site_, dps_, "LON00001", on({kDp})).ok());
  manager_->start();
  wait_message(2301, 2);
  EXPECT_EQ(ladder("LON00001", before), "30009 2300 2300 2311 2342 2329 2330 2342 2329 2330 2342 2329 2330 2301");
  EXPECT_THAT(fake.versions(), ElementsAre(1, 2, 2));
  EXPECT_THAT(fake.overwrites(), ElementsAre(false, false, true));
  EXPECT_EQ(package().dps(0).state(), v1::PackageDp::INSTALLED);
  EXPECT_EQ(package().dps(0).version(), 2u);
}

TEST_F(DistributionTest, RemovedDuringACopy) {
  FakeDp fake(clock_, site_->log);
  dps_.add({.name = kDp, .url = {}, .control_url = "http://" + format_host_port(fake.at), .token = {}});
  create(request());
  fake.on_offer = [&](int) { EXPECT_TRUE(remove(*site_, dps_, "LON00001", on({kDp})).ok()); };
  ASSERT_TRUE(distribute(*site_, dps_, "LON00001", on({kDp})).ok());
  manager_->start();
  wait_message(2302);  // the fake knows no removals
  EXPECT_EQ(package().dps(0).state(), v1::PackageDp::REMOVAL_RETRYING);
}

}  // namespace
}  // namespace smslab::mp
