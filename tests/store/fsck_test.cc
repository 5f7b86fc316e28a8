// fsck: each kind of damage is found and named; a sound store stays untouched.
#include "store/fsck.h"

#include "proto/base/hex.h"
#include "store/repair.h"
#include "tests/store/fixture.h"

namespace smslab::store {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

class FsckTest : public ::testing::Test {
 protected:
  FsckTest() {
    write_bytes(folder_ / "source/a.txt", "hello\n");
    write_bytes(folder_ / "source/b.txt", "world\n");
    write_bytes(folder_ / "source/Sub/same.txt", "hello\n");
    store_ = must(Store::open(posix_env(), data_));
    EXPECT_OK(import_into(*store_, "LON00001", 1, folder_ / "source"));
    EXPECT_OK(import_into(*store_, "LON00001", 2, folder_ / "source"));
  }
  Status change(const Index::Change& change) { return store_->commit(change); }
  // By both ways, which must agree.
  std::vector<std::string> found() {
    const auto open = problems(fsck(*store_));
    store_.reset();
    const std::string before = listing(data_);
    EXPECT_EQ(problems(fsck(posix_env(), data_)), open);
    EXPECT_EQ(listing(data_), before) << "fsck changes nothing";
    store_ = must(Store::open(posix_env(), data_));
    return open;
  }

