// Reset: the site as after its first start, whatever it was, and everything or nothing of it.
#include "mp/boundaries.h"
#include "mp/clients.h"
#include "mp/dp_admission.h"
#include "mp/dp_link.h"
#include "mp/dp_records.h"
#include "mp/faults.h"
#include "mp/inboxes.h"
#include "mp/scenario.h"
#include "mp/site_record.h"
#include "proto/schema/timestamp.h"
#include "tests/mp/site_fixture.h"

namespace smslab::mp {
namespace {
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class ResetTest : public SiteTest {
 protected:
  ResetTest() {
    add_dp(kDp);
    v1::Boundary* boundary = start_.mutable_settings()->add_boundaries();
    boundary->set_name("Office");
    boundary->set_subnet("192.168.1.0/24");
    start_.mutable_settings()->set_retries(7);
    v1::ScenarioDp* dp = start_.add_dps();
    dp->set_name(kDp);
    dp->set_protected_(true);
    dp->add_boundaries("office");
    v1::ScenarioPackage* package = start_.add_packages();
    package->set_id("LON00001");
    package->set_name(kName);
    package->set_source(source("adminpak", {{"adminpak.msi", "msi bytes"}, {"sub/readme.txt", "read me"}}));
    package->add_dps(kDp);
    v1::Program* program = package->add_programs();
    program->set_name("Program 1");
    program->set_command_line("setup.exe");
    v1::Collection* collection = start_.add_collections();
    collection->set_name("Admin Systems");
    collection->add_members("WRK-LON-001");
    v1::Advert* advert = start_.add_adverts();
    advert->set_id("LON20000");
    advert->set_package("LON00001");
    advert->set_program("Program 1");
    advert->set_collection("Admin Systems");
    start_.add_clients()->set_name("WRK-LON-001");
  }
  // What a start with the scenario makes of a new folder.
  void apply() {
    manager_->start();
    Problems problems;
    ASSERT_EQ(apply_scenario(*site_, dps_, *imports_, start_, &problems).status(), ok_status());
    wait_message(2301, 2);
  }
  void reset() {
    Problems problems;
    const auto now = reset_to(start_, &problems);
    ASSERT_EQ(now.status(), ok_status());
    EXPECT_THAT(problems, IsEmpty());
  }
  v1::SiteRecord record() { return *site_record(store_->read()); }
  // Every record, but for what goes on counting (the policy cookie and two numbers that tell readers of a change), and
  // files that are still to be unlinked.
  std::string state() {
    v1::SiteRecord own = record();
    own.clear_policy_cookie();
    own.clear_members_version();
    own.clear_status_sequence();
    std::string out = own.ShortDebugString() + "\n";
    for (const auto& message : messages()) out += message.ShortDebugString() + "\n";  // maps have no order of bytes
    EXPECT_EQ(store_->read().scan("",
                                  [&](std::string_view key, std::string_view value) {
                                    const std::string_view table = key.substr(0, key.find('\0'));
                                    if (table != "site" && table != "status" && table != "garbage") {
                                      out += std::string(key) + "=" + std::string(value) + "\n";
                                    }
                                    return true;
                                  }),
              ok_status());
    return out;
  }
  v1::DpInfo holds(const std::string& name = kDp) { return *DpLink(*dps_.find(name)).contents(); }
  std::vector<std::string> blobs() {
    std::vector<std::string> out;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder_ + "/site/blobs")) {
      if (entry.is_regular_file()) out.push_back(entry.path().filename());
    }
    std::sort(out.begin(), out.end());
    return out;
  }

  v1::Scenario start_;
};

