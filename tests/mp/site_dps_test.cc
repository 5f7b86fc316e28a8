// The site's distribution points: who becomes one, what is kept of them, and how one that comes back catches up.
#include <thread>

#include "mp/dp_admission.h"
#include "mp/dp_link.h"
#include "mp/dp_records.h"
#include "mp/site_record.h"
#include "tests/mp/site_fixture.h"

namespace smslab::mp {
namespace {
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using State = v1::PackageDp;

class DpsTest : public SiteTest {
 protected:
  // A DP in a process of its own, as far as the site can tell.
  v1::DpAnnouncement announcement(const std::string& name, const std::string& session, size_t secret = 0) {
    v1::DpAnnouncement wanted;
    wanted.set_name(name);
    wanted.set_url("http://127.0.0.1:8081");
    wanted.set_control_url(controls_.contains(name) ? controls_[name] : "http://127.0.0.1:1");
    wanted.set_session(session);
    wanted.set_proof(secrets_[secret].prove(wanted));
    return wanted;
  }
  void serve(const std::string& name) {
    points_[name] = *dp::DistributionPoint::open({name, folder_ + "/dp-" + name, secrets_[0].token(name), {}},
                                                 posix_env(), clock_, site_->log);
    controls_[name] = "http://" + format_host_port(*points_[name]->start_control({"127.0.0.1", 0}));
  }
  void lose(const std::string& name, bool content = false) {
    points_.erase(name);
    if (content) std::filesystem::remove_all(folder_ + "/dp-" + name);
  }
  Result<v1::DpWelcome> admit(const v1::DpAnnouncement& wanted) {
    return admit_dp(*site_, dps_, *catch_up_, secrets_, wanted);
  }
  std::string names() {
    std::string all;
    for (const auto& dp : dps_.all()) all += dp.name + " ";
    return all;
  }
  v1::PackageDp row(const std::string& id = "LON00001") { return show_package(*site_, id)->dps(0); }
  v1::DpInfo holds(const std::string& name) { return *DpLink(*dps_.find(name)).contents(); }
  void start() {
    manager_->start();
    catch_up_->start();
  }

