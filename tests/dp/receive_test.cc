#include <gmock/gmock.h>

#include <fstream>
#include <functional>

#include "proto/base/uri.h"
#include "store/fsck.h"
#include "store/repair.h"
#include "tests/dp/fixture.h"
#include "tests/support/forwarding_env.h"

namespace smslab::dp {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

const Files kFiles = {{"Setup.exe", "MZ"}, {"Sub/b.txt", "world\n"}, {"Sub/copy.txt", "world\n"}, {"empty", ""}};
const std::vector<std::string> kFolders = {"Sub", "Sub/Empty"};

class Receive : public DpTest {};

TEST_F(Receive, OfferPutCommit) {
  const v1::Manifest manifest = manifest_of("LON00001", 1, kFiles, kFolders);
  const auto offered = offer(manifest);
  ASSERT_TRUE(offered.ok()) << offered.status().to_string();
  EXPECT_EQ(offered->missing_size(), 3);  // one content twice
  EXPECT_EQ(get("/SMS_DP_SMSPKG$/LON00001/Setup.exe").status, 404);

  const auto sent = send(manifest, kFiles);
  ASSERT_TRUE(sent.ok()) << sent.status().to_string();
  EXPECT_EQ(sent->content().package_id(), "LON00001");
  EXPECT_EQ(sent->content().version(), 1u);
  EXPECT_EQ(sent->content().generation(), 1u);
  EXPECT_EQ(sent->content().size(), 14u);
  EXPECT_EQ(sent->content().manifest_digest(), digest_hex(Algorithm::kSha256, manifest.SerializeAsString()));
  EXPECT_EQ(from_timestamp(sent->content().installed()), clock_.now());
  for (const auto& [path, bytes] : kFiles) {
    const Answer answer = get("/SMS_DP_SMSPKG$/LON00001/" + percent_encode_path(path));
    EXPECT_EQ(answer.status, 200) << path;
    EXPECT_EQ(answer.body, bytes) << path;
  }
  EXPECT_EQ(stored_blobs(), 3u);
  const v1::DpInfo info = contents();
  EXPECT_EQ(info.name(), "LON-DCSMS-01");
  ASSERT_EQ(info.contents_size(), 1);
  EXPECT_EQ(info.contents(0).SerializeAsString(), sent->content().SerializeAsString());
  EXPECT_THAT(offer(manifest)->missing(), IsEmpty());
}

TEST_F(Receive, ASecondPackageSendsOnlyWhatIsNew) {
  install("LON00001", 1, kFiles, kFolders);
  Files more = kFiles;
  more["new.bin"] = "new";
  const auto offered = offer(manifest_of("LON00002", 1, more, kFolders));
  ASSERT_TRUE(offered.ok());
  EXPECT_THAT(offered->missing(), ElementsAre(digest_hex(Algorithm::kSha256, "new")));
}

TEST_F(Receive, WrongBytesAreRefused) {
  const v1::Manifest manifest = manifest_of("LON00001", 1, {{"a", "right"}});
  const std::string name = digest_hex(Algorithm::kSha256, "right");
  const Status refused = put(name, "wrong");
  EXPECT_THAT(refused.message(), HasSubstr("DATA_LOSS"));
  EXPECT_THAT(put("12AB", "right").message(), HasSubstr("INVALID_ARGUMENT"));
  EXPECT_THAT(offer(manifest)->missing(), ElementsAre(name));
  EXPECT_EQ(commit(manifest).status().code(), Code::kFailedPrecondition);
  EXPECT_TRUE(put(name, "right").ok());
  EXPECT_TRUE(put(name, "right").ok());  // the same again
  EXPECT_THAT(offer(manifest)->missing(), IsEmpty());
  EXPECT_TRUE(commit(manifest).ok());
  EXPECT_EQ(get("/SMS_DP_SMSPKG$/LON00001/a").body, "right");
}

TEST_F(Receive, MissingContentsAreRefusedAndWhatCameStays) {
  const Files files = {{"a", "one"}, {"b", "two"}, {"c", "three"}};
  const v1::Manifest manifest = manifest_of("LON00001", 1, files);
  ASSERT_TRUE(put(digest_hex(Algorithm::kSha256, "one"), "one").ok());
  const auto refused = commit(manifest);
  EXPECT_EQ(refused.status().code(), Code::kFailedPrecondition);
  EXPECT_THAT(refused.status().message(), HasSubstr("2 contents"));
  EXPECT_THAT(contents().contents(), IsEmpty());
  EXPECT_EQ(get("/SMS_DP_SMSPKG$/LON00001/a").status, 404);
  EXPECT_EQ(stored_blobs(), 0u);
  EXPECT_EQ(offer(manifest)->missing_size(), 2);
  EXPECT_TRUE(send(manifest, files).ok());
  EXPECT_EQ(get("/SMS_DP_SMSPKG$/LON00001/c").body, "three");
}

TEST_F(Receive, TheSameCommitAgainChangesNothing) {
  install("LON00001", 1, kFiles, kFolders);
  ASSERT_TRUE(damage(damage_request("1", "LON00001", "Setup.exe")).ok());
  clock_.advance(std::chrono::hours(1));
  const auto again = commit(manifest_of("LON00001", 1, kFiles, kFolders));
  ASSERT_TRUE(again.ok());
  EXPECT_EQ(again->content().generation(), 2u);
  EXPECT_THAT(again->healed_rules(), IsEmpty());
  EXPECT_NE(get("/SMS_DP_SMSPKG$/LON00001/Setup.exe").body, "MZ");
}

TEST_F(Receive, OverwriteHeals) {
  install("LON00001", 1, kFiles, kFolders);
  const std::string etag = get("/SMS_DP_SMSPKG$/LON00001/Setup.exe").field("ETag");
  ASSERT_TRUE(damage(damage_request("2", "LON00001", "Setup.exe")).ok());
  ASSERT_TRUE(damage(damage_request("10", "LON00001", "Sub/b.txt")).ok());
  const auto refreshed = send(manifest_of("LON00001", 1, kFiles, kFolders), kFiles, true);
  ASSERT_TRUE(refreshed.ok()) << refreshed.status().to_string();
  EXPECT_THAT(refreshed->healed_rules(), ElementsAre("2", "10"));
  EXPECT_EQ(refreshed->content().generation(), 4u);
  const Answer answer = get("/SMS_DP_SMSPKG$/LON00001/Setup.exe");
  EXPECT_EQ(answer.body, "MZ");
  EXPECT_EQ(answer.field("ETag"), etag);
  EXPECT_EQ(stored_blobs(), 3u);
  EXPECT_TRUE(lift("2").ok());  // nothing is left to lift
}

// fsck has found it damaged, and nobody near has it whole: it is asked for again, by the next that brings it.
TEST_F(Receive, WhatIsLostIsMissingUntilItComesAgain) {
  install("LON00001", 1, kFiles, kFolders);
  install("LON00002", 1, {{"Setup.exe", "MZ"}});
  install("LON00003", 1, {{"other", "other"}});
  const std::string lost = digest_hex(Algorithm::kSha256, "MZ");
  const std::string blob = folder_ + "/dp/blobs/" + lost.substr(0, 2) + "/" + lost;
  stop();
  std::ofstream(blob) << "XX";
  EXPECT_EQ(store::repair(posix_env(), folder_ + "/dp", {})->problems_size(), 1);
  start();

  const v1::DpInfo info = contents();
  ASSERT_EQ(info.contents_size(), 1) << "the site sees what it must send";
  EXPECT_EQ(info.contents(0).package_id(), "LON00003");
  const v1::Manifest manifest = manifest_of("LON00001", 1, kFiles, kFolders);
  EXPECT_THAT(offer(manifest)->missing(), ElementsAre(lost));
  EXPECT_EQ(commit(manifest).status().code(), Code::kFailedPrecondition);
  const auto sent = send(manifest, kFiles);
  ASSERT_TRUE(sent.ok()) << sent.status().to_string();
  EXPECT_EQ(sent->content().generation(), 2u);
  EXPECT_EQ(contents().contents_size(), 3) << "the other package has it back too";
  EXPECT_EQ(get("/SMS_DP_SMSPKG$/LON00001/Setup.exe").body, "MZ");
  EXPECT_EQ(get("/SMS_DP_SMSPKG$/LON00002/Setup.exe").body, "MZ");
  stop();
  EXPECT_EQ(store::fsck(posix_env(), folder_ + "/dp")->problems_size(), 0);
}

// A disk has spoilt them while nobody looked: a refresh asks for them again.
TEST_F(Receive, OverwriteReplacesWhatADiskHasSpoilt) {
  install("LON00001", 1, kFiles, kFolders);
  install("LON00002", 1, {{"Setup.exe", "MZ"}});
  const std::string spoilt = digest_hex(Algorithm::kSha256, "MZ");
  const std::string blob = folder_ + "/dp/blobs/" + spoilt.substr(0, 2) + "/" + spoilt;
  std::ofstream(blob) << "XX";
  const v1::Manifest manifest = manifest_of("LON00001", 1, kFiles, kFolders);
  EXPECT_TRUE(commit(manifest).ok()) << "as it is";
  EXPECT_EQ(get("/SMS_DP_SMSPKG$/LON00001/Setup.exe").body, "XX");
  EXPECT_EQ(commit(manifest, true).status().code(), Code::kFailedPrecondition);
  EXPECT_THAT(offer(manifest)->missing(), ElementsAre(spoilt));
  ASSERT_TRUE(send(manifest, kFiles, true).ok());
  EXPECT_EQ(get("/SMS_DP_SMSPKG$/LON00001/Setup.exe").body, "MZ");
  EXPECT_EQ(get("/SMS_DP_SMSPKG$/LON00002/Setup.exe").body, "MZ");
  EXPECT_TRUE(commit(manifest, true).ok());
}

// A manifest that the index cannot give keeps its package neither from a refresh nor from being removed.
TEST_F(Receive, ADamagedManifestIsNoHindrance) {
  const store::Key key = store::manifest_key("LON00001", 1);
  const v1::Manifest manifest = manifest_of("LON00001", 1, kFiles, kFolders);
  const auto spoil = [&] {
    stop();
    {
      const auto store = *store::Store::open(posix_env(), folder_ + "/dp");
      const Status spoilt = store->commit(
          [&](store::WriteTxn& txn) { return txn.put(store::join_key(store::kManifests.name(), key), "\xff\xff"); });
      ASSERT_TRUE(spoilt.ok()) << spoilt.to_string();
    }
    start();
  };
  install("LON00001", 1, kFiles, kFolders);
  spoil();
  EXPECT_EQ(get("/SMS_DP_SMSPKG$/LON00001/Setup.exe").status, 500);
  ASSERT_TRUE(send(manifest, kFiles, true).ok());
  EXPECT_EQ(get("/SMS_DP_SMSPKG$/LON00001/Setup.exe").body, "MZ");
  spoil();
  EXPECT_TRUE(remove("LON00001").ok());
  EXPECT_EQ(get("/SMS_DP_SMSPKG$/LON00001/Setup.exe").status, 404);

  install("LON00002", 1, {{"Setup.exe", "MZ"}});
  stop();
  EXPECT_GT(store::fsck(posix_env(), folder_ + "/dp")->problems_size(), 0) << "what is counted too high";
  EXPECT_EQ(store::repair(posix_env(), folder_ + "/dp", {})->problems_size(), 0);
  start();
  EXPECT_EQ(stored_blobs(), 1u);
  EXPECT_EQ(get("/SMS_DP_SMSPKG$/LON00002/Setup.exe").body, "MZ");
}

TEST_F(Receive, InstallationsLeaveNoListsBehind) {
  for (uint32_t version = 1; version <= 5; version++) {
    install("LON00001", version, {{"a", "version " + std::to_string(version)}});
  }
  size_t files = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder_ + "/dp/stage")) {
    files += entry.is_regular_file() ? 1 : 0;
  }
  EXPECT_LE(files, 1u) << "of the last, until the next barrier";
}