TEST_F(ResetTest, TheSiteIsAsAfterItsFirstStart) {
  apply();
  const std::string first = state();
  const auto first_blobs = blobs();
  const std::string held = holds().contents(0).manifest_digest();
  const auto written = std::filesystem::last_write_time(folder_ + "/adminpak/adminpak.msi");
  const auto exported = export_scenario(*site_, dps_)->ShortDebugString();

  // Something of every kind.
  clock_.advance(std::chrono::hours(24 * 400));
  clock_.run();
  source("adminpak", {{"adminpak.msi", "other bytes"}});
  ASSERT_TRUE(update_package(*site_, *imports_, "LON00001").ok());
  v1::Package another;
  another.set_id("LON00002");
  another.set_name("Another");
  another.set_source(source("another", {{"a", "a file"}, {"b", "another file"}}));
  create(another);
  ASSERT_TRUE(distribute(*site_, dps_, "LON00002", on({kDp})).ok());
  wait_message(2301, 2, "LON00002");
  wait_settled();
  v1::Collection collection;
  collection.set_name("Others");
  ASSERT_TRUE(create_collection(*site_, collection).ok());
  ASSERT_EQ(delete_advert(*site_, "LON20000"), ok_status());
  v1::Client client;
  client.set_name("WRK-LON-002");
  client.set_smsid("GUID:F5EC9167-62AB-43BB-870E-4F40A720AB52");
  ASSERT_TRUE(create_client(*site_, client).ok());
  site_->activity->policy_asked(*store_, "WRK-LON-001", "127.0.0.2", clock_);
  site_->activity->located(*store_, "WRK-LON-001", place_said("London", {"192.168.1.7"}), clock_);
  v1::FaultRule damage, stop;
  damage.mutable_match()->set_dp(kDp);
  damage.mutable_match()->set_package("LON00002");
  damage.mutable_match()->set_file("a");
  damage.mutable_corrupt();
  ASSERT_EQ(add_fault(*site_, dps_, damage).status(), ok_status());
  stop.mutable_match()->set_client("WRK-LON-001");
  stop.mutable_reset_peer();
  ASSERT_EQ(add_fault(*site_, dps_, stop).status(), ok_status());
  ASSERT_TRUE(site_->rules->any(fault::Stage::kReply));
  v1::DpInfo open;
  open.set_protected_(false);
  ASSERT_TRUE(set_dp(*site_, dps_, kDp, open).ok());
  const v1::SiteRecord before = record();

  source("adminpak", {{"adminpak.msi", "msi bytes"}});
  std::filesystem::last_write_time(folder_ + "/adminpak/adminpak.msi", written);
  reset();
  EXPECT_TRUE(clock_.frozen());
  EXPECT_EQ(clock_.now(), *parse_rfc3339("2026-11-21T20:00:00Z"));
  EXPECT_FALSE(site_->rules->any(fault::Stage::kReply));
  EXPECT_EQ(site_->activity->client_at("127.0.0.2"), "");
  EXPECT_FALSE(show_client(*site_, "WRK-LON-001")->has_last_policy());
  EXPECT_TRUE(dps_.find(kDp)->is_protected);
  wait_message(2301, 2);
  EXPECT_EQ(export_scenario(*site_, dps_)->ShortDebugString(), exported);
  ASSERT_EQ(holds().contents_size(), 1);
  EXPECT_EQ(holds().contents(0).manifest_digest(), held);
  EXPECT_EQ(blobs(), first_blobs);
  EXPECT_EQ(state(), first) << "to the letter";

  EXPECT_GT(from_timestamp(record().policy_cookie()), from_timestamp(before.policy_cookie())) << "clients ask anew";
  EXPECT_GT(record().members_version(), before.members_version());
  EXPECT_GT(record().status_sequence(), before.status_sequence());
  reset();
  wait_message(2301, 2);
  EXPECT_EQ(state(), first) << "each time";
}

TEST_F(ResetTest, WithoutAScenarioNothingIsLeft) {
  const std::string empty = state();
  apply();
  start_.Clear();
  reset();
  EXPECT_EQ(state(), empty);
  EXPECT_EQ(holds().contents_size(), 0);
  EXPECT_FALSE(dps_.find(kDp)->is_protected);
  EXPECT_TRUE(*site_is_empty(*site_));
  EXPECT_THAT(blobs(), IsEmpty());
}

TEST_F(ResetTest, WhatIsRefusedChangesNothing) {
  apply();
  clock_.advance(std::chrono::hours(1));
  site_->activity->policy_asked(*store_, "WRK-LON-001", "127.0.0.2", clock_);
  site_->activity->flush(*store_);
  const std::string before = dump(), held = holds().ShortDebugString();
  const auto staged_before = staged();
  const auto refused = [&](const std::string& field) {
    Problems problems;
    EXPECT_FALSE(reset_to(start_, &problems).ok());
    ASSERT_THAT(problems, SizeIs(1));
    EXPECT_EQ(problems[0].field(), field);
    EXPECT_EQ(dump(), before);
    EXPECT_EQ(holds().ShortDebugString(), held);
    EXPECT_EQ(clock_.now(), *parse_rfc3339("2026-11-21T21:00:00Z"));
    EXPECT_EQ(site_->activity->client_at("127.0.0.2"), "WRK-LON-001");
    EXPECT_EQ(staged(), staged_before);
  };
  // Seen before anything is done, when the sources are read, and in the change itself.
  const v1::Scenario good = start_;
  start_.mutable_packages(0)->set_source(folder_ + "/nowhere");
  refused("packages[0].source");
  start_ = good;
  start_.mutable_packages(0)->set_source(source("odd", {{"a?b", "x"}}));
  refused("packages[0].source");
  start_ = good;
  start_.mutable_adverts(0)->set_program("Program 9");
  refused("adverts[0].program");
  // What was under way goes on, and the next one is carried out.
  ASSERT_TRUE(refresh(*site_, dps_, "LON00001", on({kDp})).ok());
  wait_message(2301, 3);
  start_ = good;
  reset();
  wait_message(2301, 2);
}

TEST_F(ResetTest, TheStartsTimesAreThoseOfTheClockAsItWasStarted) {
  apply();
  clock_.advance(std::chrono::hours(1000));
  reset();
  for (const auto& message : messages()) EXPECT_EQ(from_timestamp(message.time()), clock_.now());
  EXPECT_EQ(from_timestamp(show_advert(*site_, "LON20000")->start()), *parse_rfc3339("2026-11-21T20:00:00Z"));
}

