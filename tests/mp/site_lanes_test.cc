// Several DPs at once: one that is slow, full or away holds up no other.
#include "mp/settings.h"
#include "mp/site_record.h"
#include "proto/base/ids.h"
#include "tests/mp/fake_dp.h"
#include "tests/mp/site_fixture.h"
#include "tests/support/faulty_env.h"

namespace smslab::mp {
namespace {
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

constexpr const char* kFirst = "LON-DP-00";  // before the others, by NAL path
using smslab::testing::FaultyEnv;
using Dp = v1::PackageDp;

class LanesTest : public SiteTest {
 protected:
  void add(const std::string& name, const HostPort& at) {
    dps_.add({.name = name, .url = {}, .control_url = "http://" + format_host_port(at), .token = "token"});
  }
  v1::Package package(const std::string& id = "LON00001") { return *show_package(*site_, id); }
  Dp row(const std::string& dp, const std::string& id = "LON00001") {
    const v1::Package found = package(id);
    for (const auto& each : found.dps()) {
      if (each.dp() == dp) return each;
    }
    return {};
  }
  // Until the DP's row of the package is in `state`.
  void wait_state(const std::string& dp, Dp::State state, const std::string& id = "LON00001") {
    const auto good = [&](const v1::Package& p) {
      return std::any_of(p.dps().begin(), p.dps().end(),
                         [&](const Dp& each) { return each.dp() == dp && each.state() == state; });
    };
    const auto found = polls_->wait<v1::Package>(
        kMaxWait, [&] { return show_package(*site_, id); }, good);
    ASSERT_TRUE(found.ok() && good(*found)) << dp << " of " << id;
  }
  void set_retries(uint32_t retries, uint32_t minutes) {
    ASSERT_EQ(store_->commit([&](store::WriteTxn& txn) -> Status {
      ASSIGN_OR_RETURN(v1::SiteRecord record, site_record(txn));
      record.mutable_settings()->set_retries(retries);
      record.mutable_settings()->set_retry_interval_minutes(minutes);
      return store::kSite.put(txn, {"site"}, record);
    }),
              ok_status());
  }
};

TEST_F(LanesTest, AStalledDpHoldsUpNobody) {
  together_ = std::chrono::milliseconds(300);
  restart_site();
  FakeDp stalled(clock_, site_->log);
  stalled.stall();
  add(kFirst, stalled.at);
  add_dp(kDp);
  add_dp(kDp2);
  // More packages than are under way at once, all of them on the stalled DP too.
  std::vector<std::string> ids;
  for (int n = 1; n <= 5; n++) ids.push_back("LON0000" + std::to_string(n));
  for (const auto& id : ids) create(request(id));
  const uint64_t before = last_id();
  for (const auto& id : ids) ASSERT_TRUE(distribute(*site_, dps_, id, on({kFirst, kDp, kDp2})).ok());
  manager_->start();
  for (const auto& id : ids) {
    wait_state(kDp, Dp::INSTALLED, id);
    wait_state(kDp2, Dp::INSTALLED, id);
    EXPECT_EQ(row(kFirst, id).state(), Dp::INSTALL_PENDING);
    EXPECT_EQ(ladder(id, before), "30009 30009 30009 2300 2342 2329 2330 2342 2329 2330");
  }
  // An order for another DP is carried out meanwhile.
  ASSERT_TRUE(refresh(*site_, dps_, "LON00001", on({kDp2})).ok());
  wait_state(kDp2, Dp::INSTALLED);
  stalled.release();
  for (const auto& id : ids) wait_message(2301, 2, id);
  EXPECT_EQ(row(kFirst).state(), Dp::INSTALLED);
  EXPECT_EQ(ladder("LON00005", before), "30009 30009 30009 2300 2342 2329 2330 2342 2329 2330 2342 2329 2330 2301");
}

TEST_F(LanesTest, OutcomesAreWrittenByNalPathWhoeverIsDoneFirst) {
  FakeDp slow(clock_, site_->log);
  slow.stall();
  add(kFirst, slow.at);
  FakeDp quick(clock_, site_->log);
  add(kDp2, quick.at);
  create(request());
  const uint64_t before = last_id();
  ASSERT_TRUE(distribute(*site_, dps_, "LON00001", on({kFirst, kDp2})).ok());
  quick.on_offer = [&](int) { slow.release(); };  // not before the other one is at work
  manager_->start();
  wait_message(2301, 2);
  std::vector<std::string> nals;
  for (const auto& m : messages({.package = "LON00001", .after = before})) {
    if (m.message_id() == 2330) nals.push_back(m.insertion_strings(1));
  }
  EXPECT_THAT(nals, ElementsAre(nal_path(kFirst, "LON"), nal_path(kDp2, "LON")));
}

TEST_F(LanesTest, AStopDoesNotWaitForAStalledDp) {
  FakeDp stalled(clock_, site_->log);
  stalled.stall();
  std::promise<void> asked;
  stalled.on_offer = [&](int n) {
    if (n == 1) asked.set_value();
  };
  add(kFirst, stalled.at);
  create(request());
  const uint64_t before = last_id();
  ASSERT_TRUE(distribute(*site_, dps_, "LON00001", on({kFirst})).ok());
  manager_->start();
  asked.get_future().wait();
  restart_site();  // while the DP says nothing
  EXPECT_EQ(row(kFirst).state(), Dp::INSTALL_PENDING);
  EXPECT_EQ(ladder("LON00001", before), "30009 2300");
  stalled.release();
  manager_->start();
  wait_message(2301, 2);
  EXPECT_EQ(ladder("LON00001", before), "30009 2300 2342 2329 2330 2301");
}

TEST_F(LanesTest, AFailureBeforeARestartStillFailsThePass) {
  FakeDp stalled(clock_, site_->log);
  stalled.stall();
  add(kFirst, {"127.0.0.1", 9});  // where nobody listens
  add(kDp2, stalled.at);
  create(request());
  const uint64_t before = last_id();
  ASSERT_TRUE(distribute(*site_, dps_, "LON00001", on({kFirst, kDp2})).ok());
  manager_->start();
  wait_state(kFirst, Dp::INSTALL_RETRYING);
  EXPECT_TRUE(row(kFirst).pass_failed());
  restart_site();
  EXPECT_EQ(ladder("LON00001", before), "30009 30009 2300 2342");
  stalled.release();
  manager_->start();
  wait_message(2302);
  EXPECT_EQ(ladder("LON00001", before), "30009 30009 2300 2342 2342 2329 2330 2302");
  EXPECT_EQ(row(kDp2).state(), Dp::INSTALLED);
  EXPECT_FALSE(row(kFirst).pass_failed()) << "it is about the pass that is open";
}

TEST_F(LanesTest, AFullDiskIsSaidAndGivenBack) {
  FaultyEnv disk(posix_env());
  add(kDp, serve_dp(kDp, disk));
  add_dp(kDp2);
  v1::Package wanted = request();
  source("adminpak", {{"large.bin", std::string(5'000'000, 'x')}});
  create(wanted);
  const uint64_t before = last_id();
  disk.fail(FaultyEnv::Call::kAppend, 3, Status(Code::kNoSpace, "No space left on device"));
  ASSERT_TRUE(distribute(*site_, dps_, "LON00001", on({kDp, kDp2})).ok());
  manager_->start();
  wait_message(2302);
  EXPECT_EQ(ladder("LON00001", before), "30009 30009 2300 2342 2328 2342 2329 2330 2302");
  EXPECT_EQ(row(kDp).state(), Dp::INSTALL_RETRYING);
  EXPECT_EQ(row(kDp).win32_error(), 112u);
  EXPECT_EQ(row(kDp).version(), 0u);
  EXPECT_EQ(row(kDp2).state(), Dp::INSTALLED);
  EXPECT_EQ(package().summary().targeted(), 2u);
  EXPECT_EQ(package().summary().installed(), 1u);
  EXPECT_EQ(package().summary().retrying(), 1u);
  EXPECT_THAT(distmgr_->lines(), Contains(HasSubstr("Win32 Error = 112")));
  size_t left = 0;  // on the full disk
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder_ + "/dp-" + kDp + "/stage")) {
    left += entry.is_regular_file() ? 1 : 0;
  }
  EXPECT_EQ(left, 0u);