TEST_F(Receive, AnUpdateReplacesTheVersionAndDropsItsContents) {
  install("LON00001", 1, {{"a", "old"}, {"b", "kept"}});
  ASSERT_TRUE(damage(damage_request("1", "LON00001", "b")).ok());
  const auto sent = send(manifest_of("LON00001", 2, {{"a", "new"}, {"b", "kept"}}), {{"a", "new"}, {"b", "kept"}});
  ASSERT_TRUE(sent.ok());
  EXPECT_THAT(sent->healed_rules(), ElementsAre("1"));
  EXPECT_EQ(get("/SMS_DP_SMSPKG$/LON00001/a").body, "new");
  EXPECT_EQ(get("/SMS_DP_SMSPKG$/LON00001/b").body, "kept");
  EXPECT_EQ(get("/SMS_DP_SMSPKG$/LON00001.1/a").status, 404);
  EXPECT_EQ(get("/SMS_DP_SMSPKG$/LON00001.2/a").status, 200);
  EXPECT_EQ(stored_blobs(), 2u);
  restart();
  EXPECT_EQ(get("/SMS_DP_SMSPKG$/LON00001/a").body, "new");
  EXPECT_EQ(stored_blobs(), 2u);
}

TEST_F(Receive, RemovalTakesTheLastReferenceAndComesBackNewer) {
  install("LON00001", 1, {{"a", "shared"}, {"b", "own"}});
  install("LON00002", 1, {{"a", "shared"}});
  ASSERT_TRUE(damage(damage_request("7", "LON00001", "b")).ok());
  const auto removed = remove("lon00001");
  ASSERT_TRUE(removed.ok());
  EXPECT_THAT(removed->healed_rules(), ElementsAre("7"));
  EXPECT_EQ(get("/SMS_DP_SMSPKG$/LON00001/b").status, 404);
  EXPECT_EQ(get("/SMS_DP_SMSPKG$/LON00002/a").body, "shared");
  EXPECT_EQ(stored_blobs(), 1u);
  EXPECT_EQ(contents().contents_size(), 1);
  EXPECT_TRUE(remove("LON00001").ok());
  EXPECT_TRUE(remove("LON0BEEF").ok());
  EXPECT_EQ(remove("nonsense").status().code(), Code::kInvalidArgument);

  install("LON00001", 1, {{"a", "shared"}, {"b", "own"}});
  EXPECT_EQ(get("/SMS_DP_SMSPKG$/LON00001/b").body, "own");
  EXPECT_GT(contents().contents(0).generation(), 2u);
}

