// fsck and repair: a row for each kind of damage. It is named; it is repaired, or everything stays as it was and the
// report says why; a second look agrees.
#include "store/repair.h"

#include <ostream>

#include "proto/base/hex.h"
#include "tests/store/fixture.h"

namespace smslab::store {
namespace {

using ::testing::Contains;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// A site and a DP of it, with one package on both; closed.
class Pair {
 public:
  Pair() {
    write_bytes(folder_ / "source/a.txt", "hello\n");
    write_bytes(folder_ / "source/b.txt", "world\n");
    write_bytes(folder_ / "source/Sub/same.txt", "hello\n");
    const auto store = open(site());
    EXPECT_OK(import_into(*store, "LON00001", 1, folder_ / "source"));
    v1::Package package;
    package.set_id("LON00001");
    package.set_source_version(1);
    *package.mutable_hash() = must(load_manifest(store->read(), "LON00001", 1)).hash();
    EXPECT_OK(store->commit([&](WriteTxn& txn) { return kPackages.put(txn, {"LON00001"}, package); }));
    receive();
  }

  const std::string& folder() const { return folder_.path(); }
  std::string site() const { return folder_ / "data/site"; }
  std::string dp() const { return folder_ / "data/dp/LON-DCSMS-01"; }
  static std::unique_ptr<Store> open(const std::string& folder) { return must(Store::open(posix_env(), folder)); }

  // Every row and file of a store, but for the index's own.
  static std::string state(const std::string& folder) {
    std::string text = listing(folder);
    const auto index = must(Index::open(folder + "/index", "default", Index::Mode::kReadOnly));
    EXPECT_OK(index->read().scan("", [&](std::string_view key, std::string_view value) {
      text += std::string(key) + "=" + std::string(value) + "\n";
      return true;
    }));
    return text;
  }

 private:
  // What a DP does with what the site sends.
  void receive() {
    const auto store = open(dp());
    EXPECT_OK(import_into(*store, "LON00001", 1, folder_ / "source"));
    v1::DpContent content;
    content.set_package_id("LON00001");
    content.set_version(1);
    content.set_manifest_digest(manifest_digest(must(load_manifest(store->read(), "LON00001", 1))));
    EXPECT_OK(store->commit([&](WriteTxn& txn) { return kDpContents.put(txn, {"LON00001"}, content); }));
  }

