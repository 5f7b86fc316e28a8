// Import, manifests, trees: real folders.
#include "store/import.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <fstream>

#include "proto/base/hex.h"
#include "proto/schema/timestamp.h"
#include "store/tree.h"
#include "tests/store/fixture.h"
#include "tests/support/faulty_env.h"

namespace smslab::store {
namespace {

using namespace std::string_literals;
using smslab::testing::FaultyEnv;
using smslab::testing::ForwardingEnv;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class ImportTest : public ::testing::Test {
 protected:
  ImportTest() {
    fs::create_directories(source_);
    store_ = must(Store::open(env_, folder_ / "data"));
  }
  void file(const std::string& path, const std::string& bytes) { write_bytes(source_ + "/" + path, bytes); }
  void folder(const std::string& path) { fs::create_directories(source_ + "/" + path); }
  v1::Manifest import(uint32_t version = 1, const std::string& package = "LON00001") {
    EXPECT_OK(import_into(*store_, package, version, source_));
    return must(load_manifest(store_->read(), package, version));
  }
  Status refused(const std::string& source) { return import_folder(env_, store_->blobs(), {"X", 1, source}).status(); }
  // That the source is refused with all of `words` in the message, and that nothing is left.
  void expect_refused(const std::vector<std::string>& words) {
    const std::string before = listing(folder_ / "data");
    const Status status = refused(source_);
    EXPECT_EQ(status.code(), Code::kInvalidArgument) << status.to_string();
    EXPECT_EQ(status.field(), "source");
    for (const auto& word : words) EXPECT_THAT(status.message(), HasSubstr(word));
    EXPECT_EQ(listing(folder_ / "data"), before);
  }
  void reset_source() {
    fs::remove_all(source_);
    fs::create_directories(source_);
    file("good.txt", "good");
  }

  TempFolder folder_;
  const std::string source_ = folder_ / "source";
  FaultyEnv env_{posix_env()};
  std::unique_ptr<Store> store_;
};

std::vector<std::string> file_paths(const v1::Manifest& manifest) {
  std::vector<std::string> paths;
  for (const auto& file : manifest.files()) paths.push_back(file.path());
  return paths;
}
std::vector<std::string> folder_paths(const v1::Manifest& manifest) {
  std::vector<std::string> paths;
  for (const auto& folder : manifest.folders()) paths.push_back(folder.path());
  return paths;
}

// The worked examples of facts: protocol 7.2.
TEST_F(ImportTest, HashesAsTheExamplesDo) {
  file("setup.exe", "MZ");
  const v1::Manifest single = import(1);
  EXPECT_EQ(single.hash().sha256(), "CAB7E502E99865EFFC3712D0571829EB8557CCC57FC6FF5D70E08B8F6C8EDA4B");
  EXPECT_EQ(single.hash().sha1(), "A2FFB9E6936F85D57AE485F083730691A64C737A");
  EXPECT_EQ(single.files(0).hash().sha1(), "439BAA1B33514FB81632AAF44D16A9378C5664FC");

  file("A.txt", "hello\n");
  file("Sub/b.txt", "world\n");
  const v1::Manifest first = import(2);
  EXPECT_EQ(first.hash().sha256(), "1282C7B47567C9EFD0B31FC35ECEDE1F4B94AA66F7DEE79817B2EE82C3383F04");
  EXPECT_EQ(first.hash().sha1(), "6207D00E0FF964EDACDCBC4FA4FA9DE4C88F99F5");
  EXPECT_EQ(first.hash().md5(), "6387BA8DD9CF19B386C94C98E8028CF1");
  EXPECT_THAT(file_paths(first), ElementsAre("A.txt", "setup.exe", "Sub/b.txt"));
  EXPECT_THAT(folder_paths(first), ElementsAre("Sub"));
  EXPECT_EQ(first.size(), 14u);

  file("Sub/Deep/c.bin", "\0\1\2"s);
  folder("Sub/Empty");
  file("Zed/z.txt", "");
  const v1::Manifest second = import(3);
  EXPECT_EQ(second.hash().sha256(), "A1EB09857B4CA4471A8C23F31F9B85E896E5EB2AB1A09837DC018B51547620BB");
  EXPECT_EQ(second.hash().sha1(), "198C1076CC899469B89A3FA0211FB48A3D7D98B1");
  EXPECT_EQ(second.hash().md5(), "534EFA4FA135E5100AF357C12E80B4BB");
  EXPECT_THAT(folder_paths(second), ElementsAre("Sub", "Sub/Deep", "Sub/Empty", "Zed"));
  EXPECT_OK(check_manifest(second));
  EXPECT_EQ(problems(fsck(*store_)), std::vector<std::string>());
}

TEST_F(ImportTest, AnEmptySourceIsAPackage) {
  const v1::Manifest manifest = import();
  EXPECT_EQ(manifest.files_size() + manifest.folders_size(), 0);
  EXPECT_EQ(manifest.hash().sha1(), digest_hex(Algorithm::kSha1, ""));
}

TEST_F(ImportTest, TakesDeepTreesAndOddNames) {
  std::string deep;
  for (int i = 0; i < 120; i++) deep += "d/";  // 240 units and the name
  file(deep + "file", "deep");
  file("two words.txt", "1");
  file("a+b#c%20d&e;f=g@h!i,j'k~l(m)[n]{o}^p`q$r", "2");
  file("Größe/Straße/日本語/ファイル.txt", "3");
  file(".hidden", "4");
  file(".folder/plain", "5");
  folder(".folder/empty");
  const v1::Manifest manifest = import();
  ASSERT_EQ(manifest.files_size(), 6);
  std::map<std::string, v1::FileEntry> by_path;
  for (const auto& entry : manifest.files()) by_path[entry.path()] = entry;
  EXPECT_EQ(by_path.at(deep + "file").size(), 4u);
  EXPECT_TRUE(by_path.contains("Größe/Straße/日本語/ファイル.txt"));
  EXPECT_TRUE(by_path.contains("a+b#c%20d&e;f=g@h!i,j'k~l(m)[n]{o}^p`q$r"));
  EXPECT_TRUE(by_path.at(".hidden").hidden());
  EXPECT_FALSE(by_path.at(".folder/plain").hidden());
  EXPECT_EQ(manifest.folders_size(), 120 + 3 + 2);
  for (const auto& [path, entry] : by_path) {
    const auto blob = must(store_->blobs().open(entry.hash().sha256()));
    EXPECT_EQ(must(read_file(posix_env(), store_->blobs().path(entry.hash().sha256()), 1000)),
              read_bytes(source_ + "/" + path));
  }
  EXPECT_EQ(problems(fsck(*store_)), std::vector<std::string>());
}

TEST_F(ImportTest, RecordsTimes) {
  file("a", "1");
  const timespec times[2] = {{1'083'827'289, 0}, {1'083'827'289, 250'000'000}};
  ASSERT_EQ(::utimensat(AT_FDCWD, (source_ + "/a").c_str(), times, 0), 0);
  EXPECT_EQ(from_timestamp(import().files(0).modified()), LabTime(std::chrono::milliseconds(1'083'827'289'250)));
}

TEST_F(ImportTest, TheSameFolderGivesTheSameBytes) {
  file("a", "1");
  file("b/c", "2");
  const v1::Manifest first = import(1);
  v1::Manifest second = import(2);
  second.set_version(1);
  EXPECT_EQ(manifest_digest(first), manifest_digest(second));
  EXPECT_EQ(manifest_digest(first), digest_hex(Algorithm::kSha256, *store_->read().get("manifest\0LON00001\0"
                                                                                       "0000000000000001"s)));
}

TEST_F(ImportTest, RefusesASourceThatIsNoFolder) {
  for (const std::string& source : {folder_ / "missing", std::string()}) {
    EXPECT_EQ(refused(source).code(), Code::kInvalidArgument);
    EXPECT_EQ(refused(source).field(), "source");
  }
  file("a", "1");
  EXPECT_EQ(refused(source_ + "/a").code(), Code::kInvalidArgument);
  EXPECT_EQ(refused(source_ + "/a").field(), "source");
  EXPECT_EQ(refused(source_ + "/a/b").field(), "source");
  fs::create_directory_symlink(source_, folder_ / "link");
  EXPECT_OK(refused(folder_ / "link")) << "the source itself may be a link";
  EXPECT_OK(refused(source_ + "/"));
}

TEST_F(ImportTest, RefusesNamesThatNtfsCannotHave) {
  for (const std::string name : {"a:b", "a*b", "a?b", "a\"b", "a<b", "a>b", "a|b", "a\\b", "ends.", "ends "}) {
    SCOPED_TRACE(name);
    reset_source();
    file("sub/" + name, "bad");
    expect_refused({"'sub/" + name + "'"});
    reset_source();
    folder("sub/" + name);
    expect_refused({"'sub/" + name + "'"});
  }
  reset_source();
  file("sub/new\nline", "bad");
  expect_refused({"sub/new?line"});
  reset_source();
  file("sub/\xFFlatin", "bad");
  expect_refused({"sub/?latin", "UTF-8"});
  reset_source();
  std::string deep = "sub";
  while (deep.size() < 256) deep += "/" + std::string(50, 'x');
  file(deep, "bad");
  expect_refused({"sub/xxxxx", "255"});
  reset_source();
  EXPECT_EQ(import().files_size(), 1) << "and the next one is served";
}

TEST_F(ImportTest, RefusesNamesThatDifferInCaseOnly) {
  reset_source();
  file("Sub/Read.me", "1");
  file("Sub/README", "2");
  file("Sub/ReadMe", "3");
  expect_refused({"'Sub/README'", "'Sub/ReadMe'"});
  reset_source();
  file("Sub/x", "1");
  file("sub", "2");
  expect_refused({"'Sub'", "'sub'"});
  reset_source();
  file("Größe", "1");
  file("GRÖßE", "2");
  expect_refused({"'Größe'", "'GRÖßE'"});
  reset_source();
  folder("A/x");
  folder("a/y");
  expect_refused({"'A'", "'a'"});
}

TEST_F(ImportTest, FollowsFileLinksThatStayInside) {
  file("real/data.bin", "data");
  fs::create_symlink("real/data.bin", source_ + "/relative");
  fs::create_symlink(source_ + "/real/data.bin", source_ + "/absolute");
  fs::create_symlink("relative", source_ + "/chain");
  const v1::Manifest manifest = import();
  ASSERT_EQ(manifest.files_size(), 4);
  for (const auto& entry : manifest.files()) {
    EXPECT_EQ(entry.size(), 4u);
    EXPECT_EQ(entry.hash().sha1(), digest_hex(Algorithm::kSha1, "data"));
  }
}

TEST_F(ImportTest, RefusesOtherLinksAndWhatIsNeitherFileNorFolder) {
  reset_source();
  folder("real");
  fs::create_directory_symlink("real", source_ + "/to folder");
  expect_refused({"'to folder'", "link to a folder"});
  reset_source();
  folder("sub");
  fs::create_directory_symlink("..", source_ + "/sub/up");
  expect_refused({"'sub/up'"});
  reset_source();
  write_bytes(folder_ / "secret", "secret");
  fs::create_symlink("../secret", source_ + "/out");
  expect_refused({"'out'", "out of the source"});
  reset_source();
  write_bytes(source_ + "-sibling/secret", "secret");
  fs::create_symlink(source_ + "-sibling/secret", source_ + "/out");
  expect_refused({"'out'", "out of the source"});
  reset_source();
  fs::create_symlink("nowhere", source_ + "/dangling");
  expect_refused({"'dangling'", "nowhere"});
  reset_source();
  fs::create_symlink("loop", source_ + "/loop");
  expect_refused({"'loop'"});
  reset_source();
  ASSERT_EQ(::mkfifo((source_ + "/pipe").c_str(), 0644), 0);
  expect_refused({"'pipe'", "neither"});
  reset_source();
  fs::create_symlink("pipe", source_ + "/link");
  ASSERT_EQ(::mkfifo((source_ + "/pipe").c_str(), 0644), 0);
  expect_refused({"'link'", "neither"});
  reset_source();
  EXPECT_EQ(import().files_size(), 1);
}

TEST_F(ImportTest, AFailingReadLeavesNothing) {
  file("a", "1");
  file("b", std::string(1 << 20, 'b'));
  const std::string before = listing(folder_ / "data");
  env_.fail(FaultyEnv::Call::kRead, 3, Status(Code::kUnavailable, "the disk is gone"));
  EXPECT_EQ(refused(source_).code(), Code::kUnavailable);
  env_.fail(FaultyEnv::Call::kBarrier, 1, Status(Code::kNoSpace, "the disk is full"));
  EXPECT_EQ(refused(source_).code(), Code::kNoSpace);
  EXPECT_EQ(import_folder(env_, store_->blobs(), {"LON00001", 1, source_},
                          [](uint64_t bytes) { return bytes > 300'000 ? Status(Code::kAborted, "stop") : ok_status(); })
                .status()
                .code(),
            Code::kAborted);
  EXPECT_EQ(listing(folder_ / "data"), before + "stage\n");
  EXPECT_EQ(import().files_size(), 2);
}

// Says another size and time than a file has by the time it is read.
TEST_F(ImportTest, RecordsWhatItRead) {
  class Changing final : public ForwardingEnv {
   public:
    using ForwardingEnv::ForwardingEnv;
    Result<std::unique_ptr<ReadableFile>> open(const std::string& path) override {
      auto file = ForwardingEnv::open(path);
      if (path.ends_with("/grows")) std::ofstream(path, std::ios::app) << " and more";
      if (path.ends_with("/shrinks")) fs::resize_file(path, 2);
      return file;
    }
  };
  file("grows", "first");
  file("shrinks", "first");
  Changing env(posix_env());
  const Snapshot snapshot = must(import_folder(env, store_->blobs(), {"LON00001", 1, source_}));
  EXPECT_EQ(snapshot.manifest.files(0).size(), 14u);
  EXPECT_EQ(snapshot.manifest.files(0).hash().sha1(), digest_hex(Algorithm::kSha1, "first and more"));
  EXPECT_EQ(snapshot.manifest.files(1).size(), 2u);
  EXPECT_EQ(snapshot.manifest.size(), 16u);
  ASSERT_OK(store_->commit([&](WriteTxn& txn) { return snapshot.publish(txn, store_->blobs()); }));
  EXPECT_EQ(problems(fsck(*store_)), std::vector<std::string>());
}

TEST_F(ImportTest, AVersionIsPublishedOnce) {
  file("a", "1");
  const v1::Manifest before = import();
  const std::string on_disk = listing(folder_ / "data/blobs");
  file("a", "2");
  EXPECT_EQ(import_into(*store_, "LON00001", 1, source_).code(), Code::kAlreadyExists);
  EXPECT_EQ(manifest_digest(must(load_manifest(store_->read(), "LON00001", 1))), manifest_digest(before));
  EXPECT_EQ(listing(folder_ / "data/blobs"), on_disk);
}

TEST_F(ImportTest, PackagesShareTheirContents) {
  file("shared", "the same in both");
  file("own", "first");
  import(1, "LON00001");
  file("own", "second");
  file("copy of shared", "the same in both");
  import(1, "LON00002");
  const auto files = [&] {
    size_t n = 0;
    for (const auto& entry : fs::recursive_directory_iterator(folder_ / "data/blobs")) n += entry.is_regular_file();
    return n;
  };
  const std::string shared = store_->blobs().path(digest_hex(Algorithm::kSha256, "the same in both"));
  EXPECT_EQ(files(), 3u);
  ASSERT_OK(drop_from(*store_, "LON00001", 1));
  EXPECT_EQ(files(), 2u);
  EXPECT_TRUE(fs::exists(shared));
  EXPECT_EQ(problems(fsck(*store_)), std::vector<std::string>());
  ASSERT_OK(drop_from(*store_, "LON00002", 1));
  EXPECT_EQ(files(), 0u);
  EXPECT_EQ(problems(fsck(*store_)), std::vector<std::string>());
  store_ = nullptr;
  store_ = must(Store::open(env_, folder_ / "data"));
  EXPECT_EQ(import(1, "LON00003").files_size(), 3);
  EXPECT_EQ(problems(fsck(*store_)), std::vector<std::string>());
}

// Of the next version only what changed is written: one small file, one large one, and the list of both.
TEST_F(ImportTest, WhatIsThereIsNotWrittenAgain) {
  const auto large = [](char last) { return std::string(1'000'000, 'x') + last; };
  for (int i = 0; i < 300; i++) file("many/" + std::to_string(i), "content " + std::to_string(i));
  for (const char* name : {"same.bin", "changed.bin"}) file(name, large(name[0]));
  const v1::Manifest before = import();
  file("many/17", "another content");
  file("changed.bin", large('2'));
  const uint64_t created = env_.calls(FaultyEnv::Call::kCreate), written = env_.calls(FaultyEnv::Call::kAppend);
  const auto snapshot = import_folder(env_, store_->blobs(), {"LON00001", 2, source_, 1, &before});
  ASSERT_OK(snapshot.status());
  EXPECT_EQ(env_.calls(FaultyEnv::Call::kCreate) - created, 3u);
  EXPECT_LE(env_.calls(FaultyEnv::Call::kAppend) - written, 10u);
  const v1::Manifest plain = must(import_folder(env_, store_->blobs(), {"LON00001", 2, source_})).manifest;
  EXPECT_EQ(snapshot->manifest.SerializeAsString(), plain.SerializeAsString());
  EXPECT_NE(plain.hash().sha256(), before.hash().sha256());
}

TEST_F(ImportTest, ManyFilesInOneManifest) {
  for (int i = 0; i < 2000; i++) file("f" + std::to_string(i % 40) + "/" + std::to_string(i), std::to_string(i % 700));
  const v1::Manifest manifest = import();
  EXPECT_EQ(manifest.files_size(), 2000);
  const auto tree = ContentTree::build(manifest);
  EXPECT_EQ(tree->children(tree->root()).size(), 40u);
  EXPECT_EQ(problems(fsck(*store_)), std::vector<std::string>());
}

// ---- ContentTree

v1::Manifest tree_manifest() {
  v1::Manifest manifest;
  for (const char* path : {"Zed", "sub", "sub/Empty", "sub/Deep"}) manifest.add_folders()->set_path(path);
  for (const char* path : {"setup.exe", "A.txt", "sub/b.txt", "sub/Deep/ä.bin", "lost/parent.txt"}) {
    manifest.add_files()->set_path(path);
  }
  return manifest;
}

TEST(ContentTreeTest, FindsInAnyLetterCase) {
  const auto tree = ContentTree::build(tree_manifest());
  ASSERT_NE(tree->find("SUB/B.TXT"), nullptr);
  EXPECT_EQ(tree->find("SUB/B.TXT")->path, "sub/b.txt");
  EXPECT_EQ(tree->find("SUB/B.TXT")->file->path(), "sub/b.txt");
  EXPECT_EQ(tree->find("Sub/deep/Ä.BIN")->path, "sub/Deep/ä.bin");
  EXPECT_EQ(tree->find(""), &tree->root());
  EXPECT_EQ(tree->find("/"), &tree->root());
  EXPECT_TRUE(tree->find("SUB/")->folder);
  EXPECT_EQ(tree->find("SUB/")->entry->path(), "sub");
  EXPECT_EQ(tree->find("sub/b.txt/"), nullptr);
  EXPECT_EQ(tree->find("sub//b.txt"), nullptr);
  EXPECT_EQ(tree->find("nowhere"), nullptr);
  EXPECT_TRUE(tree->find("LOST")->folder);
  EXPECT_EQ(tree->find("lost")->entry, nullptr);
}

TEST(ContentTreeTest, ListsInTheHashsOrder) {
  const auto tree = ContentTree::build(tree_manifest());
  const auto names = [&](const char* path) {
    std::vector<std::string> paths;
    for (const Node* child : tree->children(*tree->find(path))) paths.push_back(child->path);
    return paths;
  };
  EXPECT_THAT(names(""), ElementsAre("lost", "sub", "Zed", "A.txt", "setup.exe"));
  EXPECT_THAT(names("sub"), ElementsAre("sub/Deep", "sub/Empty", "sub/b.txt"));
  EXPECT_THAT(names("zed"), ElementsAre());
}

// ---- what check_manifest finds

TEST_F(ImportTest, CheckManifestNamesWhatIsWrong) {
  file("Sub/b.txt", "world\n");
  file("a.txt", "hello\n");
  const v1::Manifest good = import();
  const auto wrong = [&](auto change) {
    v1::Manifest manifest = good;
    change(&manifest);
    return check_manifest(manifest);
  };
  EXPECT_OK(check_manifest(good));
  const auto expect_wrong = [&](const char* word, auto change) {
    const Status status = wrong(change);
    EXPECT_EQ(status.code(), Code::kDataLoss) << word;
    EXPECT_THAT(status.message(), HasSubstr(word));
  };
  expect_wrong("hash", [](v1::Manifest* m) { m->mutable_files(0)->set_path("renamed"); });
  expect_wrong("hash", [](v1::Manifest* m) { m->mutable_hash()->set_md5(std::string(32, '0')); });
  expect_wrong("bytes", [](v1::Manifest* m) { m->mutable_files(0)->set_size(7); });
  expect_wrong("digests", [](v1::Manifest* m) { m->mutable_files(0)->mutable_hash()->set_sha1("abc"); });
  expect_wrong("twice", [](v1::Manifest* m) { *m->add_files() = m->files(0); });
  expect_wrong("twice", [](v1::Manifest* m) { m->add_folders()->set_path("A.TXT"); });
  expect_wrong("../x", [](v1::Manifest* m) { m->mutable_files(0)->set_path("../x"); });
  expect_wrong("lacks", [](v1::Manifest* m) { m->clear_folders(); });
}

}  // namespace
}  // namespace smslab::store