TEST_F(Receive, AManifestThatIsNotTrueIsRefused) {
  struct Case {
    const char* name;
    std::function<void(v1::Manifest&)> spoil;
    bool rehash;
  };
  const std::vector<Case> cases = {
      {"package ID", [](auto& m) { m.set_package_id("LON1"); }, false},
      {"package ID in lower case", [](auto& m) { m.set_package_id("lon00001"); }, false},
      {"no version", [](auto& m) { m.set_version(0); }, false},
      {"climbs out", [](auto& m) { m.mutable_files(0)->set_path("../Setup.exe"); }, true},
      {"absolute", [](auto& m) { m.mutable_files(0)->set_path("/Setup.exe"); }, true},
      {"backslash", [](auto& m) { m.mutable_files(0)->set_path("Sub\\x"); }, true},
      {"differs only in case", [](auto& m) { m.mutable_files(1)->set_path("SUB/COPY.TXT"); }, true},
      {"file named as a folder", [](auto& m) { m.mutable_files(0)->set_path("sub"); }, true},
      {"folder not listed", [](auto& m) { m.mutable_files(0)->set_path("Other/Setup.exe"); }, true},
      {"file used as a folder", [](auto& m) { m.mutable_files(1)->set_path("Setup.exe/b.txt"); }, true},
      {"size of the whole", [](auto& m) { m.set_size(m.size() + 1); }, false},
      {"short digest", [](auto& m) { m.mutable_files(0)->mutable_hash()->set_sha1("AB"); }, true},
      {"lower-case digest", [](auto& m) { m.mutable_files(0)->mutable_hash()->set_md5(std::string(32, 'a')); }, true},
      {"no digests", [](auto& m) { m.mutable_files(0)->clear_hash(); }, true},
      {"package hash", [](auto& m) { m.mutable_hash()->set_sha1(std::string(40, '0')); }, false},
      {"name changed under the hash", [](auto& m) { m.mutable_files(0)->set_path("Setup2.exe"); }, false},
  };
  for (const Case& wrong : cases) {
    SCOPED_TRACE(wrong.name);
    v1::Manifest manifest = manifest_of("LON00001", 1, kFiles, kFolders);
    wrong.spoil(manifest);
    if (wrong.rehash) *manifest.mutable_hash() = store::package_hash(manifest);
    EXPECT_EQ(offer(manifest).status().code(), Code::kInvalidArgument);
    EXPECT_EQ(commit(manifest).status().code(), Code::kInvalidArgument);
  }
  EXPECT_THAT(contents().contents(), IsEmpty());
  install("LON00001", 1, kFiles, kFolders);
}