  TempFolder folder_;
  const std::string data_ = folder_ / "data";
  const std::string hello_ = digest_hex(Algorithm::kSha256, "hello\n");
  const std::string world_ = digest_hex(Algorithm::kSha256, "world\n");
  std::unique_ptr<Store> store_;
};

TEST_F(FsckTest, ASoundStore) {
  EXPECT_THAT(found(), IsEmpty());
  const v1::FsckReply report = must(fsck(*store_));
  EXPECT_EQ(report.blobs(), 2u);
  EXPECT_EQ(report.bytes(), 12u);
  EXPECT_EQ(report.manifests(), 2u);
}

TEST_F(FsckTest, NeedsAStoreThatNobodyServes) {
  EXPECT_EQ(fsck(posix_env(), data_).status().code(), Code::kFailedPrecondition);
  EXPECT_EQ(fsck(posix_env(), folder_ / "none").status().code(), Code::kNotFound);
  EXPECT_EQ(fsck(posix_env(), folder_ / "source").status().code(), Code::kNotFound);
  EXPECT_FALSE(fs::exists(folder_ / "source/lock"));
}

// A new one would make garbage of all that is there.
TEST_F(FsckTest, AnIndexThatIsGoneIsNoNewStore) {
  const std::string index = data_ + "/index/data.mdb";
  store_.reset();
  for (const bool empty : {true, false}) {
    fs::remove(index);
    if (empty) write_bytes(index, "");
    const std::string before = listing(data_);
    EXPECT_EQ(Store::open(posix_env(), data_).status().code(), Code::kDataLoss);
    EXPECT_THAT(fsck(posix_env(), data_).status().message(), HasSubstr("holds contents"));
    EXPECT_EQ(repair(posix_env(), data_, {}).status().code(), Code::kDataLoss);
    EXPECT_EQ(listing(data_), before);
  }
  fs::remove_all(data_ + "/blobs");
  EXPECT_OK(Store::open(posix_env(), data_).status());
}

TEST_F(FsckTest, AnAlteredBlob) {
  write_bytes(store_->blobs().path(hello_), "hellO\n");
  EXPECT_THAT(found(), ElementsAre(AllOf(HasSubstr("blob " + hello_ + ": altered"),
                                         HasSubstr(digest_hex(Algorithm::kSha256, "hellO\n")))));
  write_bytes(store_->blobs().path(hello_), "");
  EXPECT_THAT(found(), ElementsAre(HasSubstr("0 bytes")));
}

TEST_F(FsckTest, AMissingBlob) {
  fs::remove(store_->blobs().path(world_));
  EXPECT_THAT(found(), ElementsAre("blob " + world_ + ": its file is missing"));
}

TEST_F(FsckTest, AnOrphan) {
  const std::string unknown = digest_hex(Algorithm::kSha256, "nobody's");
  write_bytes(store_->blobs().path(unknown), "nobody's");
  write_bytes(data_ + "/blobs/notes.txt", "?");
  write_bytes(data_ + "/blobs/00/" + hello_, "hello\n");
  EXPECT_THAT(found(),
              UnorderedElementsAre(HasSubstr("orphan: no record names the file " + store_->blobs().path(unknown)),
                                   HasSubstr("blobs/notes.txt"), HasSubstr("blobs/00/" + hello_)));
}

TEST_F(FsckTest, AnAlteredManifest) {
  ASSERT_OK(change([](WriteTxn& txn) -> Status {
    ASSIGN_OR_RETURN(v1::Manifest manifest, load_manifest(txn, "LON00001", 2));
    manifest.mutable_files(0)->set_path("renamed.txt");
    return kManifests.put(txn, manifest_key("LON00001", 2), manifest);
  }));
  EXPECT_THAT(found(), ElementsAre(AllOf(HasSubstr("manifest LON00001 version 2: altered"), HasSubstr("hash"))));
}

TEST_F(FsckTest, AManifestUnderAnothersKey) {
  ASSERT_OK(change([](WriteTxn& txn) -> Status {
    ASSIGN_OR_RETURN(const v1::Manifest manifest, load_manifest(txn, "LON00001", 1));
    return kManifests.put(txn, manifest_key("LON00001", 2), manifest);
  }));
  EXPECT_THAT(found(), ElementsAre("manifest LON00001 version 2: holds LON00001 version 1"));
}

TEST_F(FsckTest, WrongCounts) {
  ASSERT_OK(change([&](WriteTxn& txn) -> Status {
    ASSIGN_OR_RETURN(v1::BlobRecord record, kBlobs.get(txn, {hello_}));
    record.set_references(3);
    return kBlobs.put(txn, {hello_}, record);
  }));
  EXPECT_THAT(found(), ElementsAre("blob " + hello_ + ": 3 references recorded, 2 manifests name it"));
}

TEST_F(FsckTest, ADanglingName) {
  ASSERT_OK(change([&](WriteTxn& txn) { return kBlobs.erase(txn, {world_}); }));
  EXPECT_THAT(found(), UnorderedElementsAre(
                           "manifest LON00001 version 1: 'b.txt' names the blob " + world_ + ", which has no record",
                           "manifest LON00001 version 2: 'b.txt' names the blob " + world_ + ", which has no record",
                           HasSubstr("orphan")));
}

TEST_F(FsckTest, ARecordThatIsNotItsBlobs) {
  ASSERT_OK(change([&](WriteTxn& txn) -> Status {
    ASSIGN_OR_RETURN(v1::BlobRecord record, kBlobs.get(txn, {world_}));
    record.set_md5(std::string(32, '0'));
    return kBlobs.put(txn, {world_}, record);
  }));
  EXPECT_THAT(found(), ElementsAre("blob " + world_ + ": its record does not match its bytes"));
}

TEST_F(FsckTest, DamagedRecords) {
  ASSERT_OK(change([&](WriteTxn& txn) -> Status {
    RETURN_IF_ERROR(txn.put(join_key("manifest", manifest_key("LON00001", 2)), "\xFF\xFF"));
    return txn.put(join_key("blob", {world_}), "\xFF\xFF");
  }));
  const auto damaged = found();
  EXPECT_THAT(damaged, ::testing::Contains("manifest LON00001 version 2: its record is damaged"));
  EXPECT_THAT(damaged, ::testing::Contains("blob " + world_ + ": its record is damaged"));
}

TEST_F(FsckTest, AContentWithoutItsManifest) {
  v1::DpContent content;
  content.set_package_id("LON00001");
  content.set_version(2);
  const v1::Manifest manifest = must(load_manifest(store_->read(), "LON00001", 2));
  content.set_manifest_digest(manifest_digest(manifest));
  ASSERT_OK(change([&](WriteTxn& txn) { return kDpContents.put(txn, {"LON00001"}, content); }));
  EXPECT_THAT(found(), IsEmpty());
  content.set_manifest_digest(std::string(64, '0'));
  ASSERT_OK(change([&](WriteTxn& txn) { return kDpContents.put(txn, {"LON00001"}, content); }));
  EXPECT_THAT(found(), ElementsAre("content LON00001 version 2: its manifest is altered"));
  content.set_version(3);
  ASSERT_OK(change([&](WriteTxn& txn) { return kDpContents.put(txn, {"LON00001"}, content); }));
  EXPECT_THAT(found(), ElementsAre("content LON00001 version 3: its manifest is missing"));
}

TEST_F(FsckTest, ARecordOfAnyKindThatIsDamaged) {
  const auto damage = [](WriteTxn& txn) {
    Status status;
    for_each_table([&](const auto& table) {
      if (status.ok()) status = txn.put(join_key(table.name(), {"0000000000000001", "x"}), "\xFF\xFF");
    });
    return status;
  };
  ASSERT_OK(change(damage));
  std::vector<std::string> unnamed;
  const auto problems = found();
  for_each_table([&](const auto& table) {
    if (table.name() == kGarbage.name() || table.name() == kLost.name()) return;  // nobody reads these
    const std::string word = std::string(table.name()) + " 0000000000000001";
    const auto names = [&](const std::string& problem) {
      return problem.find(word) != std::string::npos && problem.find("damaged") != std::string::npos;
    };
    if (std::none_of(problems.begin(), problems.end(), names)) unnamed.push_back(word);
  });
  EXPECT_THAT(unnamed, IsEmpty());
}

TEST_F(FsckTest, ImportsUnderWayAreNoDamage) {
  write_bytes(folder_ / "source/new.txt", "new\n");
  const auto snapshot = must(import_folder(posix_env(), store_->blobs(), {"LON00001", 3, folder_ / "source"}));
  EXPECT_THAT(problems(fsck(*store_)), IsEmpty());
  EXPECT_EQ(change([&](WriteTxn& txn) -> Status {
              RETURN_IF_ERROR(snapshot.publish(txn, store_->blobs()));
              return failed_precondition("no");
            }),
            failed_precondition("no"));
  EXPECT_THAT(problems(fsck(*store_)), IsEmpty());
}

}  // namespace
}  // namespace smslab::store
