// The plan: which rule hits whom and when, without sockets.
#include "proto/fault/plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <iostream>
#include <random>
#include <thread>

#include "proto/codec/json.h"
#include "proto/fault/rules.h"

namespace smslab::fault {
namespace {
using testing::ElementsAre;

v1::FaultRule rule_of(const std::string& json) {
  v1::FaultRule rule;
  const Status read = codec::from_json(json, &rule);
  EXPECT_TRUE(read.ok()) << read.to_string();
  return rule;
}

Occasion occasion_of(const std::string& client, const std::string& file = "a.bin") {
  Occasion o;
  o.role = v1::FaultMatch::DP;
  o.dp = "LON-DCSMS-01";
  o.client = client;
  o.address = "127.0.0.2";
  o.route = "content";
  o.method = "GET";
  o.package = "LON00001";
  o.version = 2;
  o.file = file;
  return o;
}

TEST(Glob, StandsForWhatItSays) {
  EXPECT_TRUE(glob_matches("*.MSI", "Tools/adminpak.msi"));
  EXPECT_TRUE(glob_matches("a?c", "abc"));
  EXPECT_TRUE(glob_matches("*a*b*", "xxaxxbxx"));
  EXPECT_TRUE(glob_matches("*", ""));
  EXPECT_FALSE(glob_matches("a?c", "ac"));
  EXPECT_FALSE(glob_matches("*.msi", "a.msi.bak"));
  EXPECT_FALSE(glob_matches("", "a"));
}

// Effects on what a DP says are about the requests that they have something to say to.
TEST(Concerns, WhatTheEffectIsAbout) {
  const auto concerned = [](const std::string& rule, const std::string& route, const std::string& file,
                            const std::string& method = "GET") {
    Occasion o = occasion_of("WRK-LON-001", file);
    o.route = route;
    o.method = method;
    return concerns(rule_of(rule), o);
  };
  const std::string missing = R"({"match":{"file":"Sub/a.bin"},"missingFile":{}})";
  EXPECT_TRUE(concerned(missing, "content", "sub/A.BIN"));
  EXPECT_TRUE(concerned(missing, "propfind", "")) << "the package lists it";
  EXPECT_TRUE(concerned(missing, "propfind", "sub")) << "so does its folder";
  EXPECT_TRUE(concerned(missing, "propfind", "sub/a.bin"));
  EXPECT_FALSE(concerned(missing, "propfind", "other"));
  EXPECT_FALSE(concerned(missing, "content", "b.bin"));
  EXPECT_FALSE(concerned(missing, "manifest", ""));
  EXPECT_FALSE(concerned(R"({"match":{"file":"a.bin"},"missingFile":{"from":"LISTING"}})", "content", "a.bin"));
  EXPECT_FALSE(concerned(R"({"match":{"file":"a.bin"},"missingFile":{"from":"CONTENT"}})", "propfind", ""));
  EXPECT_FALSE(concerned(R"({"emptyListing":{}})", "content", "a.bin"));
  EXPECT_TRUE(concerned(R"({"emptyListing":{}})", "propfind", ""));
  EXPECT_TRUE(concerned(R"({"match":{"file":"*.bin"},"wrongSize":{"by":"1"}})", "propfind", "sub"));
  EXPECT_TRUE(concerned(R"({"requestFiltering":{}})", "content", "a/BIN/b.txt"));
  EXPECT_TRUE(concerned(R"({"requestFiltering":{}})", "content", "a.Mdb"));
  EXPECT_TRUE(concerned(R"({"requestFiltering":{}})", "content", "50%25.txt")) << "it unescapes once more";
  EXPECT_FALSE(concerned(R"({"requestFiltering":{}})", "content", "binary/a.mdb.txt"));
  EXPECT_FALSE(concerned(R"({"requestFiltering":{"segments":["x"]}})", "content", "bin/a"));
  EXPECT_FALSE(concerned(R"({"eio":{"offset":"5"}})", "content", "a.bin", "HEAD"));
}

TEST(Concerns, RangesThatHoldTheByteOrBegin) {
  Occasion o = occasion_of("WRK-LON-001");
  o.first = 100;
  o.last = 199;
  EXPECT_TRUE(concerns(rule_of(R"({"eio":{"offset":"100"}})"), o));
  EXPECT_TRUE(concerns(rule_of(R"({"eio":{"offset":"199"}})"), o));
  EXPECT_FALSE(concerns(rule_of(R"({"eio":{"offset":"99"}})"), o));
  EXPECT_FALSE(concerns(rule_of(R"({"eio":{"offset":"200"}})"), o));
  const auto first = rule_of(R"({"match":{"package":"LON00001"},"tornRefresh":{"old":"FIRST_RANGE"}})");
  EXPECT_TRUE(concerns(first, o));
  o.resumes = true;
  EXPECT_FALSE(concerns(first, o));
}

TEST(Match, EverythingSetHasToFit) {
  const Occasion o = occasion_of("WRK-LON-001");
  const auto fits = [&](const std::string& match) {
    return matches(rule_of(R"({"match":{)" + match + R"(},"emptyBody":{}})").match(), o);
  };
  EXPECT_TRUE(fits(""));
  EXPECT_TRUE(fits(R"("role":"DP","dp":"lon-dcsms-01","client":"wrk-lon-001","package":"LON00001","version":2)"));
  EXPECT_TRUE(fits(R"("file":"*.bin","route":"content","method":"GET","address":"127.0.0.2")"));
  EXPECT_FALSE(fits(R"("role":"MP")"));
  EXPECT_FALSE(fits(R"("version":1)"));
  EXPECT_FALSE(fits(R"("client":"WRK-LON-002","file":"*.bin")"));
  EXPECT_TRUE(fits(R"("range":{"first":"100"})")) << "no Range asks for all";
}

TEST(Match, ARangeHasToMeetTheBytesAskedFor) {
  Occasion o = occasion_of("A");
  o.first = 100;
  o.last = 199;
  const auto fits = [&](const std::string& range) {
    return matches(rule_of(R"({"match":{"range":)" + range + R"(},"emptyBody":{}})").match(), o);
  };
  EXPECT_TRUE(fits(R"({"first":"199"})"));
  EXPECT_FALSE(fits(R"({"first":"200"})"));
  EXPECT_TRUE(fits(R"({"first":"0","last":"100"})"));
  EXPECT_FALSE(fits(R"({"first":"0","last":"99"})"));
}

// Numbers of the requests, of twelve, that a rule hits.
std::vector<int> turns(const std::string& rule, const Occasion& occasion = occasion_of("A"), uint64_t seed = 1) {
  Rules rules(seed);
  rules.put(rule_of(R"({"id":"1","emptyBody":{},)" + rule + "}"));
  std::vector<int> hit;
  for (int n = 1; n <= 12; n++) {
    if (!rules.hits(Stage::kReply, occasion).empty()) hit.push_back(n);
  }
  return hit;
}

TEST(When, CountsTheRequestsOfOneClientAndResource) {
  EXPECT_THAT(turns(R"("when":{"nth":"3"})"), ElementsAre(3));
  EXPECT_THAT(turns(R"("when":{"every":"5"})"), ElementsAre(5, 10));
  EXPECT_THAT(turns(R"("when":{"first":"2"})"), ElementsAre(1, 2));
  EXPECT_THAT(turns(R"("when":{"after":"10"})"), ElementsAre(11, 12));
  EXPECT_THAT(turns(R"("when":{"every":"2","after":"4"},"limit":"3")"), ElementsAre(6, 8, 10));
  EXPECT_THAT(turns(R"("when":{"from":"2026-01-01T00:00:00Z"})"), ElementsAre()) << "the occasion is in 1970";
}

TEST(When, AProbabilityIsDrawnFromSeedRuleClientResourceAndCount) {
  const auto one = turns(R"("when":{"probability":0.5})");
  EXPECT_EQ(turns(R"("when":{"probability":0.5})"), one) << "the same again";
  EXPECT_NE(turns(R"("when":{"probability":0.5})", occasion_of("A"), 2), one) << "another seed";
  EXPECT_NE(turns(R"("when":{"probability":0.5})", occasion_of("B")), one) << "another client";
  EXPECT_EQ(turns(R"("when":{"probability":1})").size(), 12u);
  // About as often as it says, over many clients.
  Rules rules(7);
  rules.put(rule_of(R"({"id":"1","emptyBody":{},"when":{"probability":0.3}})"));
  int hit = 0;
  for (int n = 0; n < 10'000; n++) {
    hit += static_cast<int>(rules.hits(Stage::kReply, occasion_of("C" + std::to_string(n))).size());
  }
  EXPECT_NEAR(hit, 3000, 200);
}

// What each of 64 clients meets in 20 requests for each of three files, asked in one thread or in many, in any order.
std::map<std::string, std::vector<bool>> met(unsigned threads, uint64_t order, uint64_t seed) {
  Rules rules(seed);
  rules.put(rule_of(R"({"id":"1","emptyBody":{},"when":{"probability":0.3}})"));
  rules.put(rule_of(R"({"id":"2","emptyBody":{},"when":{"every":"7"},"limit":"2"})"));
  std::vector<std::string> clients;
  for (int n = 0; n < 64; n++) clients.push_back("WRK-" + std::to_string(n));
  std::shuffle(clients.begin(), clients.end(), std::mt19937_64(order));
  std::vector<std::map<std::string, std::vector<bool>>> parts(threads);
  std::vector<std::thread> running;
  for (unsigned t = 0; t < threads; t++) {
    running.emplace_back([&, t] {
      for (int attempt = 0; attempt < 20; attempt++) {
        for (size_t c = t; c < clients.size(); c += threads) {
          for (const char* file : {"a", "b", "c"}) {
            const auto hits = rules.hits(Stage::kReply, occasion_of(clients[c], file));
            auto& seen = parts[t][clients[c] + file];
            seen.push_back(std::ranges::any_of(hits, [](const Hit& hit) { return hit.rule->id() == "1"; }));
            seen.push_back(std::ranges::any_of(hits, [](const Hit& hit) { return hit.rule->id() == "2"; }));
          }
        }
      }
    });
  }
  for (auto& thread : running) thread.join();
  std::map<std::string, std::vector<bool>> all;
  for (auto& part : parts) all.merge(part);
  return all;
}

TEST(Plan, DoesNotDependOnWhoElseAsksOrInWhichOrder) {
  const auto alone = met(1, 1, 42);
  EXPECT_EQ(alone.size(), 64u * 3);
  EXPECT_EQ(met(1, 2, 42), alone);
  EXPECT_EQ(met(8, 3, 42), alone);
  EXPECT_NE(met(1, 1, 43), alone) << "another seed";
}

TEST(Rules, CountWhatTheyDidAndHeldBack) {
  Rules rules(1);
  rules.put(rule_of(R"({"id":"5","match":{"client":"A"},"emptyBody":{},"when":{"nth":"2"}})"));
  for (int n = 0; n < 3; n++) rules.hits(Stage::kReply, occasion_of("A"));
  rules.hits(Stage::kReply, occasion_of("B"));
  const v1::FaultCounts counts = rules.counts("5");
  EXPECT_EQ(counts.matched(), 3u);
  EXPECT_EQ(counts.hit(), 1u);
  EXPECT_EQ(counts.held_back(), 2u);
  EXPECT_EQ(counts.last_client(), "A");
  rules.take("5");
  EXPECT_TRUE(rules.hits(Stage::kReply, occasion_of("A")).empty());
  EXPECT_FALSE(rules.any(Stage::kReply));
}

// Looked for by names, they are those that looking through all would find.
TEST(Rules, NoneThatConcernsARequestIsMissed) {
  const uint32_t seed = std::random_device{}();
  std::cout << "seed " << seed << "\n";
  std::mt19937 random(seed);
  const auto any_of = [&](std::initializer_list<const char*> names) {
    return std::string(names.begin()[random() % names.size()]);
  };
  const auto random_occasion = [&] {
    Occasion o = occasion_of(any_of({"", "WRK-1", "wrk-2"}), any_of({"", "a.bin", "Sub/b.bin"}));
    o.smsid = any_of({"", "GUID:1"});
    o.address = any_of({"127.0.0.2", "127.0.0.3"});
    o.package = any_of({"", "LON00001", "lon00002"});
    o.dp = any_of({"LON-DP-1", "lon-dp-2"});
    o.route = any_of({"content", "propfind", "manifest"});
    return o;
  };
  const auto random_rule = [&](int id) {
    v1::FaultRule rule = rule_of(any_of({R"({"emptyBody":{}})", R"({"missingFile":{}})", R"({"stale":{}})",
                                         R"({"requestFiltering":{}})", R"({"emptyListing":{}})"}));
    rule.set_id(std::to_string(id));
    v1::FaultMatch& match = *rule.mutable_match();
    match.set_client(any_of({"", "", "Wrk-1", "WRK-2"}));
    match.set_smsid(any_of({"", "", "guid:1"}));
    match.set_address(any_of({"", "", "127.0.0.3"}));
    match.set_package(any_of({"", "LON00001", "LON00002"}));
    match.set_dp(any_of({"", "LON-DP-1", "LON-DP-2"}));
    match.set_file(any_of({"", "A.bin", "sub/*", "sub"}));
    return rule;
  };
  Rules rules(1);
  for (int id = 1; id <= 300; id++) rules.put(random_rule(id));
  for (int id = 1; id <= 300; id += 3) rules.take(std::to_string(id));
  for (int id = 2; id <= 300; id += 3) rules.put(random_rule(id));  // another of the same ID
  const auto all = rules.all();
  EXPECT_EQ(all.size(), 200u);
  size_t found = 0;
  for (int n = 0; n < 2000; n++) {
    const Occasion occasion = random_occasion();
    std::vector<std::string> wanted, hit;
    for (const auto& rule : all) {
      if (concerns(*rule, occasion)) wanted.push_back(rule->id());
    }
    for (const Hit& one : rules.hits(Stage::kReply, occasion)) hit.push_back(one.rule->id());
    EXPECT_EQ(hit, wanted);
    found += hit.size();
  }
  EXPECT_GT(found, 1000u);
  rules.clear();
  EXPECT_FALSE(rules.any(Stage::kReply));
  EXPECT_TRUE(rules.hits(Stage::kReply, random_occasion()).empty());
}

TEST(Rules, LookAheadWithoutCounting) {
  constexpr auto kBody = v1::FaultRule::kPolicyBody;
  Rules rules(1);
  rules.put(rule_of(R"({"id":"5","policyBody":{"how":"CUT"},"when":{"after":"1"},"limit":"1"})"));
  rules.put(rule_of(R"({"id":"6","locations":{"how":"EMPTY"}})"));
  EXPECT_TRUE(rules.any(Stage::kAnswer));
  EXPECT_TRUE(rules.next(kBody, occasion_of("A")).empty());
  EXPECT_TRUE(rules.next(kBody, occasion_of("A")).empty()) << "looking is not asking";
  EXPECT_TRUE(rules.hits(kBody, occasion_of("A")).empty());
  ASSERT_EQ(rules.next(kBody, occasion_of("A")).size(), 1u);
  EXPECT_EQ(rules.next(kBody, occasion_of("A"))[0].count, 2u);
  ASSERT_EQ(rules.hits(kBody, occasion_of("A")).size(), 1u);
  EXPECT_TRUE(rules.next(kBody, occasion_of("A")).empty()) << "the limit";
  EXPECT_EQ(rules.counts("5").matched(), 2u);
  EXPECT_EQ(rules.counts("6").matched(), 0u) << "another effect";
}

TEST(Rules, AHitThatChangedNothingIsHeldBack) {
  Rules rules(1);
  rules.put(rule_of(R"({"id":"5","locations":{"how":"EMPTY"},"limit":"1"})"));
  const auto first = rules.hits(v1::FaultRule::kLocations, occasion_of("A"));
  ASSERT_EQ(first.size(), 1u);
  rules.give_back(first[0], occasion_of("A"));
  EXPECT_EQ(rules.counts("5").hit(), 0u);
  EXPECT_EQ(rules.counts("5").held_back(), 1u);
  const auto second = rules.hits(v1::FaultRule::kLocations, occasion_of("A"));
  ASSERT_EQ(second.size(), 1u) << "the limit is not used up";
  EXPECT_EQ(second[0].count, 2u);
  rules.take("5");
  rules.give_back(second[0], occasion_of("A"));
  EXPECT_EQ(rules.counts("5").hit(), 0u);
}

TEST(Rules, RefuseWhatMakesNoSense) {
  const auto field = [](const std::string& json) { return check_rule(rule_of(json)).field(); };
  EXPECT_EQ(field(R"({})"), "corrupt");
  EXPECT_EQ(field(R"({"emptyBody":{},"when":{"probability":1.5}})"), "when.probability");
  EXPECT_EQ(field(R"({"emptyBody":{},"when":{"probability":0}})"), "when.probability");
  EXPECT_EQ(field(R"({"emptyBody":{},"when":{"first":"3","after":"3"}})"), "when.after");
  for (const std::string count : {"nth", "every", "first"}) {
    EXPECT_EQ(field(R"({"emptyBody":{},"when":{")" + count + R"(":"0"}})"), "when." + count);
  }
  EXPECT_EQ(field(R"({"emptyBody":{},"limit":"0"})"), "limit");
  EXPECT_EQ(field(R"({"emptyBody":{},"match":{"method":"FOO"}})"), "match.method");
  EXPECT_EQ(field(R"({"emptyBody":{},"match":{"method":"FOO","route":"other"}})"), "");
  EXPECT_EQ(field(R"({"emptyBody":{},"match":{"route":"mplist","file":"a.msi"}})"), "match.file");
  EXPECT_EQ(field(R"({"emptyBody":{},"match":{"route":"mplist","package":"LON00001"}})"), "match.package");
  EXPECT_EQ(field(R"({"limitData":{"bytes":"18446744073709551615"}})"), "limitData.bytes");
  EXPECT_EQ(field(R"({"match":{"file":"a"},"wrongSize":{"size":"18446744073709551615"}})"), "wrongSize.size");
  EXPECT_EQ(field(R"({"match":{"file":"a"},"wrongSize":{"by":"9223372036854775807"}})"), "wrongSize.by");
  EXPECT_EQ(field(R"({"extraFile":{"file":"a","size":"18446744073709551615"}})"), "extraFile.size");
  EXPECT_EQ(field(R"({"emptyBody":{},"when":{"nth":"3","every":"2"}})"), "when.nth");
  EXPECT_EQ(field(R"({"emptyBody":{},"when":{"from":"2026-11-21T20:00:00Z","until":"2026-11-21T20:00:00Z"}})"),
            "when.until");
  EXPECT_EQ(field(R"({"emptyBody":{},"match":{"range":{"first":"5","last":"4"}}})"), "match.range.last");
  EXPECT_EQ(field(R"({"emptyBody":{},"match":{"role":"MP","dp":"LON-DCSMS-01"}})"), "match.dp");
  EXPECT_EQ(field(R"({"resetOnAccept":{},"match":{"package":"LON00001"}})"), "match");
  EXPECT_EQ(field(R"({"limitData":{}})"), "limitData.bytes");
  EXPECT_EQ(field(R"({"latency":{}})"), "latency.latency");
  EXPECT_EQ(field(R"({"latency":{"latency":"5","jitter":"6"}})"), "latency.jitter");
  EXPECT_EQ(field(R"({"bandwidth":{"rate":"0"}})"), "bandwidth.rate");
  EXPECT_EQ(field(R"({"slicer":{"delay":"1"}})"), "slicer.averageSize");
  EXPECT_EQ(field(R"({"contentLengthOverride":{"by":"0"}})"), "contentLengthOverride.by");
  EXPECT_EQ(field(R"({"truncateBodyAtFraction":{"fraction":1}})"), "truncateBodyAtFraction.fraction");
  EXPECT_EQ(field(R"({"status":{"code":99}})"), "status.code");
  EXPECT_EQ(field(R"({"header":{}})"), "header");
  EXPECT_EQ(field(R"({"header":{"set":[{"name":"a b"}]}})"), "header.set.name");
  EXPECT_EQ(field(R"({"swapFile":{"file":"b"}})"), "match.file");
  EXPECT_EQ(field(R"({"corrupt":{"length":"0"}})"), "corrupt.length");
  EXPECT_EQ(field(R"({"malformedBody":{}})"), "malformedBody.bytes");
  EXPECT_EQ(field(R"({"responseBytes":{}})"), "responseBytes.raw");
}

}  // namespace
}  // namespace smslab::fault