// Only the bytes themselves can tell: the commit finds it out.
TEST_F(Receive, ADigestThatIsNotThatOfTheBytesIsRefused) {
  const Files files = {{"a", "one"}, {"b", "two"}};
  v1::Manifest manifest = manifest_of("LON00001", 1, files);
  manifest.mutable_files(0)->mutable_hash()->set_sha1(std::string(40, '0'));
  *manifest.mutable_hash() = store::package_hash(manifest);
  EXPECT_EQ(send(manifest, files).status().code(), Code::kInvalidArgument);
  EXPECT_EQ(stored_blobs(), 0u);
  EXPECT_THAT(contents().contents(), IsEmpty());
  EXPECT_EQ(offer(manifest)->missing_size(), 0);  // what came stays for a better manifest
  EXPECT_TRUE(commit(manifest_of("LON00001", 1, files)).ok());
  EXPECT_EQ(get("/SMS_DP_SMSPKG$/LON00001/b").body, "two");
}

TEST_F(Receive, WithoutTheTokenNothing) {
  install("LON00001", 1, kFiles, kFolders);
  const std::string before = contents().SerializeAsString();
  v1::Offer offered;
  *offered.mutable_manifest() = manifest_of("LON00002", 1, {{"a", "foreign"}});
  v1::Commit committed;
  *committed.mutable_manifest() = offered.manifest();
  v1::Removal removal;
  removal.set_package_id("LON00001");
  const v1::DamageRequest damaged = damage_request("1", "LON00001");
  v1::DamageRemoval lifted;
  lifted.set_rule_id("1");
  v1::ValidationRequest validated;
  *validated.mutable_manifest() = offered.manifest();
  struct Call {
    const char* method;
    std::string target;
    const google::protobuf::Message* request;
  };
  const std::vector<Call> calls = {
      {"POST", "/dp/v1/offers", &offered},
      {"PUT", "/dp/v1/blobs/" + digest_hex(Algorithm::kSha256, "foreign"), nullptr},
      {"POST", "/dp/v1/commits", &committed},
      {"POST", "/dp/v1/removals", &removal},
      {"POST", "/dp/v1/damages", &damaged},
      {"POST", "/dp/v1/damages/remove", &lifted},
      {"POST", "/dp/v1/validations", &validated},
      {"GET", "/dp/v1/contents", nullptr},
      {"GET", "/dp/v1/no-such-path", nullptr},  // nor does a stranger learn which paths there are
  };
  for (const std::string authorization :
       {"", "Bearer ", "Bearer guess", "Bearer secre", "Bearer secret2", "Basic secret", "secret", "bearer  secret"}) {
    control::HttpClient stranger({.base = control_, .token = {}, .bind = {}});
    for (const Call& call : calls) {
      SCOPED_TRACE(call.target + " as '" + authorization + "'");
      control::HttpRequest request;
      request.method = call.method;
      request.target = call.target;
      request.fields = {{"Content-Type", "application/x-protobuf"}};
      if (!authorization.empty()) request.fields.emplace_back("Authorization", authorization);
      request.body = call.request != nullptr ? call.request->SerializeAsString() : "foreign";
      if (std::string_view(call.method) == "GET") request.body.clear();
      const auto reply = stranger.send(request);
      ASSERT_TRUE(reply.ok()) << reply.status().to_string();
      EXPECT_EQ(reply->status, 401);
      EXPECT_THAT(reply->body, HasSubstr("UNAUTHENTICATED"));
    }
  }
  EXPECT_EQ(contents().SerializeAsString(), before);
  EXPECT_EQ(stored_blobs(), 3u);
  EXPECT_EQ(this->offer(offered.manifest())->missing_size(), 1) << "not even staged";
  EXPECT_EQ(get("/SMS_DP_SMSPKG$/LON00001/Setup.exe").body, "MZ");
}