TEST_F(ResetTest, ADpThatIsAwayIsPutRightWhenItReturns) {
  add_dp(kDp2);
  start_.mutable_packages(0)->add_dps(kDp2);
  apply();
  create(request("LON00002"));
  ASSERT_TRUE(distribute(*site_, dps_, "LON00002", on({kDp2})).ok());
  wait_message(2301, 2, "LON00002");
  ASSERT_EQ(holds(kDp2).contents_size(), 2);
  points_.erase(kDp2);
  // The same version of the same package, made of another source.
  source("adminpak", {{"adminpak.msi", "new bytes"}});
  reset();
  wait_message(2302);
  EXPECT_THAT(console_->lines(), ::testing::Contains(HasSubstr(std::string(kDp2) + " still holds what it held")));
  const auto row = [&](const char* dp) {
    const v1::Package package = *show_package(*site_, "LON00001");
    return *std::ranges::find_if(package.dps(), [&](const auto& each) { return each.dp() == dp; });
  };
  EXPECT_EQ(row(kDp).state(), v1::PackageDp::INSTALLED);
  EXPECT_EQ(row(kDp2).state(), v1::PackageDp::INSTALL_RETRYING) << "nobody is sent to the old bytes";

  add_dp(kDp2);
  catch_up_->start();
  catch_up_->returned(kDp2);
  wait_message(2301, 2);
  EXPECT_EQ(row(kDp2).state(), v1::PackageDp::INSTALLED);
  while (holds(kDp2).contents_size() > 1) {
  }
  EXPECT_EQ(holds(kDp2).contents(0).manifest_digest(), holds(kDp).contents(0).manifest_digest());
}

TEST_F(ResetTest, TheInboxesFollow) {
  site_->inboxes = std::make_shared<const Inboxes>(posix_env(), folder_ + "/inboxes", std::vector<std::string>());
  ASSERT_EQ(site_->inboxes->settle(*site_), ok_status());
  apply();
  create(request("LON00002"));
  const auto files = [&] {
    std::vector<std::string> out;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder_ + "/inboxes")) {
      if (entry.is_regular_file()) out.push_back(entry.path().filename());
    }
    std::sort(out.begin(), out.end());
    return out;
  };
  const std::vector<std::string> of_the_start = {"LON00001.nal", "LON00001.pkg", "LON20000.OFR"};
  ASSERT_THAT(files(), ::testing::Contains("LON00002.pkg"));
  reset();
  wait_message(2301, 2);
  EXPECT_EQ(files(), of_the_start);
  start_.Clear();
  reset();
  EXPECT_THAT(files(), IsEmpty());
}

// ---- the DPs of a scenario

TEST_F(ResetTest, ADpsSettingsAreMadeAndExported) {
  apply();
  const v1::DpInfo dp = *show_dp(*site_, dps_, kDp);
  EXPECT_TRUE(dp.protected_());
  EXPECT_THAT(dp.boundaries(), ElementsAre("Office")) << "as the site spells it";
  const v1::Scenario out = *export_scenario(*site_, dps_);
  ASSERT_EQ(out.dps_size(), 1);
  EXPECT_TRUE(out.dps(0).protected_());
  EXPECT_THAT(out.dps(0).boundaries(), ElementsAre("Office"));
  restart_site();
  ASSERT_EQ(add_own_dp(*site_, dps_, *dps_.find(kDp)), ok_status());
  EXPECT_TRUE(dps_.find(kDp)->is_protected) << "kept";

  v1::Scenario wrong;
  wrong.add_dps()->set_name(kDp);
  wrong.mutable_dps(0)->add_boundaries("Nowhere");
  const std::string before = dump();
  Problems problems;
  EXPECT_FALSE(apply_scenario(*site_, dps_, *imports_, wrong, &problems).ok());
  ASSERT_THAT(problems, SizeIs(1));
  EXPECT_EQ(problems[0].field(), "dps[0].boundaries");
  EXPECT_EQ(dump(), before);
  EXPECT_TRUE(dps_.find(kDp)->is_protected);
}

TEST_F(ResetTest, ABoundaryThatADpHasIsNotDeleted) {
  apply();
  const std::string before = dump();
  const Status refused = delete_boundary(*site_, "OFFICE");
  EXPECT_EQ(refused.code(), Code::kFailedPrecondition);
  EXPECT_EQ(refused.field(), "name");
  EXPECT_THAT(refused.message(), HasSubstr("smslab dp set LON-DCSMS-01"));
  EXPECT_EQ(dump(), before);
  v1::DpInfo none;
  none.add_boundaries("");
  ASSERT_TRUE(set_dp(*site_, dps_, kDp, none).ok());
  EXPECT_EQ(delete_boundary(*site_, "OFFICE"), ok_status());
}

}  // namespace
}  // namespace smslab::mp