  clock_.advance(std::chrono::minutes(30));
  wait_message(2301, 2);
  EXPECT_EQ(ladder("LON00001", before), "30009 30009 2300 2342 2328 2342 2329 2330 2302 2300 2342 2329 2330 2301");
  EXPECT_EQ(row(kDp).state(), Dp::INSTALLED);
  manager_->stop();
  points_.erase(kDp);  // before its disk goes
}

TEST_F(LanesTest, RetriesAreThoseOfTheSettings) {
  add_dp(kDp, false);
  create(request());
  set_retries(2, 5);
  manager_->start();
  const auto use_up = [&] {
    for (uint32_t tries = 1; tries <= 2; tries++) {
      wait_state(kDp, Dp::INSTALL_RETRYING);
      const auto failures = [&](const v1::Package& p) { return p.dps(0).failures() == tries; };
      ASSERT_TRUE(polls_
                      ->wait<v1::Package>(
                          kMaxWait, [&] { return show_package(*site_, "LON00001"); }, failures)
                      .ok());
      ASSERT_EQ(row(kDp).failures(), tries);
      clock_.advance(std::chrono::minutes(5));
    }
    wait_state(kDp, Dp::INSTALL_FAILED);
    EXPECT_FALSE(row(kDp).has_next_try());
  };
  ASSERT_TRUE(distribute(*site_, dps_, "LON00001", on({kDp})).ok());
  use_up();
  EXPECT_EQ(package().summary().failed(), 1u);
  EXPECT_THAT(distmgr_->lines(), Contains(HasSubstr("after 2 retries, will retry 0 more times")));
  // Each of these takes it out of FAILED.
  ASSERT_TRUE(refresh(*site_, dps_, "LON00001", on({kDp})).ok());
  use_up();
  ASSERT_TRUE(update_package(*site_, *imports_, "LON00001").ok());
  use_up();
  ASSERT_TRUE(remove(*site_, dps_, "LON00001", on({kDp})).ok());
  ASSERT_TRUE(distribute(*site_, dps_, "LON00001", on({kDp})).ok());
  use_up();
}

TEST_F(LanesTest, AnUpdateSendsOnlyWhatChanged) {
  FakeDp fake(clock_, site_->log);
  add(kDp, fake.at);
  source("adminpak", {{"large.bin", std::string(300'000, 'x')}});
  create(request());
  manager_->start();
  ASSERT_TRUE(distribute(*site_, dps_, "LON00001", on({kDp})).ok());
  wait_message(2301, 2);
  EXPECT_THAT(fake.puts(), UnorderedElementsAre(9, 7, 300'000));
  source("adminpak", {{"sub/readme.txt", "read this"}});
  ASSERT_TRUE(update_package(*site_, *imports_, "LON00001").ok());
  wait_message(2301, 3);
  EXPECT_THAT(fake.versions(), ElementsAre(1, 2));
  EXPECT_EQ(fake.puts().size(), 4u);
  EXPECT_EQ(fake.puts().back(), 9u);
}

}  // namespace
}  // namespace smslab::mp