TEST_F(Receive, OnlyTheGenerationThatIsMeantIsRemoved) {
  install("LON00001", 1, kFiles, kFolders);
  v1::Removal removal;
  removal.set_package_id("LON00001");
  removal.set_generation(contents().contents(0).generation());
  install("LON00001", 2, {{"a", "newer"}});
  ASSERT_TRUE(site_->call("POST", "/dp/v1/removals", &removal, nullptr).ok());
  EXPECT_EQ(get("/SMS_DP_SMSPKG$/LON00001/a").body, "newer");
  removal.set_generation(contents().contents(0).generation());
  ASSERT_TRUE(site_->call("POST", "/dp/v1/removals", &removal, nullptr).ok());
  EXPECT_EQ(get("/SMS_DP_SMSPKG$/LON00001/a").status, 404);
}

// A disk of which `free` bytes are left.
class SmallDisk final : public testing::ForwardingEnv {
 public:
  SmallDisk() : ForwardingEnv(posix_env()) {}
  Result<uint64_t> free_bytes(const std::string&) override { return free; }
  uint64_t free = 0;
};

TEST_F(Receive, WhatDoesNotFitIsRefusedBeforeItIsSent) {
  install("LON00001", 1, {{"a", "kept"}});
  stop();
  SmallDisk disk;
  start(disk);
  const Files files = {{"a", "kept"}, {"b", "12345"}, {"copy of b", "12345"}, {"c", "678"}};
  const v1::Manifest manifest = manifest_of("LON00001", 2, files);
  const uint64_t needed = 2 * 4096 + (256 << 10);  // two contents of a block each, and the bookkeeping
  disk.free = needed - 1;
  const auto refused = offer(manifest);
  EXPECT_EQ(refused.status().code(), Code::kNoSpace);
  EXPECT_THAT(refused.status().message(), HasSubstr("needs " + std::to_string(needed) + " bytes more"));
  EXPECT_EQ(get("/SMS_DP_SMSPKG$/LON00001/a").body, "kept");
  disk.free = needed;
  EXPECT_TRUE(send(manifest, files).ok());
  EXPECT_EQ(get("/SMS_DP_SMSPKG$/LON00001.2/c").body, "678");
  disk.free = 0;  // nothing is missing
  EXPECT_TRUE(send(manifest, files, true).ok());
  stop();
}