  TempFolder folder_{true};
};

const std::string kHello = digest_hex(Algorithm::kSha256, "hello\n");
const std::string kWorld = digest_hex(Algorithm::kSha256, "world\n");
const Key kFirst = manifest_key("LON00001", 1);

Status put_raw(Store& store, const std::string& key, const std::string& bytes) {
  return store.commit([&](WriteTxn& txn) { return txn.put(key, bytes); });
}
Status change_record(Store& store, const std::string& sha256, const std::function<void(v1::BlobRecord*)>& change) {
  return store.commit([&](WriteTxn& txn) -> Status {
    ASSIGN_OR_RETURN(v1::BlobRecord record, kBlobs.get(txn, {sha256}));
    change(&record);
    return kBlobs.put(txn, {sha256}, record);
  });
}
Status alter_manifest(Store& store) {
  return store.commit([&](WriteTxn& txn) -> Status {
    ASSIGN_OR_RETURN(v1::Manifest manifest, kManifests.get(txn, kFirst));
    manifest.mutable_files(0)->set_path("renamed.txt");
    return kManifests.put(txn, kFirst, manifest);
  });
}

struct Row {
  const char* name;
  std::function<Status(Store&)> harm;
  std::string named;  // in the report
  enum class End {
    kClean,
    kWaits,       // marked: it comes again
    kRefused,     // nothing changes
  } with_others,  // the other store is whole
      alone;      // there is no other
};
void PrintTo(const Row& row, std::ostream* out) { *out << row.name; }

std::vector<Row> rows() {
  using End = Row::End;
  return {
      {"BlobAltered",
       [](Store& store) {
         write_bytes(store.blobs().path(kHello), "hellO\n");
         return ok_status();
       },
       "blob " + kHello + ": altered: 6 bytes", End::kClean, End::kWaits},
      {"BlobOfTheWrongSize",
       [](Store& store) {
         write_bytes(store.blobs().path(kHello), "hello\nand more");
         return ok_status();
       },
       "blob " + kHello + ": altered: 14 bytes", End::kClean, End::kWaits},
      {"BlobMissing",
       [](Store& store) {
         fs::remove(store.blobs().path(kHello));
         return ok_status();
       },
       "blob " + kHello + ": its file is missing", End::kClean, End::kWaits},
      {"BlobOrphaned",
       [](Store& store) {
         write_bytes(store.blobs().path(std::string(64, 'A')), "nobody's");
         return ok_status();
       },
       "orphan: no record names the file", End::kClean, End::kClean},
      {"FolderOfNobody",
       [](Store& store) {
         write_bytes(store.blobs().blobs_folder() + "/notes/a/b", "?");
         return ok_status();
       },
       "blobs/notes/a", End::kClean, End::kClean},
      {"BlobRecordDamaged", [](Store& store) { return put_raw(store, join_key("blob", {kHello}), "\xFF\xFF"); },
       "blob " + kHello + ": its record is damaged", End::kClean, End::kClean},
      {"BlobRecordNotItsBytes",
       [](Store& store) { return change_record(store, kHello, [](auto* record) { record->set_size(7); }); },
       "blob " + kHello + ": its record does not match its bytes", End::kClean, End::kClean},
      {"BlobRecordMissing",
       [](Store& store) { return store.commit([&](WriteTxn& txn) { return kBlobs.erase(txn, {kHello}); }); },
       "names the blob " + kHello + ", which has no record", End::kClean, End::kClean},
      {"BlobAndItsRecordMissing",
       [](Store& store) {
         fs::remove(store.blobs().path(kHello));
         return store.commit([&](WriteTxn& txn) { return kBlobs.erase(txn, {kHello}); });
       },
       "names the blob " + kHello + ", which has no record", End::kClean, End::kWaits},
      {"TooManyReferences",
       [](Store& store) { return change_record(store, kHello, [](auto* record) { record->set_references(5); }); },
       "blob " + kHello + ": 5 references recorded, 1 manifests name it", End::kClean, End::kClean},
      {"TooFewReferences",
       [](Store& store) { return change_record(store, kHello, [](auto* record) { record->set_references(0); }); },
       "blob " + kHello + ": 0 references recorded, 1 manifests name it", End::kClean, End::kClean},
      {"ABlobThatNoManifestNames",
       [](Store& store) {
         const std::string sha256 = digest_hex(Algorithm::kSha256, "x");
         write_bytes(store.blobs().path(sha256), "x");
         v1::BlobRecord record;
         record.set_references(1);
         return store.commit([&](WriteTxn& txn) { return kBlobs.put(txn, {sha256}, record); });
       },
       "1 references recorded, 0 manifests name it", End::kClean, End::kClean},
      {"ManifestAltered", alter_manifest, "manifest LON00001 version 1: altered", End::kClean, End::kRefused},
      {"ManifestNamesAnotherContent",
       [](Store& store) {
         return store.commit([&](WriteTxn& txn) -> Status {
           ASSIGN_OR_RETURN(v1::Manifest manifest, kManifests.get(txn, kFirst));
           for (auto& file : *manifest.mutable_files()) file.mutable_hash()->set_sha256(std::string(64, 'A'));
           return kManifests.put(txn, kFirst, manifest);
         });
       },
       "manifest LON00001 version 1: altered", End::kClean, End::kRefused},
      {"ManifestMissing",
       [](Store& store) { return store.commit([&](WriteTxn& txn) { return kManifests.erase(txn, kFirst); }); },
       "LON00001 version 1: its manifest is missing", End::kClean, End::kRefused},
      {"ManifestUndecodable", [](Store& store) { return put_raw(store, join_key("manifest", kFirst), "\xFF\xFF"); },
       "manifest LON00001 version 1: its record is damaged", End::kClean, End::kRefused},
      {"ManifestUndecodableAndABlobGone",
       [](Store& store) {
         fs::remove(store.blobs().path(kHello));
         return put_raw(store, join_key("manifest", kFirst), "\xFF\xFF");
       },
       "manifest LON00001 version 1: its record is damaged", End::kClean, End::kWaits},
      {"PointerAtNothing",
       [](Store& store) {
         v1::StatusMessage message;
         message.set_id(7);
         return store.commit([&](WriteTxn& txn) {
           return kStatusByPackage.put(txn, {"LON00001", number_key(7)}, message);
         });
       },
       "record 'status-package LON00001 0000000000000007': what it points at is not there", End::kClean, End::kClean},
      {"RecordUndecodable", [](Store& store) { return put_raw(store, join_key("advert", {"LON20000"}), "\xFF\xFF"); },
       "record 'advert LON20000': it is damaged", End::kRefused, End::kRefused},
      {"RecordOfNoTable", [](Store& store) { return put_raw(store, join_key("adverts", {"LON20000"}), "?"); },
       "record 'adverts LON20000': there is no such table", End::kRefused, End::kRefused},
  };
}

class RepairTest : public ::testing::TestWithParam<Row> {
 protected:
  void expect_end(const std::string& folder, const std::vector<std::string>& others, Row::End end) {
    {
      const auto store = Pair::open(folder);
      ASSERT_OK(GetParam().harm(*store));
    }
    const auto before = problems(fsck(posix_env(), folder));
    EXPECT_THAT(before, Contains(HasSubstr(GetParam().named)));
    const std::string state = Pair::state(folder);
    const v1::FsckReply report = must(repair(posix_env(), folder, others));
    const auto after = problems(fsck(posix_env(), folder));
    switch (end) {
      case Row::End::kClean:
        EXPECT_THAT(after, IsEmpty());
        EXPECT_THAT(report.repaired(), Contains(HasSubstr(GetParam().named)));
        EXPECT_THAT(report.problems(), IsEmpty());
        break;
      case Row::End::kWaits:
        EXPECT_THAT(after, Contains(HasSubstr("a refresh or an update that holds it brings it again")));
        break;
      case Row::End::kRefused:
        EXPECT_EQ(Pair::state(folder), state) << "nothing is touched";
        EXPECT_EQ(after, before);
        EXPECT_THAT(report.repaired(), IsEmpty());
        EXPECT_THAT(report.problems(), Each(HasSubstr("not repaired: ")));
        break;
    }
    // Once more changes nothing more.
    const std::string settled = Pair::state(folder);
    must(repair(posix_env(), folder, others));
    EXPECT_EQ(Pair::state(folder), settled);
  }
  Pair pair_;
};

TEST_P(RepairTest, OfADistributionPointFromTheSite) { expect_end(pair_.dp(), {pair_.site()}, GetParam().with_others); }
TEST_P(RepairTest, OfTheSiteFromADistributionPoint) { expect_end(pair_.site(), {pair_.dp()}, GetParam().with_others); }
TEST_P(RepairTest, WithoutAnother) { expect_end(pair_.dp(), {}, GetParam().alone); }

INSTANTIATE_TEST_SUITE_P(Damage, RepairTest, ::testing::ValuesIn(rows()),
                         [](const auto& param) { return std::string(param.param.name); });

// The other store's bytes are looked at before they are taken.
TEST(RepairFrom, AnotherThatIsDamagedTooTakesNothing) {
  Pair pair;
  for (const std::string& folder : {pair.site(), pair.dp()}) {
    write_bytes(Pair::open(folder)->blobs().path(kHello), "hellO\n");
  }
  const v1::FsckReply report = must(repair(posix_env(), pair.dp(), {pair.site()}));
  EXPECT_THAT(report.repaired(), IsEmpty());
  EXPECT_THAT(report.problems(), ElementsAre(HasSubstr("a refresh or an update that holds it brings it again")));
  EXPECT_EQ(read_bytes(Pair::open(pair.dp())->blobs().path(kHello)), "hellO\n") << "it is all that there is";
}

TEST(RepairFrom, AnotherThatIsOpenIsPassedOver) {
  Pair pair;
  fs::remove(Pair::open(pair.dp())->blobs().path(kHello));
  const auto site = Pair::open(pair.site());
  EXPECT_EQ(repair(posix_env(), pair.site(), {pair.dp()}).status().code(), Code::kFailedPrecondition);
  EXPECT_EQ(must(repair(posix_env(), pair.dp(), {pair.site(), pair.folder() + "/none"})).problems_size(), 1);
}

// The only whole copy may lie under another name.
TEST(RepairFrom, OrphansStayWhileContentsAreMissing) {
  Pair pair;
  const std::string blob = Pair::open(pair.dp())->blobs().path(kHello);
  fs::rename(blob, blob + ".bak");
  const v1::FsckReply report = must(repair(posix_env(), pair.dp(), {}));
  EXPECT_THAT(report.problems(), Contains(HasSubstr("this may be one of them")));
  ASSERT_EQ(read_bytes(blob + ".bak"), "hello\n");
  fs::rename(blob + ".bak", blob);
  must(repair(posix_env(), pair.dp(), {}));
  EXPECT_THAT(problems(fsck(posix_env(), pair.dp())), IsEmpty());
}

// Somebody has moved a part of the contents to another disk.
TEST(RepairFrom, ALinkToAFolderElsewhereIsFollowed) {
  Pair pair;
  const std::string blob = Pair::open(pair.dp())->blobs().path(kHello), folder = blob.substr(0, blob.rfind('/'));
  fs::rename(folder, pair.folder() + "/elsewhere");
  fs::create_directory_symlink(pair.folder() + "/elsewhere", folder);
  EXPECT_THAT(problems(fsck(posix_env(), pair.dp())), IsEmpty());
  write_bytes(folder + "/stray", "?");
  must(repair(posix_env(), pair.dp(), {}));
  EXPECT_EQ(read_bytes(blob), "hello\n");
  EXPECT_FALSE(fs::exists(folder + "/stray"));
}

// What cannot be mended does not keep the rest from it.
TEST(RepairFrom, AFolderInTheWayIsToldAndTheRestIsMended) {
  Pair pair;
  const std::string hello = Pair::open(pair.dp())->blobs().path(kHello),
                    world = Pair::open(pair.dp())->blobs().path(kWorld);
  fs::remove(hello);
  fs::create_directory(hello);
  write_bytes(world, "worlD\n");
  const v1::FsckReply report = must(repair(posix_env(), pair.dp(), {pair.site()}));
  EXPECT_THAT(report.problems(), Contains(HasSubstr("Is a directory")));
  EXPECT_EQ(read_bytes(world), "world\n");
}

// What is lost comes with the next import of the same content, for every version that has it, and not for a moment
// sooner; a power cut in between is for crash_test.
TEST(Lost, ComesWithTheNextImport) {
  Pair pair;
  write_bytes(Pair::open(pair.site())->blobs().path(kHello), "hellO\n");
  EXPECT_EQ(must(repair(posix_env(), pair.site(), {})).problems_size(), 1);
  {
    const auto store = Pair::open(pair.site());
    EXPECT_FALSE(store->blobs().has(store->read(), kHello));
    EXPECT_OK(import_into(*store, "LON00001", 2, pair.folder() + "/source"));
    EXPECT_TRUE(store->blobs().has(store->read(), kHello));
    EXPECT_EQ(must(kBlobs.get(store->read(), {kHello})).references(), 2u);
    EXPECT_EQ(read_bytes(store->blobs().path(kHello)), "hello\n");
  }
  EXPECT_THAT(problems(fsck(posix_env(), pair.site())), IsEmpty());
}

TEST(Lost, IsForgottenWithItsManifest) {
  Pair pair;
  write_bytes(Pair::open(pair.site())->blobs().path(kHello), "hellO\n");
  must(repair(posix_env(), pair.site(), {}));
  {
    const auto store = Pair::open(pair.site());
    EXPECT_OK(drop_from(*store, "LON00001", 1));
    EXPECT_OK(store->commit([](WriteTxn& txn) { return kPackages.erase(txn, {"LON00001"}); }));
    EXPECT_THAT(must(store->blobs().lost(store->read())), IsEmpty());
  }
  EXPECT_THAT(problems(fsck(posix_env(), pair.site())), IsEmpty());
}

// A key that leads out of the store, as a disk or a stranger may have written it.
TEST(Keys, NameNoFileOutside) {
  Pair pair;
  const std::string outside = pair.folder() + "/data/outside";
  write_bytes(outside, "not ours");
  const std::string key = "../../outside";
  ASSERT_EQ(fs::weakly_canonical(Pair::open(pair.site())->blobs().path("/" + key)), outside);
  for (const char* table : {"garbage", "blob"}) {
    ASSERT_OK(put_raw(*Pair::open(pair.site()), join_key(table, {"/" + key}), ""));
    must(repair(posix_env(), pair.site(), {}));
    Pair::open(pair.site());
    EXPECT_EQ(read_bytes(outside), "not ours");
  }
  EXPECT_THAT(problems(fsck(posix_env(), pair.site())), IsEmpty());
}

// A staging that died: no damage, named all the same, gone with a repair.
TEST(Leftovers, AreNamedAndSwept) {
  Pair pair;
  write_bytes(pair.site() + "/stage/0/0", "half a fi");
  const v1::FsckReply found = must(fsck(posix_env(), pair.site()));
  EXPECT_THAT(found.problems(), IsEmpty());
  EXPECT_THAT(found.leftovers(), ElementsAre("staging: " + pair.site() + "/stage/0"));
  EXPECT_THAT(must(repair(posix_env(), pair.site(), {})).repaired(), ElementsAre(HasSubstr("stage/0: swept")));
  EXPECT_THAT(must(fsck(posix_env(), pair.site())).leftovers(), IsEmpty());
}

}  // namespace
}  // namespace smslab::store
