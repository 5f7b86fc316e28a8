#include <gmock/gmock.h>

#include "dp/contents.h"
#include "tests/dp/fixture.h"

namespace smslab::dp {
namespace {

using ::testing::HasSubstr;

const std::string kBig = random_bytes(100'000, 1);
const Files kFiles = {{"Big.bin", kBig}, {"Sub/b.txt", "world\n"}, {"empty", ""}};
const std::vector<std::string> kFolders = {"Sub"};
const std::string kTarget = "/SMS_DP_SMSPKG$/LON00001/Big.bin";

class DamageAtRest : public DpTest {
 protected:
  DamageAtRest() { install("LON00001", 1, kFiles, kFolders); }

  static v1::DamageRequest at(const std::string& rule, uint64_t offset, uint64_t length = 1) {
    v1::DamageRequest request = damage_request(rule, "LON00001", "Big.bin");
    request.mutable_corrupt()->set_offset(offset);
    request.mutable_corrupt()->set_length(length);
    return request;
  }
  // What a client gets is exactly what was foretold.
  void expect_foretold(const v1::DamageReply& reply) const {
    const Answer answer = get("/SMS_DP_SMSPKG$/LON00001/" + reply.damage().path());
    EXPECT_EQ(hash_of(answer.body).SerializeAsString(), reply.foretold().file().SerializeAsString());
    EXPECT_EQ(answer.field("ETag"), '"' + reply.foretold().file().sha256() + '"');
    Files served;
    for (const auto& [path, bytes] : kFiles) served[path] = get("/SMS_DP_SMSPKG$/LON00001/" + path).body;
    EXPECT_EQ(manifest_of("LON00001", 1, served, kFolders).hash().SerializeAsString(),
              reply.foretold().package().SerializeAsString());
    const std::string& true_bytes = kFiles.at(reply.damage().path());
    const auto wrong = std::mismatch(true_bytes.begin(), true_bytes.end(), answer.body.begin()).first;
    EXPECT_EQ(static_cast<uint64_t>(wrong - true_bytes.begin()), reply.foretold().first_wrong_offset());
  }
};

TEST_F(DamageAtRest, ExactlyTheForetoldBytesAndItsEtag) {
  const Answer before = get(kTarget);
  const auto reply = damage(at("1", 70'000, 300));
  ASSERT_TRUE(reply.ok()) << reply.status().to_string();
  EXPECT_EQ(reply->version(), 1u);
  EXPECT_EQ(reply->foretold().first_wrong_offset(), 70'000u);
  expect_foretold(*reply);

  const Answer after = get(kTarget);
  EXPECT_EQ(after.body.size(), kBig.size());
  for (size_t i = 0; i < kBig.size(); i++) {
    ASSERT_EQ(after.body[i] != kBig[i], i >= 70'000 && i < 70'300) << i;
  }
  EXPECT_NE(after.field("ETag"), before.field("ETag"));
  EXPECT_EQ(after.field("Last-Modified"), before.field("Last-Modified"));
  EXPECT_EQ(get(kTarget, {{"Range", "bytes=69990-70309"}}).body, after.body.substr(69'990, 320));
  EXPECT_EQ(get(kTarget, {{"Range", "bytes=0-9"}, {"If-Range", before.field("ETag")}}).status, 200);
  const std::string listing = ask("PROPFIND", kTarget, {{"Depth", "0"}}).body;
  EXPECT_THAT(listing, HasSubstr(reply->foretold().file().sha256()));
  EXPECT_THAT(listing, HasSubstr("<D:getcontentlength>100000</D:getcontentlength>"));
  EXPECT_THAT(get("/SMS_DP_SMSPKG$/LON00001.1.manifest").body, HasSubstr(hash_of(kBig).sha256()));
}

TEST_F(DamageAtRest, ChosenBySeedIsTheSameOnEveryDp) {
  const auto first = damage(damage_request("5", "lon00001"));
  ASSERT_TRUE(first.ok()) << first.status().to_string();
  EXPECT_NE(first->damage().path(), "empty");
  expect_foretold(*first);
  ASSERT_TRUE(lift("5").ok());
  EXPECT_EQ(get(kTarget).body, kBig);
  EXPECT_EQ(get("/SMS_DP_SMSPKG$/LON00001/Sub/b.txt").body, "world\n");
  const auto second = damage(damage_request("5", "LON00001"));
  ASSERT_TRUE(second.ok());
  EXPECT_EQ(second->SerializeAsString(), first->SerializeAsString());
  v1::DamageRequest other_seed = damage_request("6", "LON00001", "BIG.BIN");
  other_seed.set_seed(43);
  const auto third = damage(other_seed);
  ASSERT_TRUE(third.ok());
  EXPECT_EQ(third->damage().path(), "Big.bin");
  EXPECT_NE(third->damage().SerializeAsString(), first->damage().SerializeAsString());
}

TEST_F(DamageAtRest, ALongOneChoosesAFileThatCanHoldIt) {
  v1::DamageRequest request = damage_request("1", "LON00001");
  request.mutable_corrupt()->set_length(1000);
  const auto reply = damage(request);
  ASSERT_TRUE(reply.ok());
  EXPECT_EQ(reply->damage().path(), "Big.bin");
  request.set_rule_id("2");
  request.mutable_corrupt()->set_length(100'001);
  EXPECT_EQ(damage(request).status().field(), "corrupt.length");
}

TEST_F(DamageAtRest, SeveralOnOneFile) {
  const auto late = damage(at("1", 500, 10));
  const auto early = damage(at("2", 100, 10));
  const auto touching = damage(at("3", 110, 390));
  ASSERT_TRUE(late.ok() && early.ok() && touching.ok());
  EXPECT_EQ(touching->foretold().first_wrong_offset(), 100u);
  expect_foretold(*touching);
  const auto elsewhere = damage(damage_request("4", "LON00001", "sub/B.TXT"));
  ASSERT_TRUE(elsewhere.ok());
  expect_foretold(*elsewhere);

  for (const auto& [offset, length] : {std::pair{505, 1}, {490, 20}, {0, 1000}, {509, 1}}) {
    const auto refused = damage(at("9", static_cast<uint64_t>(offset), static_cast<uint64_t>(length)));
    EXPECT_EQ(refused.status().code(), Code::kFailedPrecondition);
    EXPECT_THAT(refused.status().message(), HasSubstr("rule "));
  }
  EXPECT_EQ(damage(at("1", 5000)).status().code(), Code::kAlreadyExists);

  ASSERT_TRUE(lift("3").ok());
  const Answer answer = get(kTarget);
  EXPECT_EQ(answer.field("ETag"), '"' + digest_hex(Algorithm::kSha256, answer.body) + '"');
  EXPECT_EQ(answer.body.substr(110, 390), kBig.substr(110, 390));
  EXPECT_NE(answer.body.substr(100, 10), kBig.substr(100, 10));
  ASSERT_TRUE(lift("1").ok());
  ASSERT_TRUE(lift("2").ok());
  EXPECT_EQ(get(kTarget).body, kBig);
  EXPECT_EQ(get(kTarget).field("ETag"), '"' + hash_of(kBig).sha256() + '"');
  EXPECT_NE(get("/SMS_DP_SMSPKG$/LON00001/Sub/b.txt").body, "world\n");
}

TEST_F(DamageAtRest, SurvivesARestart) {
  const auto reply = damage(at("1", 99'999));
  ASSERT_TRUE(reply.ok());
  restart();
  expect_foretold(*reply);
  ASSERT_TRUE(lift("1").ok());
  restart();
  EXPECT_EQ(get(kTarget).body, kBig);
}

TEST_F(DamageAtRest, WhatCannotBeCarriedOutIsRefusedWithItsField) {
  const auto refused = [&](const std::function<void(v1::DamageRequest&)>& spoil) {
    v1::DamageRequest request = at("1", 0);
    spoil(request);
    const Status status = damage(request).status();
    return std::string(code_name(status.code())) + " " + status.field();
  };
  EXPECT_EQ(refused([](auto& r) { r.mutable_match()->set_dp("LON-OTHER"); }), "NOT_FOUND match.dp");
  EXPECT_EQ(refused([](auto& r) { r.mutable_match()->set_package("LON00002"); }), "NOT_FOUND match.package");
  EXPECT_EQ(refused([](auto& r) { r.mutable_match()->set_package("x"); }), "INVALID_ARGUMENT match.package");
  EXPECT_EQ(refused([](auto& r) { r.mutable_match()->set_version(2); }), "NOT_FOUND match.version");
  EXPECT_EQ(refused([](auto& r) { r.mutable_match()->set_file("none"); }), "NOT_FOUND match.file");
  EXPECT_EQ(refused([](auto& r) { r.mutable_match()->set_file("Sub"); }), "NOT_FOUND match.file");
  EXPECT_EQ(refused([](auto& r) { r.mutable_match()->set_file("empty"); }), "INVALID_ARGUMENT match.file");
  EXPECT_EQ(refused([](auto& r) { r.mutable_corrupt()->set_offset(100'000); }), "INVALID_ARGUMENT corrupt.offset");
  EXPECT_EQ(refused([](auto& r) { r.mutable_corrupt()->set_length(0); }), "INVALID_ARGUMENT corrupt.length");
  EXPECT_EQ(refused([](auto& r) { r.set_rule_id("one"); }), "INVALID_ARGUMENT rule_id");
  EXPECT_EQ(refused([](auto& r) { r.set_rule_id("01"); }), "INVALID_ARGUMENT rule_id");
  EXPECT_EQ(get(kTarget).body, kBig);
  EXPECT_EQ(contents().contents(0).generation(), 1u);

  v1::DamageRequest good = at("1", 0);
  good.mutable_match()->set_dp("lon-dcsms-01");
  good.mutable_match()->set_version(1);
  EXPECT_TRUE(damage(good).ok());
  EXPECT_TRUE(lift("77").ok());
}

TEST_F(DamageAtRest, AnotherPackageWithTheSameContentIsSound) {
  install("LON00002", 1, {{"copy.bin", kBig}});
  ASSERT_TRUE(damage(at("1", 0)).ok());
  EXPECT_EQ(get("/SMS_DP_SMSPKG$/LON00002/copy.bin").body, kBig);
}

// What is loaded is bounded, and what was dropped is found again.
TEST(ContentsCache, DropsTheLeastRecentlyUsed) {
  std::string pattern = ::testing::TempDir() + "smslab-contents-XXXXXX";
  const std::string folder = ::mkdtemp(pattern.data());
  {
    auto store = store::Store::open(posix_env(), folder);
    ASSERT_TRUE(store.ok());
    const auto add = [&](const std::string& id) {
      return (*store)->commit([&](store::WriteTxn& txn) -> Status {
        v1::DpContent content;
        content.set_package_id(id);
        content.set_version(1);
        RETURN_IF_ERROR(store::kManifests.put(txn, {id, store::number_key(1)}, manifest_of(id, 1, {})));
        return store::kDpContents.put(txn, {id}, content);
      });
    };
    for (const char* id : {"LON00001", "LON00002", "LON00003"}) ASSERT_TRUE(add(id).ok());
    Contents contents(**store, {.packages = 2, .bytes = 1});
    Contents roomy(**store, {.packages = 2});
    const auto one = roomy.find("LON00001");
    const auto two = roomy.find("LON00002");
    ASSERT_TRUE(one.ok() && two.ok());
    EXPECT_EQ(*roomy.find("LON00001"), *one);  // now the more recent one
    ASSERT_TRUE(roomy.find("LON00003").ok());
    EXPECT_EQ(*roomy.find("LON00001"), *one);
    EXPECT_NE(*roomy.find("LON00002"), *two);
    roomy.forget("LON00001");
    EXPECT_NE(*roomy.find("LON00001"), *one);
    EXPECT_EQ(roomy.find("LON00009").status().code(), Code::kNotFound);
    // Beyond its bytes it still keeps the one in use.
    const auto only = contents.find("LON00001");
    EXPECT_EQ(*contents.find("LON00001"), *only);
  }
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace smslab::dp