TEST_F(Receive, AFolderIsOneDpsAndOneSites) {
  install("LON00001", 1, kFiles, kFolders);
  stop();
  const auto open = [&](const std::string& name, const std::string& site) {
    return DistributionPoint::open({name, folder_ + "/dp", "secret", site}, posix_env(), clock_,
                                   Log(null_log(), LogForm::kConsole, clock_, "dp"));
  };
  EXPECT_EQ(open("LON-DP-02", "").status().code(), Code::kFailedPrecondition);
  EXPECT_EQ(*(*open("LON-DCSMS-01", ""))->site(), "");
  EXPECT_EQ(*(*open("LON-DCSMS-01", "LON"))->site(), "LON");
  const auto other = open("LON-DCSMS-01", "AST");
  EXPECT_EQ(other.status().code(), Code::kFailedPrecondition);
  EXPECT_THAT(other.status().message(), HasSubstr("site LON"));
  {
    const auto mine = open("LON-DCSMS-01", "");
    EXPECT_EQ((*mine)->belong_to("AST").code(), Code::kFailedPrecondition);
    EXPECT_TRUE((*mine)->belong_to("LON").ok());
    EXPECT_EQ(*(*mine)->site(), "LON");
  }
  start();
  EXPECT_EQ(get("/SMS_DP_SMSPKG$/LON00001/Setup.exe").body, "MZ");
}

TEST_F(Receive, AHalfReceivedVersionIsGoneAfterARestart) {
  const v1::Manifest manifest = manifest_of("LON00001", 1, kFiles, kFolders);
  ASSERT_TRUE(put(manifest.files(0).hash().sha256(), kFiles.at(manifest.files(0).path())).ok());
  restart();
  EXPECT_FALSE(std::filesystem::exists(folder_ + "/dp/stage"));
  EXPECT_EQ(offer(manifest)->missing_size(), 3);
  EXPECT_EQ(stored_blobs(), 0u);
  install("LON00001", 1, kFiles, kFolders);
}

}  // namespace
}  // namespace smslab::dp
