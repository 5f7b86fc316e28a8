// Blobs: staging, receiving, publishing, references, garbage.
#include "store/blobs.h"

#include <thread>
#include <utility>

#include "proto/base/hex.h"
#include "tests/store/fixture.h"
#include "tests/support/faulty_env.h"
#include "tests/support/mem_env.h"

namespace smslab::store {
namespace {

using smslab::testing::FaultyEnv;
using smslab::testing::MemEnv;
using ::testing::HasSubstr;

std::string sha256(const std::string& bytes) { return digest_hex(Algorithm::kSha256, bytes); }

v1::Manifest manifest_of(const std::string& package, const std::vector<std::string>& contents) {
  v1::Manifest manifest;
  manifest.set_package_id(package);
  manifest.set_version(1);
  for (size_t i = 0; i < contents.size(); i++) {
    auto& file = *manifest.add_files();
    file.set_path("file" + std::to_string(i));
    file.set_size(contents[i].size());
    const ContentDigests digests = content_digests(contents[i]);
    file.mutable_hash()->set_md5(digests.md5);
    file.mutable_hash()->set_sha1(digests.sha1);
    file.mutable_hash()->set_sha256(digests.sha256);
  }
  return manifest;
}

class BlobsTest : public ::testing::Test {
 protected:
  BlobsTest() { store_ = must(Store::open(env_, folder_.path())); }

  void reopen() {
    store_.reset();
    store_ = must(Store::open(env_, folder_.path()));
  }
  Blobs& blobs() { return store_->blobs(); }
  std::unique_ptr<Staging> stage(const std::vector<std::string>& contents) {
    auto staging = must(blobs().stage());
    for (const auto& bytes : contents) {
      mem_.write("/source", bytes);
      EXPECT_EQ(must(staging->add(*must(env_.open("/source")))).digests, content_digests(bytes));
    }
    EXPECT_OK(staging->make_durable());
    return staging;
  }
  // Publishes what is staged and refers to `contents`.
  Status publish(Staging& staging, const std::vector<std::string>& contents) {
    return store_->commit([&](WriteTxn& txn) -> Status {
      RETURN_IF_ERROR(staging.publish(txn));
      return blobs().refer(txn, manifest_of("LON00001", contents));
    });
  }
  Status drop(const std::vector<std::string>& contents) {
    return store_->commit([&](WriteTxn& txn) { return blobs().drop(txn, manifest_of("LON00001", contents)); });
  }
  uint64_t references(const std::string& bytes) {
    const auto record = kBlobs.get(store_->read(), {sha256(bytes)});
    return record.ok() ? record->references() : 0;
  }
  bool on_disk(const std::string& bytes) { return mem_.read(blobs().path(sha256(bytes))) == bytes; }
  size_t garbage() {
    size_t rows = 0;
    EXPECT_OK(kGarbage.each(store_->read(), {}, [&](const Key&, const v1::BlobRecord&) { return ++rows > 0; }));
    return rows;
  }
  // Files without a record and records without a file. (These tests refer to manifests that they do not store.)
  std::string misplaced() {
    std::string text;
    for (const auto& problem : problems(fsck(*store_))) {
      if (problem.find("references recorded") == std::string::npos) text += problem + "\n";
    }
    return text;
  }
  std::string stage_listing() { return mem_.listing(blobs().stage_folder()); }

