// The plan, told before anybody asks: the same functions that decide later, asked ahead.
#include "proto/fault/planner.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "proto/codec/json.h"
#include "proto/fault/routes.h"

namespace smslab::fault {
namespace {
using ::testing::ElementsAre;
using ::testing::HasSubstr;

const std::vector<std::string> kFiles = {"a.bin", "b.bin"};

v1::FaultRule rule_of(const std::string& id, const std::string& json) {
  v1::FaultRule rule;
  EXPECT_EQ(codec::from_json(json, &rule), ok_status());
  EXPECT_EQ(check_rule(rule), ok_status()) << json;
  rule.set_id(id);
  return rule;
}

v1::FaultPlanQuestion question_of(uint32_t attempts, const std::string& asks = R"({"client":"WRK-LON-001"})") {
  v1::FaultPlanQuestion question;
  EXPECT_EQ(codec::from_json(asks, question.mutable_asks()), ok_status());
  if (question.asks().package().empty()) question.mutable_asks()->set_package("LON00001");
  if (question.asks().version() == 0) question.mutable_asks()->set_version(1);
  question.set_attempts(attempts);
  return question;
}

v1::FaultPlan must(const Rules& rules, const v1::FaultPlanQuestion& question) {
  auto plan = plan_of(rules, question, {.files = kFiles, .now = LabTime{}});
  EXPECT_TRUE(plan.ok()) << plan.status().to_string();
  return plan.ok() ? *plan : v1::FaultPlan();
}

// "content GET a.bin": the numbers of the attempts that something befalls.
std::map<std::string, std::vector<uint64_t>> befallen(const v1::FaultPlan& plan) {
  std::map<std::string, std::vector<uint64_t>> out;
  for (const auto& resource : plan.resources()) {
    for (const auto& attempt : resource.attempts()) {
      if (attempt.hits().empty()) continue;
      out[resource.asked().route() + " " + resource.asked().method() + " " + resource.asked().file()].push_back(
          attempt.nth());
    }
  }
  return out;
}

TEST(Plan, IsOfAllThatAClientAsksFor) {
  Rules rules(42);
  std::vector<std::string> asked;
  const v1::FaultPlan plan = must(rules, question_of(3));
  for (const auto& resource : plan.resources()) {
    asked.push_back(resource.asked().route() + " " + resource.asked().method() + " " + resource.asked().file());
    EXPECT_EQ(resource.attempts_size(), 3);
  }
  EXPECT_THAT(asked, ElementsAre("connection  ", "connection  ", "propfind PROPFIND ", "location CCM_POST ",
                                 "content HEAD a.bin", "content GET a.bin", "content HEAD b.bin", "content GET b.bin"));
  EXPECT_EQ(plan.seed(), 42u);
  EXPECT_TRUE(befallen(plan).empty());
}

TEST(Plan, CountsAsTheLabWill) {
  Rules rules(42);
  rules.put(rule_of("1", R"({"match":{"file":"a*","method":"GET"},"when":{"every":"2"},"limit":"2","emptyBody":{}})"));
  rules.put(rule_of("2", R"({"match":{"role":"DP"},"when":{"first":"1"},"resetOnAccept":{}})"));
  rules.put(rule_of("3", R"({"match":{"package":"LON00001"},"when":{"nth":"4"},"locations":{"how":"EMPTY"}})"));
  const auto hits = befallen(must(rules, question_of(7)));
  EXPECT_THAT(hits.at("content GET a.bin"), ElementsAre(2, 4));
  EXPECT_THAT(hits.at("connection  "), ElementsAre(1)) << "the DP's alone";
  EXPECT_THAT(hits.at("location CCM_POST "), ElementsAre(4));
  EXPECT_EQ(hits.size(), 3u);
}

TEST(Plan, GoesOnFromWhatAClientHasMetAlready) {
  Rules rules(42);
  rules.put(rule_of("1", R"({"match":{"route":"content","method":"GET"},"when":{"nth":"3"},"emptyBody":{}})"));
  Occasion met;
  met.role = v1::FaultMatch::DP;
  met.client = "WRK-LON-001";
  met.route = "content";
  met.method = "GET";
  met.package = "LON00001";
  met.version = 1;
  met.file = "a.bin";
  EXPECT_TRUE(rules.hits(Stage::kReply, met).empty());
  for (int again = 0; again < 2; again++) {
    const auto hits = befallen(must(rules, question_of(5)));
    EXPECT_THAT(hits.at("content GET a.bin"), ElementsAre(2)) << "asking about it counts nothing";
    EXPECT_THAT(hits.at("content GET b.bin"), ElementsAre(3));
  }
}

TEST(Plan, IsTheSameForASeedAndAnotherForAnother) {
  const std::string rule = R"({"match":{"route":"content"},"when":{"probability":0.5},"status":{"code":503}})";
  std::set<std::string> plans;
  for (const uint64_t seed : {1, 2, 42, 42, 1}) {
    Rules rules(seed);
    rules.put(rule_of("1", rule));
    plans.insert(codec::to_json(must(rules, question_of(20))));
  }
  EXPECT_EQ(plans.size(), 3u);
}

TEST(Plan, OfATimeIsOfThatTime) {
  Rules rules(1);
  rules.put(rule_of("1", R"({"when":{"from":"2026-11-21T20:00:00Z","until":"2026-11-21T21:00:00Z"},"emptyBody":{}})"));
  v1::FaultPlanQuestion question = question_of(1);
  EXPECT_TRUE(befallen(must(rules, question)).empty());
  question.mutable_time()->set_seconds(1795291200);  // 2026-11-21T20:00:00Z
  EXPECT_FALSE(befallen(must(rules, question)).empty());
}

TEST(Plan, RefusesWhatIsNoQuestion) {
  Rules rules(1);
  rules.put(rule_of("7", R"({"match":{"dp":"LON-DCSMS-01","address":"127.0.0.2"},"emptyBody":{}})"));
  const auto refused = [&](const std::string& asks, uint32_t attempts = 1) {
    const auto plan = plan_of(rules, question_of(attempts, asks), {.files = kFiles, .now = LabTime{}});
    EXPECT_EQ(plan.status().code(), Code::kInvalidArgument) << asks;
    return plan.status().field() + ": " + plan.status().message();
  };
  EXPECT_THAT(refused("{}"), HasSubstr("asks.client: "));
  EXPECT_THAT(refused(R"({"client":"A"})"), HasSubstr("asks.address: fault 7 goes by it"));
  EXPECT_THAT(refused(R"({"address":"127.0.0.2"})"), HasSubstr("asks.dp: fault 7 goes by it"));
  EXPECT_THAT(refused(R"({"client":"A","route":"nonsense"})"), HasSubstr("asks.route: "));
  EXPECT_THAT(refused(R"({"client":"A","route":"mplist","role":"DP"})"), HasSubstr("asks.role: "));
  EXPECT_THAT(refused(R"({"client":"A","file":"*.msi"})"), HasSubstr("asks.file: "));
  EXPECT_THAT(refused(R"({"client":"A"})", kMostAttempts + 1), HasSubstr("attempts: "));
}

}  // namespace
}  // namespace smslab::fault
