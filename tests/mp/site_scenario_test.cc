// Scenarios that are large, deep or circular: every error at once, and nothing that grows with its square.
#include "mp/scenario.h"

#include <fmt/format.h>

#include "mp/site_record.h"
#include "tests/mp/site_fixture.h"

namespace smslab::mp {
namespace {
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class ScenarioTest : public SiteTest {
 protected:
  // "field: message" of everything that is wrong.
  std::vector<std::string> wrong_with(const v1::Scenario& scenario) {
    const std::string before = dump();
    Problems problems;
    (void)check_scenario(*site_, dps_, scenario, &problems);
    EXPECT_EQ(dump(), before);
    std::vector<std::string> out;
    for (const Status& problem : problems) out.push_back(problem.field() + ": " + problem.message());
    return out;
  }
  Status apply(const v1::Scenario& scenario) {
    Problems problems;
    return apply_scenario(*site_, dps_, *imports_, scenario, &problems).status();
  }
  static void collection(v1::Scenario* scenario, const std::string& name, const std::vector<std::string>& below) {
    v1::Collection* made = scenario->add_collections();
    made->set_name(name);
    for (const auto& other : below) made->add_collections(other);
  }
  void package(v1::Scenario* scenario, const std::string& id, const std::string& run_first) {
    v1::ScenarioPackage* made = scenario->add_packages();
    made->set_id(id);
    made->set_name(id);
    made->set_source(source("one", {{"a.txt", "a"}}));
    v1::Program* program = made->add_programs();
    program->set_name("p");
    program->set_command_line("p.exe");
    program->set_run_first(run_first);
  }
  static void advert(v1::Scenario* scenario, const std::string& collection) {
    v1::Advert* made = scenario->add_adverts();
    made->set_package("LON00001");
    made->set_program("p");
    made->set_collection(collection);
  }
};

TEST_F(ScenarioTest, AChainOfCollectionsMayBeLong) {
  constexpr int kLength = 3'000;
  v1::Scenario scenario;
  for (int i = 0; i < kLength; i++) {
    collection(&scenario, std::to_string(i),
               i + 1 < kLength ? std::vector{std::to_string(i + 1)} : std::vector<std::string>{});
  }
  ASSERT_EQ(apply(scenario), ok_status());
  EXPECT_EQ(show_collection(*site_, "0")->collections(0), "1");
  // One that would close the circle is refused, and names its ends.
  v1::Collection top;
  top.add_collections("0");
  const Status closed = add_members(*site_, std::to_string(kLength - 1), top).status();
  EXPECT_EQ(closed.code(), Code::kInvalidArgument);
  EXPECT_EQ(closed.field(), "collections");
  EXPECT_THAT(closed.message(), HasSubstr("2999 -> 0 -> 1"));
  EXPECT_THAT(closed.message(), HasSubstr("more) -> 2997 -> 2998 -> 2999"));
  EXPECT_EQ(show_collection(*site_, std::to_string(kLength - 1))->collections_size(), 0);
}

TEST_F(ScenarioTest, ARingOfCollectionsIsOneErrorOfOneLine) {
  constexpr int kLength = 50'000;
  v1::Scenario scenario;
  for (int i = 0; i < kLength; i++) collection(&scenario, std::to_string(i), {std::to_string((i + 1) % kLength)});
  const auto wrong = wrong_with(scenario);
  ASSERT_EQ(wrong.size(), 1u);
  EXPECT_THAT(wrong[0], HasSubstr("collections[49999].collections: a cycle of collections: '0' contains '1'"));
  EXPECT_LT(wrong[0].size(), 300u);
}

TEST_F(ScenarioTest, ACircleIsTheOnlyErrorOfWhoeverRefersToIt) {
  v1::Scenario scenario;
  package(&scenario, "LON00001", "");
  collection(&scenario, "A", {"B"});
  collection(&scenario, "B", {"A", "Nowhere"});
  collection(&scenario, "C", {"A"});
  collection(&scenario, "D", {"E"});
  collection(&scenario, "E", {});
  scenario.mutable_collections(4)->add_members("a b");
  advert(&scenario, "A");
  advert(&scenario, "C");
  advert(&scenario, "D");
  advert(&scenario, "E");
  EXPECT_THAT(wrong_with(scenario),
              ::testing::UnorderedElementsAre(
                  HasSubstr("collections[1].collections: a cycle of collections: 'A' contains 'B' contains 'A'"),
                  HasSubstr("collections[4].members: ")));
}

TEST_F(ScenarioTest, WhatRefersToARefusedDpOrBoundaryIsNoErrorOfItsOwn) {
  add_dp(kDp, false);
  v1::Scenario scenario;
  package(&scenario, "LON00001", "");
  scenario.mutable_packages(0)->add_dps("LON-DP-09");
  scenario.add_dps()->set_name("LON-DP-09");
  scenario.add_dps()->set_name(kDp);
  scenario.mutable_dps(1)->add_boundaries("Town");
  v1::Boundary* town = scenario.mutable_settings()->add_boundaries();
  town->set_name("Town");
  town->set_subnet("nowhere");
  EXPECT_THAT(wrong_with(scenario),
              ElementsAre(HasSubstr("dps[0].name: "), HasSubstr("settings.boundaries[0].subnet")));
}

TEST_F(ScenarioTest, AChainOfPackagesMayBeLong) {
  constexpr int kLength = 300;
  v1::Scenario scenario;
  for (int i = 1; i <= kLength; i++) {
    package(&scenario, fmt::format("LON{:05X}", i), i < kLength ? fmt::format("LON{:05X};;p", i + 1) : "");
  }
  ASSERT_EQ(apply(scenario), ok_status());
  v1::Program change;
  change.set_run_first("LON00001;;p");
  const Status closed = set_program(*site_, fmt::format("LON{:05X}", kLength), "p", change).status();
  EXPECT_EQ(closed.code(), Code::kInvalidArgument);
  EXPECT_THAT(closed.message(), HasSubstr("programs would wait for each other: LON0012C;;p -> LON00001;;p"));
}

// The site's ledger is written for each: what takes seconds here took minutes.
TEST_F(ScenarioTest, ThousandsOfCollectionsAndAdvertsHaveTheirIdsAtOnce) {
  constexpr int kMany = 2'000;
  v1::Scenario scenario;
  package(&scenario, "LON00001", "");
  for (int i = 0; i < kMany; i++) {
    collection(&scenario, "C" + std::to_string(i), {});
    advert(&scenario, "C" + std::to_string(i));
  }
  ASSERT_EQ(apply(scenario), ok_status());
  EXPECT_EQ(show_collection(*site_, "C0")->id(), "LON00001");
  EXPECT_EQ(show_collection(*site_, "C1999")->id(), "LON007D0");
  EXPECT_EQ(list_adverts(*site_)->adverts(kMany - 1).id(), "LON207CF");
  // An ID that is given up is the next one given.
  ASSERT_EQ(delete_advert(*site_, "LON20005"), ok_status());
  ASSERT_EQ(delete_collection(*site_, "C5"), ok_status());
  v1::Collection fresh;
  fresh.set_name("Fresh");
  EXPECT_EQ(create_collection(*site_, fresh)->id(), "LON00006");
  v1::Advert again;
  again.set_package("LON00001");
  again.set_program("p");
  again.set_collection("Fresh");
  EXPECT_EQ(create_advert(*site_, again)->id(), "LON20005");
  EXPECT_EQ(create_advert(*site_, again)->id(), "LON207D0");
}

TEST_F(ScenarioTest, AHundredThousandMembers) {
  constexpr int kMany = 100'000;
  v1::Collection all;
  all.set_name("All");
  for (int i = 0; i < kMany; i++) all.add_members(fmt::format("PC{:06}", i));
  ASSERT_EQ(create_collection(*site_, all).status(), ok_status());
  v1::Collection more;
  for (int i = kMany; i < 2 * kMany; i++) more.add_members(fmt::format("pc{:06}", i));
  EXPECT_EQ(add_members(*site_, "All", more)->members_size(), 2 * kMany);
  EXPECT_EQ(add_members(*site_, "All", more).status().code(), Code::kAlreadyExists);
  EXPECT_EQ(remove_members(*site_, "All", all)->members(0), "PC100000");
  EXPECT_EQ(remove_members(*site_, "All", all).status().code(), Code::kNotFound);
  EXPECT_EQ(show_collection(*site_, "All")->members_size(), kMany);
}

TEST_F(ScenarioTest, AFolderWithoutTheIndexOfIdsHasItAfterTheStart) {
  v1::Collection collection;
  collection.set_name("Old");
  ASSERT_EQ(create_collection(*site_, collection)->id(), "LON00001");
  ASSERT_EQ(store_->commit([](store::WriteTxn& txn) -> Status {
    RETURN_IF_ERROR(store::kCollectionById.erase_all(txn));
    return change_site_record(txn, [](v1::SiteRecord* record) {
      record->clear_free_collection();
      return ok_status();
    });
  }),
            ok_status());
  ASSERT_EQ(store_->commit(index_collections), ok_status());
  collection.set_name("New");
  EXPECT_EQ(create_collection(*site_, collection)->id(), "LON00002");
}

}  // namespace
}  // namespace smslab::mp
