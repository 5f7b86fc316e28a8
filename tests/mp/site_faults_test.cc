// Damage at rest, as the site orders it, takes it back, and remembers it.
#include <atomic>
#include <thread>

#include "mp/dp_link.h"
#include "mp/faults.h"
#include "store/manifest.h"
#include "tests/mp/site_fixture.h"

namespace smslab::mp {
namespace {
class FaultsAtRest : public SiteTest {};

// Whoever takes all faults back while one is being placed: it is there and listed, or neither.
TEST_F(FaultsAtRest, AFaultThatIsTakenBackWhileItIsPlacedLeavesNothing) {
  add_dp(kDp);
  v1::Package large = request();
  large.set_source(source("large", {{"large.bin", std::string(1 << 20, 'x')}}));
  create(large);
  manager_->start();
  ASSERT_EQ(distribute(*site_, dps_, "LON00001", on({kDp})).status(), ok_status());
  wait_settled();
  const v1::Manifest manifest = *store::load_manifest(store_->read(), "LON00001", 1);
  v1::FaultRule rule;
  rule.mutable_match()->set_dp(kDp);
  rule.mutable_match()->set_package("LON00001");
  rule.mutable_corrupt();
  int taken_back = 0;
  for (int round = 0; round < 100; round++) {
    std::atomic<bool> over = false;
    Status added;
    std::thread adding([&] {
      added = add_fault(*site_, dps_, rule).status();
      over = true;
    });
    while (!over) {
      EXPECT_EQ(delete_faults(*site_, dps_), ok_status());
    }
    adding.join();
    EXPECT_TRUE(added.ok() || added.code() == Code::kAborted || added.code() == Code::kFailedPrecondition)
        << added.to_string();
    if (!added.ok()) taken_back++;
    EXPECT_EQ(delete_faults(*site_, dps_), ok_status());
    const auto validated = DpLink(*dps_.find(kDp)).validate(manifest);
    ASSERT_EQ(validated.status(), ok_status());
    ASSERT_EQ(validated->wrong_size(), 0) << "round " << round;
  }
  EXPECT_GT(taken_back, 0);
}

TEST_F(FaultsAtRest, FaultsThatCannotBe) {
  add_dp(kDp);
  add_dp(kDp2, false);
  distributed();
  struct Bad {
    const char* dp;
    const char* package;
    const char* file;
    bool effect;
    Code code;
    const char* field;
  };
  const Bad table[] = {
      {kDp, "LON00001", "", false, Code::kInvalidArgument, "corrupt"},
      {"", "LON00001", "", true, Code::kInvalidArgument, "match.dp"},
      {"NOWHERE", "LON00001", "", true, Code::kNotFound, "match.dp"},
      {kDp, "", "", true, Code::kInvalidArgument, "match.package"},
      {kDp, "LON0001", "", true, Code::kInvalidArgument, "match.package"},
      {kDp, "LON000FF", "", true, Code::kNotFound, "match.package"},
      {kDp, "LON00001", "absent.txt", true, Code::kNotFound, "match.file"},
  };
  for (const Bad& bad : table) {
    v1::FaultRule rule;
    rule.mutable_match()->set_dp(bad.dp);
    rule.mutable_match()->set_package(bad.package);
    rule.mutable_match()->set_file(bad.file);
    if (bad.effect) rule.mutable_corrupt();
    const auto added = add_fault(*site_, dps_, rule);
    EXPECT_EQ(added.status().code(), bad.code) << added.status().to_string();
    EXPECT_EQ(added.status().field(), bad.field) << added.status().to_string();
    EXPECT_EQ(list_faults(*site_)->faults_size(), 0);
  }
  // A DP that does not answer may have done it: the rule stays, to be taken back.
  v1::FaultRule rule;
  rule.mutable_match()->set_dp(kDp2);
  rule.mutable_match()->set_package("LON00001");
  rule.mutable_corrupt();
  EXPECT_EQ(add_fault(*site_, dps_, rule).status().code(), Code::kUnavailable);
  ASSERT_EQ(list_faults(*site_)->faults_size(), 1);
  EXPECT_FALSE(list_faults(*site_)->faults(0).has_foretold());
  EXPECT_EQ(delete_faults(*site_, dps_).code(), Code::kUnavailable);
  // The next request works.
  rule.mutable_match()->set_dp(kDp);
  EXPECT_TRUE(add_fault(*site_, dps_, rule).ok());
}

TEST_F(FaultsAtRest, AFaultThatWasNeverCarriedOutIsTakenBackByTheNextStart) {
  add_dp(kDp);
  distributed();
  stop_dp(kDp);
  v1::FaultRule rule;
  rule.mutable_match()->set_dp(kDp);
  rule.mutable_match()->set_package("LON00001");
  rule.mutable_corrupt();
  ASSERT_EQ(add_fault(*site_, dps_, rule).status().code(), Code::kUnavailable);

  restart_site();
  const v1::FaultList unfinished = *unfinished_faults(*site_);
  ASSERT_EQ(unfinished.faults_size(), 1);
  take_back_unfinished(*site_, dps_, unfinished);  // the DP does not answer
  ASSERT_EQ(list_faults(*site_)->faults_size(), 1);
  start_dp_again(kDp);
  const auto another = add_fault(*site_, dps_, rule);  // ordered after the start
  ASSERT_EQ(another.status(), ok_status());
  take_back_unfinished(*site_, dps_, unfinished);
  ASSERT_EQ(list_faults(*site_)->faults_size(), 1);
  EXPECT_EQ(list_faults(*site_)->faults(0).id(), another->id());

  // Its number means another rule by now.
  v1::FaultList stale = unfinished;
  stale.mutable_faults(0)->set_id(another->id());
  take_back_unfinished(*site_, dps_, stale);
  EXPECT_EQ(list_faults(*site_)->faults_size(), 1);
}

}  // namespace
}  // namespace smslab::mp