  std::map<std::string, std::string> controls_;
};

TEST_F(DpsTest, ASnapshotStaysWhatItWas) {
  dps_.add({.name = "B", .url = "http://b", .control_url = {}, .token = {}});
  dps_.add({.name = "A", .url = "http://a", .control_url = {}, .token = {}});
  const auto all = dps_.all();
  const auto b = dps_.find("b");
  dps_.add({.name = "B", .url = "http://b2", .control_url = {}, .token = {}});
  dps_.remove("a");
  EXPECT_EQ(names(), "B ");
  EXPECT_EQ(dps_.find("B")->url, "http://b2");
  EXPECT_EQ(dps_.find("A"), nullptr);
  EXPECT_EQ(b->url, "http://b");
  EXPECT_EQ(std::distance(all.begin(), all.end()), 2);
  EXPECT_EQ(all.begin()->name, "A");
}

TEST_F(DpsTest, WhoHoldsTheSecretIsTakenInAndHearsTheSame) {
  const auto wanted = announcement("LON-DP-02", "1");
  const auto welcome = admit(wanted);
  ASSERT_TRUE(welcome.ok()) << welcome.status().to_string();
  EXPECT_EQ(welcome->site(), "LON");
  EXPECT_TRUE(secrets_[0].vouches_for(*welcome, wanted));
  EXPECT_FALSE(secrets_[1].vouches_for(*welcome, wanted));
  const auto dp = dps_.find("LON-DP-02");
  ASSERT_NE(dp, nullptr);
  EXPECT_TRUE(dp->remote);
  EXPECT_EQ(dp->token, secrets_[0].token("LON-DP-02"));
  const std::string before = dump();
  EXPECT_TRUE(admit(wanted).ok());
  EXPECT_EQ(dump(), before);

  DpDirectory again;
  EXPECT_EQ(add_remote_dps(*site_, again), ok_status());
  EXPECT_EQ(again.find("LON-DP-02")->control_url, wanted.control_url());
}

TEST_F(DpsTest, EveryoneElseIsRefusedAndChangesNothing) {
  add_dp(kDp, false);
  ASSERT_TRUE(admit(announcement("LON-DP-02", "1")).ok());
  const std::string before = dump();
  const auto changed = [&](auto change, bool prove = true) {
    v1::DpAnnouncement wanted = announcement("LON-DP-02", "2");
    change(wanted);
    if (prove) wanted.set_proof(secrets_[0].prove(wanted));
    return admit(wanted).status();
  };
  EXPECT_EQ(changed([](auto& a) { a.clear_proof(); }, false).code(), Code::kUnauthenticated);
  EXPECT_EQ(changed([](auto& a) { a.set_proof(std::string(64, '0')); }, false).code(), Code::kUnauthenticated);
  EXPECT_EQ(changed([](auto& a) { a.set_control_url("http://127.0.0.9:1"); }, false).code(), Code::kUnauthenticated);
  EXPECT_EQ(changed([](auto& a) { a.set_name("LON-DP-03"); }, false).code(), Code::kUnauthenticated);
  EXPECT_EQ(admit(announcement("LON-DP-02", "2", 1)).status().code(), Code::kUnauthenticated)
      << "another DP's secret is not this one's";
  EXPECT_EQ(changed([](auto& a) { a.set_name("lon-dp-02"); }).code(), Code::kInvalidArgument);
  EXPECT_EQ(changed([](auto& a) { a.set_name("LON DP"); }).code(), Code::kInvalidArgument);
  EXPECT_EQ(changed([](auto& a) { a.set_url("dp:80"); }).code(), Code::kInvalidArgument);
  EXPECT_EQ(changed([](auto& a) { a.set_control_url("https://dp:80"); }).code(), Code::kInvalidArgument);
  EXPECT_EQ(changed([](auto& a) { a.set_url("http://dp:80/x"); }).code(), Code::kInvalidArgument);
  EXPECT_EQ(changed([](auto& a) { a.set_site("AST"); }).code(), Code::kFailedPrecondition);
  EXPECT_EQ(changed([](auto& a) { a.set_name(kDp); }).code(), Code::kFailedPrecondition);
  secrets_.clear();
  v1::DpAnnouncement late;
  EXPECT_EQ(admit(late).status().code(), Code::kUnauthenticated);
  EXPECT_EQ(dump(), before);
  EXPECT_EQ(names(), "LON-DCSMS-01 LON-DP-02 ");
}

TEST_F(DpsTest, ASecretThatTheSiteNoLongerHasKeepsNoName) {
  ASSERT_TRUE(admit(announcement("LON-DP-02", "1")).ok());
  const auto with_the_new = announcement("LON-DP-02", "2", 1);
  secrets_.erase(secrets_.begin());
  EXPECT_TRUE(admit(with_the_new).ok());
  EXPECT_EQ(dps_.find("LON-DP-02")->token, secrets_[0].token("LON-DP-02"));
}

TEST_F(DpsTest, ADpThatReturnsIsServedAtOnceAndCountsFromThere) {
  ASSERT_TRUE(admit(announcement("LON-DP-02", "1")).ok());  // nobody listens there
  start();
  create(request());
  ASSERT_TRUE(distribute(*site_, dps_, "LON00001", on({"LON-DP-02"})).ok());
  wait_message(2302);
  EXPECT_EQ(row().state(), State::INSTALL_RETRYING);
  serve("LON-DP-02");
  ASSERT_TRUE(admit(announcement("LON-DP-02", "2")).ok());
  EXPECT_EQ(wait_settled().dps(0).state(), State::INSTALLED);
}

TEST_F(DpsTest, FailedIsTheAdministratorsAffair) {
  ASSERT_TRUE(admit(announcement("LON-DP-02", "1")).ok());
  create(request());
  ASSERT_TRUE(distribute(*site_, dps_, "LON00001", on({"LON-DP-02"})).ok());
  ASSERT_EQ(store_->commit([&](store::WriteTxn& txn) -> Status {
    ASSIGN_OR_RETURN(v1::Package package, store::kPackages.get(txn, {"LON00001"}));
    package.mutable_dps(0)->set_state(State::INSTALL_FAILED);
    package.mutable_dps(0)->set_version(7);
    return store::kPackages.put(txn, {"LON00001"}, package);
  }),
            ok_status());
  start();
  serve("LON-DP-02");
  ASSERT_TRUE(admit(announcement("LON-DP-02", "2")).ok());
  const auto looked_at = polls_->wait<v1::Package>(
      kMaxWait, [&] { return show_package(*site_, "LON00001"); },
      [](const v1::Package& package) { return package.dps(0).version() == 0; });
  ASSERT_TRUE(looked_at.ok());
  EXPECT_EQ(looked_at->dps(0).version(), 0u) << "what it holds is known";
  EXPECT_EQ(looked_at->dps(0).state(), State::INSTALL_FAILED);
}

TEST_F(DpsTest, WhatADpHasLostIsSentAgainAtTheSitesStart) {
  serve("LON-DP-02");
  ASSERT_TRUE(admit(announcement("LON-DP-02", "1")).ok());
  start();
  create(request());
  ASSERT_TRUE(distribute(*site_, dps_, "LON00001", on({"LON-DP-02"})).ok());
  EXPECT_EQ(wait_settled().dps(0).state(), State::INSTALLED);
  const uint64_t before = last_id();
  lose("LON-DP-02", true);
  serve("LON-DP-02");
  restart_site();
  ASSERT_TRUE(admit(announcement("LON-DP-02", "1")).ok());  // at its new port, but not away
  start();
  wait_message(2330, 2);
  EXPECT_EQ(wait_settled().dps(0).state(), State::INSTALLED);
  EXPECT_EQ(ladder("LON00001", before), "2300 2342 2329 2330 2301");
  EXPECT_EQ(holds("LON-DP-02").contents_size(), 1);
}

TEST_F(DpsTest, WhatADpShouldNotHoldIsTakenFromIt) {
  serve("LON-DP-02");
  ASSERT_TRUE(admit(announcement("LON-DP-02", "1")).ok());
  start();
  create(request());
  ASSERT_TRUE(distribute(*site_, dps_, "LON00001", on({"LON-DP-02"})).ok());
  wait_settled();
  create(request("LON00002"));
  ASSERT_TRUE(distribute(*site_, dps_, "LON00002", on({"LON-DP-02"})).ok());
  wait_settled("LON00002");
  // As if it had been away during the removal: the site forgets the row without telling it.
  ASSERT_EQ(store_->commit([&](store::WriteTxn& txn) -> Status {
    ASSIGN_OR_RETURN(v1::Package package, store::kPackages.get(txn, {"LON00001"}));
    package.clear_dps();
    return store::kPackages.put(txn, {"LON00001"}, package);
  }),
            ok_status());
  ASSERT_TRUE(admit(announcement("LON-DP-02", "2")).ok());
  while (holds("LON-DP-02").contents_size() > 1) {
  }
  EXPECT_EQ(holds("LON-DP-02").contents(0).package_id(), "LON00002");
}

TEST_F(DpsTest, ProtectionAndBoundariesAreKept) {
  ASSERT_EQ(store_->commit([&](store::WriteTxn& txn) -> Status {
    ASSIGN_OR_RETURN(v1::SiteRecord record, site_record(txn));
    record.mutable_settings()->add_boundaries()->set_name("Branch");
    record.mutable_settings()->add_boundaries()->set_name("HQ");
    return store::kSite.put(txn, {"site"}, record);
  }),
            ok_status());
  ASSERT_TRUE(
      add_own_dp(*site_, dps_, {.name = kDp, .url = "u", .control_url = "http://127.0.0.1:1", .token = "t"}).ok());
  ASSERT_TRUE(admit(announcement("LON-DP-02", "1")).ok());
  v1::DpInfo change;
  change.set_protected_(true);
  change.add_boundaries("branch");
  change.add_boundaries("HQ");
  for (const std::string dp : {"lon-dcsms-01", "LON-DP-02"}) {
    const auto set = set_dp(*site_, dps_, dp, change);
    ASSERT_TRUE(set.ok()) << set.status().to_string();
    EXPECT_TRUE(set->protected_());
    EXPECT_THAT(set->boundaries(), ElementsAre("Branch", "HQ"));
  }
  EXPECT_TRUE(dps_.find(kDp)->is_protected);
  // They survive a start and an announcement, and a change of one leaves the other.
  DpDirectory again;
  ASSERT_EQ(add_remote_dps(*site_, again), ok_status());
  ASSERT_EQ(add_own_dp(*site_, again, {.name = kDp, .url = "u", .control_url = {}, .token = {}}), ok_status());
  EXPECT_THAT(again.find(kDp)->boundaries, ElementsAre("Branch", "HQ"));
  ASSERT_TRUE(admit(announcement("LON-DP-02", "2")).ok());
  v1::DpInfo none;
  none.add_boundaries("");
  EXPECT_THAT(set_dp(*site_, dps_, "LON-DP-02", none)->boundaries(), IsEmpty());
  EXPECT_TRUE(dps_.find("LON-DP-02")->is_protected);

  const std::string before = dump();
  v1::DpInfo wrong = change;
  wrong.add_boundaries("Moon");
  EXPECT_EQ(set_dp(*site_, dps_, kDp, wrong).status().code(), Code::kNotFound);
  wrong = change;
  wrong.set_url("http://elsewhere");
  EXPECT_EQ(set_dp(*site_, dps_, kDp, wrong).status().code(), Code::kInvalidArgument);
  EXPECT_EQ(set_dp(*site_, dps_, "NOBODY", change).status().code(), Code::kNotFound);
  EXPECT_EQ(dump(), before);
}

TEST_F(DpsTest, OnlyARemoteDpWithoutPackagesGoes) {
  ASSERT_TRUE(add_own_dp(*site_, dps_, {.name = kDp, .url = {}, .control_url = {}, .token = {}}).ok());
  ASSERT_TRUE(admit(announcement("LON-DP-02", "1")).ok());
  create(request());
  ASSERT_TRUE(distribute(*site_, dps_, "LON00001", on({"LON-DP-02"})).ok());
  EXPECT_EQ(delete_dp(*site_, dps_, kDp, true).code(), Code::kFailedPrecondition);
  const Status assigned = delete_dp(*site_, dps_, "lon-dp-02", false);
  EXPECT_EQ(assigned.code(), Code::kFailedPrecondition);
  EXPECT_THAT(assigned.message(), HasSubstr("LON00001"));
  EXPECT_EQ(names(), "LON-DCSMS-01 LON-DP-02 ");
  ASSERT_TRUE(admit(announcement("LON-DP-03", "1")).ok());
  EXPECT_EQ(delete_dp(*site_, dps_, "lon-dp-03", false), ok_status());
  EXPECT_EQ(delete_dp(*site_, dps_, "lon-dp-03", true).code(), Code::kNotFound);
  EXPECT_EQ(names(), "LON-DCSMS-01 LON-DP-02 ");
  DpDirectory again;
  ASSERT_EQ(add_remote_dps(*site_, again), ok_status());
  EXPECT_EQ(again.find("LON-DP-03"), nullptr);
}

TEST_F(DpsTest, ADpThatIsGoneForGoodIsLetGoOf) {
  const std::string dp = "LON-DP-02";
  serve(dp);
  ASSERT_TRUE(admit(announcement(dp, "1")).ok());
  ASSERT_TRUE(add_own_dp(*site_, dps_, {.name = kDp, .url = {}, .control_url = {}, .token = {}}).ok());
  serve_dp(kDp);
  start();
  create(request("LON00001"));
  create(request("LON00002"));
  create(request("LON00003"));
  for (const char* id : {"LON00001", "LON00002"}) {
    ASSERT_TRUE(distribute(*site_, dps_, id, on({dp})).ok());
    EXPECT_EQ(wait_settled(id).dps(0).state(), State::INSTALLED);
  }
  lose(dp);
  ASSERT_TRUE(delete_package(*site_, "LON00002").ok());
  wait_message(2302, 1, "LON00002");
  ASSERT_TRUE(remove(*site_, dps_, "LON00001", on({dp})).ok());
  wait_message(2302, 1);
  EXPECT_EQ(create_package(*site_, *imports_, request("LON00002")).status().code(), Code::kAlreadyExists);
  const Status assigned = delete_dp(*site_, dps_, dp, false);
  EXPECT_EQ(assigned.code(), Code::kFailedPrecondition);
  EXPECT_THAT(assigned.message(), HasSubstr("LON00001, LON00002"));
  EXPECT_THAT(assigned.message(), HasSubstr("--force"));

  const uint64_t before = last_id();
  ASSERT_EQ(delete_dp(*site_, dps_, "lon-dp-02", true), ok_status());
  EXPECT_EQ(names(), "LON-DCSMS-01 ");
  EXPECT_EQ(show_package(*site_, "LON00001")->dps_size(), 0);
  EXPECT_EQ(ladder("LON00001", before), "30011");
  EXPECT_EQ(ladder("LON00002", before), "30011 2300 2301");
  EXPECT_EQ(show_package(*site_, "LON00002").status().code(), Code::kNotFound);
  EXPECT_TRUE(create_package(*site_, *imports_, request("LON00002")).ok());
  EXPECT_EQ(delete_dp(*site_, dps_, dp, true).code(), Code::kNotFound);

  // It was not gone: it begins empty.
  serve(dp);
  ASSERT_TRUE(admit(announcement(dp, "2")).ok());
  while (holds(dp).contents_size() > 0) std::this_thread::yield();
  ASSERT_TRUE(distribute(*site_, dps_, "LON00001", on({dp})).ok());
  EXPECT_EQ(wait_settled().dps(0).state(), State::INSTALLED);
  EXPECT_EQ(holds(dp).contents_size(), 1);
}

// A lab that is started without one of its own DPs is rid of it in the same way.
TEST_F(DpsTest, ADpThatTheLabRunsWithoutIsLetGoOfToo) {
  add_dp(kDp2, false);
  create(request());
  ASSERT_TRUE(distribute(*site_, dps_, "LON00001", on({kDp2})).ok());
  dps_.remove(kDp2);
  EXPECT_EQ(delete_dp(*site_, dps_, kDp2, false).code(), Code::kFailedPrecondition);
  EXPECT_EQ(delete_dp(*site_, dps_, kDp2, true), ok_status());
  EXPECT_EQ(show_package(*site_, "LON00001")->dps_size(), 0);
  EXPECT_EQ(ladder(), "30000 30003 2300 2311 2301 30009 30011");
}

TEST_F(DpsTest, WhatCannotBeTakenAwayShowsInTheNumbers) {
  v1::Package package;
  for (const auto state : {State::INSTALLED, State::REMOVAL_PENDING, State::REMOVAL_RETRYING, State::REMOVAL_FAILED}) {
    package.add_dps()->set_state(state);
  }
  const v1::PackageSummary summary = summary_of(package);
  EXPECT_EQ(summary.targeted(), 1u);
  EXPECT_EQ(summary.retrying(), 1u);
  EXPECT_EQ(summary.failed(), 1u);
}

TEST_F(DpsTest, TwoOfOneNameDoNotTakeItFromEachOther) {
  const std::string dp = "LON-DP-02";
  serve(dp);
  const v1::DpAnnouncement first = announcement(dp, "first");
  ASSERT_TRUE(admit(first).ok());
  // Another process, on another port, from another folder.
  v1::DpAnnouncement second = first;
  second.set_url("http://127.0.0.1:8099");
  second.set_control_url("http://127.0.0.1:1");
  second.set_session("second");
  second.clear_proof();
  second.set_proof(secrets_[0].prove(second));
  const std::string before = dump();
  const Status refused = admit(second).status();
  EXPECT_EQ(refused.code(), Code::kAlreadyExists);
  EXPECT_EQ(refused.field(), "name");
  EXPECT_THAT(refused.message(), HasSubstr("http://127.0.0.1:8081"));
  EXPECT_THAT(refused.message(), HasSubstr("--name"));
  EXPECT_EQ(dump(), before);
  EXPECT_THAT(console_->lines(), ::testing::Contains(HasSubstr("http://127.0.0.1:8099")));
  EXPECT_TRUE(admit(first).ok());
  // Once the first is gone, the name is free.
  lose(dp);
  EXPECT_TRUE(admit(second).ok());
  EXPECT_EQ(dps_.find(dp)->session, "second");
}

}  // namespace
}  // namespace smslab::mp