  TempFolder folder_;
  MemEnv mem_;
  FaultyEnv env_{mem_};
  std::unique_ptr<Store> store_;
};

TEST_F(BlobsTest, PublishesWhatWasStaged) {
  {
    const auto staging = stage({"one", "two", "one", ""});
    EXPECT_TRUE(staging->has(sha256("one")));
    EXPECT_FALSE(blobs().has(store_->read(), sha256("one")));
    ASSERT_OK(publish(*staging, {"one", "two", ""}));
    EXPECT_FALSE(staging->has(sha256("one"))) << "it is in the store now";
  }
  for (const std::string bytes : {"one", "two", ""}) {
    EXPECT_EQ(references(bytes), 1u);
    const auto file = must(blobs().open(sha256(bytes)));
    EXPECT_EQ(file->size(), bytes.size());
  }
  EXPECT_EQ(blobs().open(sha256("three")).status().code(), Code::kNotFound);
  EXPECT_EQ(blobs().open("../../etc/passwd").status().code(), Code::kNotFound);
  const auto record = must(kBlobs.get(store_->read(), {sha256("one")}));
  EXPECT_EQ(record.sha1(), content_digests("one").sha1);
  EXPECT_EQ(record.md5(), content_digests("one").md5);
  store_.reset();
  EXPECT_EQ(mem_.listing(folder_ / "stage"), (folder_ / "stage/\n")) << "a clean stop leaves no list";
}

TEST_F(BlobsTest, AnEndedStagingLeavesNothing) {
  const std::string before = mem_.listing(folder_.path());
  stage({"one", "two"}).reset();
  {
    auto staging = must(blobs().stage());  // not made durable either
    mem_.write("/source", "three");
    must(staging->add(*must(env_.open("/source"))));
    EXPECT_EQ(store_->commit([&](WriteTxn& txn) { return staging->publish(txn); }).code(), Code::kInternal);
  }
  EXPECT_EQ(mem_.listing(folder_.path()), before + (folder_ / "stage/\n"));
}

TEST_F(BlobsTest, WhatTheStoreHasIsNotStagedAgain) {
  ASSERT_OK(publish(*stage({"one"}), {"one"}));
  const auto staging = stage({"one", "two"});
  EXPECT_FALSE(staging->has(sha256("one")));
  EXPECT_TRUE(staging->has(sha256("two")));
  ASSERT_OK(publish(*staging, {"one", "two"}));
  EXPECT_EQ(references("one"), 2u);
  EXPECT_EQ(references("two"), 1u);
}

TEST_F(BlobsTest, OneBarrierForManyFiles) {
  const uint64_t before = env_.calls(FaultyEnv::Call::kBarrier);
  std::vector<std::string> contents;
  for (int i = 0; i < 200; i++) contents.push_back("content " + std::to_string(i));
  ASSERT_OK(publish(*stage(contents), contents));
  EXPECT_EQ(env_.calls(FaultyEnv::Call::kBarrier) - before, 1u);
}

TEST_F(BlobsTest, TheLastReferenceTakesTheFileAlong) {
  ASSERT_OK(publish(*stage({"one", "two"}), {"one", "two"}));
  ASSERT_OK(publish(*stage({}), {"one"}));
  ASSERT_OK(drop({"one", "two"}));
  EXPECT_TRUE(on_disk("one"));
  EXPECT_FALSE(on_disk("two"));
  EXPECT_FALSE(blobs().has(store_->read(), sha256("two")));
  EXPECT_EQ(garbage(), 1u);
  ASSERT_OK(drop({"one"}));
  EXPECT_FALSE(on_disk("one"));
  // Once a barrier has covered the unlinking, the next change removes the rows.
  ASSERT_OK(publish(*stage({"three"}), {"three"}));
  EXPECT_EQ(garbage(), 0u);
}

TEST_F(BlobsTest, DroppedAndReferredToInOneGroup) {
  ASSERT_OK(publish(*stage({"one"}), {"one"}));
  const auto results = store_->index().write({
      [&](WriteTxn& txn) { return blobs().drop(txn, manifest_of("LON00001", {"one"})); },
      // Its file is still there, but nobody may rely on that.
      [&](WriteTxn& txn) { return blobs().refer(txn, manifest_of("LON00001", {"one"})); },
  });
  EXPECT_OK(results[0]);
  EXPECT_EQ(results[1].code(), Code::kAborted);
  EXPECT_FALSE(on_disk("one"));
}

TEST_F(BlobsTest, BroughtAndDroppedInOneGroup) {
  // The content was unlinked before, durably: the old unlinking must not remove the new row.
  ASSERT_OK(publish(*stage({"one"}), {"one"}));
  ASSERT_OK(drop({"one"}));
  const auto one = stage({"one"});
  const auto two = stage({"two"});
  EXPECT_EQ(garbage(), 1u);
  const auto results = store_->index().write({
      [&](WriteTxn& txn) -> Status {
        RETURN_IF_ERROR(one->publish(txn));
        return blobs().refer(txn, manifest_of("LON00001", {"one"}));
      },
      [&](WriteTxn& txn) { return blobs().drop(txn, manifest_of("LON00001", {"one"})); },
      [&](WriteTxn& txn) -> Status {
        RETURN_IF_ERROR(two->publish(txn));
        EXPECT_TRUE(kGarbage.has(txn, {sha256("one")})) << "its file is still to be unlinked";
        return blobs().refer(txn, manifest_of("LON00002", {"two"}));
      },
  });
  EXPECT_THAT(results, ::testing::Each(ok_status()));
  EXPECT_FALSE(on_disk("one"));
  EXPECT_TRUE(on_disk("two"));
  EXPECT_EQ(garbage(), 1u);
  EXPECT_EQ(misplaced(), "");
}

TEST_F(BlobsTest, ALateUnlinkSparesWhatWasPublishedAgain) {
  ASSERT_OK(publish(*stage({"one"}), {"one"}));
  // Two stagings hold the same content, both from a time when the store had none of it.
  ASSERT_OK(drop({"one"}));
  const auto first = stage({"one"});
  const auto second = stage({"one"});
  ASSERT_OK(publish(*first, {"one"}));
  const auto results = store_->index().write({
      [&](WriteTxn& txn) { return blobs().drop(txn, manifest_of("LON00001", {"one"})); },
      [&](WriteTxn& txn) -> Status {
        RETURN_IF_ERROR(second->publish(txn));
        return blobs().refer(txn, manifest_of("LON00001", {"one"}));
      },
  });
  EXPECT_THAT(results, ::testing::Each(ok_status()));
  EXPECT_TRUE(on_disk("one")) << "the drop's unlinking ran after the commit that brought it back";
  EXPECT_EQ(references("one"), 1u);
  EXPECT_EQ(garbage(), 0u);
  EXPECT_EQ(misplaced(), "");
}

// Barriers belong to other threads: they may come between any two changes, or take as long as several of them.
TEST_F(BlobsTest, AnOldUnlinkDoesNotCountForANewOne) {
  const auto first = stage({"one"});
  const auto second = stage({"one"});
  ASSERT_OK(publish(*first, {"one"}));
  ASSERT_OK(drop({"one"}));
  ASSERT_OK(publish(*second, {"one"}));
  const auto results = store_->index().write({
      [&](WriteTxn& txn) { return blobs().drop(txn, manifest_of("LON00001", {"one"})); },
      [&](WriteTxn&) {
        stage({"two"});  // with its barrier: the first unlinking is durable, the second is still to come
        return ok_status();
      },
      [&](WriteTxn& txn) { return blobs().drop(txn, {}); },
  });
  EXPECT_THAT(results, ::testing::Each(ok_status()));
  EXPECT_FALSE(on_disk("one"));
  EXPECT_EQ(garbage(), 1u);
}

TEST_F(BlobsTest, ABarrierCoversOnlyWhatCameBeforeIt) {
  class SlowBarrier final : public smslab::testing::ForwardingEnv {
   public:
    using ForwardingEnv::ForwardingEnv;
    Status barrier(const std::string& folder) override {
      Status status = ForwardingEnv::barrier(folder);
      if (meanwhile) std::exchange(meanwhile, {})();
      return status;
    }
    std::function<void()> meanwhile;
  };
  store_.reset();
  SlowBarrier slow(mem_);
  store_ = must(Store::open(slow, folder_.path()));
  auto first = stage({"one"});
  auto second = stage({"one"});
  ASSERT_OK(publish(*first, {"one"}));
  ASSERT_OK(drop({"one"}));
  slow.meanwhile = [&] {
    ASSERT_OK(publish(*second, {"one"}));
    ASSERT_OK(drop({"one"}));
  };
  stage({"two"});
  ASSERT_OK(drop({}));
  EXPECT_EQ(garbage(), 1u) << "the second unlinking is not durable yet";
  stage({"three"});
  ASSERT_OK(drop({}));
  EXPECT_EQ(garbage(), 0u);
  first.reset();
  second.reset();
  store_.reset();  // after its stagings, before its env
}

TEST_F(BlobsTest, ReferIsAbortedWhenTheContentIsGone) {
  ASSERT_OK(publish(*stage({"one"}), {"one"}));
  const auto staging = stage({"one", "two"});  // takes "one" for granted
  ASSERT_OK(drop({"one"}));
  const Status status = publish(*staging, {"one", "two"});
  EXPECT_EQ(status.code(), Code::kAborted);
  EXPECT_FALSE(on_disk("two")) << "taken back";
  EXPECT_TRUE(staging->has(sha256("two")));
  ASSERT_OK(publish(*staging, {"two"}));
  EXPECT_TRUE(on_disk("two"));
}

TEST_F(BlobsTest, ReferRefusesAManifestThatLies) {
  const auto staging = stage({"one"});
  v1::Manifest manifest = manifest_of("LON00001", {"one"});
  const auto commit = [&] {
    return store_->commit([&](WriteTxn& txn) -> Status {
      RETURN_IF_ERROR(staging->publish(txn));
      return blobs().refer(txn, manifest);
    });
  };
  manifest.mutable_files(0)->set_size(4);
  EXPECT_EQ(commit().code(), Code::kInvalidArgument);
  manifest = manifest_of("LON00001", {"one"});
  manifest.mutable_files(0)->mutable_hash()->set_sha1(std::string(40, '0'));
  EXPECT_EQ(commit().code(), Code::kInvalidArgument);
  manifest.mutable_files(0)->mutable_hash()->set_sha256("../../../etc/passwd");
  EXPECT_EQ(commit().code(), Code::kInvalidArgument);
  manifest = manifest_of("LON00001", {"one"});
  EXPECT_OK(commit());
}

TEST_F(BlobsTest, AFailingPublishTakesAllBack) {
  const auto staging = stage({"one", "two", "three"});
  for (uint64_t nth = 1; nth <= 3; nth++) {
    env_.fail(FaultyEnv::Call::kRename, nth, Status(Code::kNoSpace, "the disk is full"));
    EXPECT_EQ(publish(*staging, {"one", "two", "three"}).code(), Code::kNoSpace);
    EXPECT_FALSE(on_disk("one") || on_disk("two") || on_disk("three"));
    EXPECT_EQ(references("one") + references("two") + references("three"), 0u);
  }
  ASSERT_OK(publish(*staging, {"one", "two", "three"}));
  EXPECT_TRUE(on_disk("one") && on_disk("two") && on_disk("three"));
  EXPECT_EQ(misplaced(), "");
}

TEST_F(BlobsTest, WhatCannotBeTakenBackIsLeftToTheNextStart) {
  {
    const auto staging = stage({"one"});
    const Status status = store_->commit([&](WriteTxn& txn) -> Status {
      RETURN_IF_ERROR(staging->publish(txn));
      env_.fail(FaultyEnv::Call::kRename, 1, Status(Code::kUnavailable, "the disk is gone"));
      return failed_precondition("no");
    });
    EXPECT_EQ(status.code(), Code::kFailedPrecondition);
    EXPECT_TRUE(on_disk("one")) << "a file without a record";
  }
  ASSERT_OK(publish(*stage({"two"}), {"two"}));  // a barrier in between
  reopen();
  EXPECT_FALSE(on_disk("one"));
  EXPECT_TRUE(on_disk("two"));
  EXPECT_EQ(misplaced(), "");
}

TEST_F(BlobsTest, PublishesOnlyWhatIsWanted) {
  const auto staging = stage({"one", "two"});
  ASSERT_OK(store_->commit([&](WriteTxn& txn) -> Status {
    RETURN_IF_ERROR(staging->publish(txn, [](const std::string& sha) { return sha == sha256("two"); }));
    return blobs().refer(txn, manifest_of("LON00001", {"two"}));
  }));
  EXPECT_FALSE(on_disk("one"));
  EXPECT_TRUE(on_disk("two"));
  EXPECT_TRUE(staging->has(sha256("one")));
  ASSERT_OK(staging->make_durable());
  ASSERT_OK(publish(*staging, {"one"}));
  EXPECT_TRUE(on_disk("one"));
}

TEST_F(BlobsTest, ReceivesInPieces) {
  const auto staging = must(blobs().stage());
  const auto receiver = must(staging->receive(sha256("abcdef"), 6));
  EXPECT_OK(receiver->append("abc"));
  EXPECT_OK(receiver->append(""));
  EXPECT_OK(receiver->append("def"));
  EXPECT_FALSE(staging->has(sha256("abcdef")));
  EXPECT_EQ(must(receiver->finish()).digests, content_digests("abcdef"));
  EXPECT_TRUE(staging->has(sha256("abcdef")));
  EXPECT_EQ(receiver->append("g").code(), Code::kFailedPrecondition);
  ASSERT_OK(staging->make_durable());
  ASSERT_OK(publish(*staging, {"abcdef"}));
  EXPECT_TRUE(on_disk("abcdef"));
}

TEST_F(BlobsTest, ReceivesOnManyThreadsWhileItPublishes) {
  const auto staging = must(blobs().stage());
  std::vector<std::thread> peers;
  for (int t = 0; t < 4; t++) {
    peers.emplace_back([&, t] {
      for (int i = 0; i < 25; i++) {
        const std::string bytes = std::to_string(t % 2) + " " + std::to_string(i);  // each from two peers
        const auto receiver = must(staging->receive(sha256(bytes), bytes.size()));
        EXPECT_OK(receiver->append(bytes));
        EXPECT_OK(receiver->finish().status());
      }
    });
  }
  for (int i = 0; i < 5; i++) {
    ASSERT_OK(staging->make_durable());
    ASSERT_OK(store_->commit(
        [&](WriteTxn& txn) { return staging->publish(txn, [&](const std::string&) { return false; }); }));
  }
  for (auto& peer : peers) peer.join();
  ASSERT_OK(staging->make_durable());
  std::vector<std::string> all;
  for (int i = 0; i < 25; i++) all.insert(all.end(), {"0 " + std::to_string(i), "1 " + std::to_string(i)});
  ASSERT_OK(publish(*staging, all));
  EXPECT_EQ(misplaced(), "");
  EXPECT_EQ(references("1 24"), 1u);
}

TEST_F(BlobsTest, RefusesWhatIsNotAsAnnounced) {
  const auto staging = must(blobs().stage());
  const std::string before = stage_listing();
  EXPECT_EQ(staging->receive("abc", 3).status().code(), Code::kInvalidArgument);
  EXPECT_EQ(staging->receive("../../../../etc/passwd", 3).status().code(), Code::kInvalidArgument);
  {
    const auto other = must(staging->receive(sha256("abc"), 3));
    EXPECT_OK(other->append("abX"));
    EXPECT_EQ(other->finish().status().code(), Code::kDataLoss);
  }
  {
    const auto cut = must(staging->receive(sha256("abc"), 3));
    EXPECT_OK(cut->append("ab"));
    const Status status = cut->finish().status();
    EXPECT_EQ(status.code(), Code::kDataLoss);
    EXPECT_THAT(status.message(), HasSubstr("2 of 3"));
  }
  {
    const auto longer = must(staging->receive(sha256("abc"), 3));
    EXPECT_OK(longer->append("ab"));
    EXPECT_EQ(longer->append("cd").code(), Code::kDataLoss);
    EXPECT_FALSE(longer->append("").ok());
    EXPECT_FALSE(longer->finish().ok());
  }
  { const auto unfinished = must(staging->receive(sha256("abc"), 3)); }
  EXPECT_FALSE(staging->has(sha256("abc")));
  EXPECT_EQ(stage_listing(), before);
  const auto right = must(staging->receive(sha256("abc"), 3));
  EXPECT_OK(right->append("abc"));
  EXPECT_OK(right->finish().status());
}

TEST_F(BlobsTest, AFullDiskLeavesNothing) {
  const auto staging = must(blobs().stage());
  const std::string before = stage_listing();
  mem_.write("/source", "one");
  env_.fail(FaultyEnv::Call::kAppend, 1, Status(Code::kNoSpace, "the disk is full"));
  EXPECT_EQ(staging->add(*must(env_.open("/source"))).status().code(), Code::kNoSpace);
  const auto receiver = must(staging->receive(sha256("abc"), 3));
  env_.fail(FaultyEnv::Call::kAppend, 1, Status(Code::kNoSpace, "the disk is full"));
  EXPECT_EQ(receiver->append("abc").code(), Code::kNoSpace);
  EXPECT_FALSE(receiver->append("abc").ok());
  EXPECT_EQ(stage_listing(), before);
  must(staging->add(*must(env_.open("/source"))));
  env_.fail(FaultyEnv::Call::kBarrier, 1, Status(Code::kNoSpace, "the disk is full"));
  EXPECT_EQ(staging->make_durable().code(), Code::kNoSpace);
  EXPECT_EQ(publish(*staging, {"one"}).code(), Code::kInternal) << "it is not durable";
  ASSERT_OK(staging->make_durable());
  ASSERT_OK(publish(*staging, {"one"}));
}

TEST_F(BlobsTest, ProgressMayStopIt) {
  const auto staging = must(blobs().stage());
  mem_.write("/source", std::string(3 << 20, 'x'));
  uint64_t last = 0, calls = 0;
  must(staging->add(*must(env_.open("/source")), [&](uint64_t bytes) {
    EXPECT_GT(bytes, last);
    EXPECT_LE(bytes - last, 4u << 20);
    last = bytes;
    calls++;
    return ok_status();
  }));
  EXPECT_EQ(last, 3u << 20);
  EXPECT_GE(calls, 2u);
  const std::string before = stage_listing();
  mem_.write("/source", std::string(3 << 20, 'y'));
  const auto stopped =
      staging->add(*must(env_.open("/source")), [](uint64_t) { return Status(Code::kAborted, "the site stops"); });
  EXPECT_EQ(stopped.status().code(), Code::kAborted);
  EXPECT_EQ(stage_listing(), before);
}

TEST_F(BlobsTest, OneServerAFolder) {
  EXPECT_EQ(Store::open(env_, folder_.path()).status().code(), Code::kFailedPrecondition);
  EXPECT_EQ(fsck(env_, folder_.path()).status().code(), Code::kFailedPrecondition);
  reopen();
}

}  // namespace
}  // namespace smslab::store
