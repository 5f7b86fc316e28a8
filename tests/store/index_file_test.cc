// An index's file that is cut short, altered or of another time: an error that says what to do, never a signal.
#include "store/index_file.h"

#include <sys/stat.h>

#include <random>

#include "tests/store/fixture.h"
#include "tests/support/process.h"

namespace smslab::store {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr size_t kPage = 4096;

// An index with trees of three levels, values with pages of their own, and pages to be used again.
class IndexFileTest : public ::testing::Test {
 protected:
  IndexFileTest() {
    const auto index = must(Index::open(folder_ / "index", "default"));
    std::mt19937_64 draw(7);
    for (int round = 0; round < 40; round++) {
      EXPECT_OK(index
                    ->write({[&](WriteTxn& txn) -> Status {
                      for (int i = 0; i < 50; i++) {
                        const std::string key = "row " + std::to_string(draw() % 2000) + std::string(100, 'k');
                        if (draw() % 4 == 0) RETURN_IF_ERROR(txn.erase(key));
                        RETURN_IF_ERROR(txn.put(key, std::string(draw() % 5 == 0 ? 9000 : 200, 'v')));
                      }
                      return ok_status();
                    }})
                    .front());
    }
    whole_ = read_bytes(folder_ / "index/data.mdb");
  }
  // What opening it says, and reading and writing all of it when it opens.
  static Status use(const std::string& folder, Index::Mode mode) {
    ASSIGN_OR_RETURN(const auto index, Index::open(folder, "default", mode));
    uint64_t bytes = 0;
    RETURN_IF_ERROR(index->read().scan("", [&](std::string_view key, std::string_view value) {
      bytes += key.size();
      for (const char c : value) bytes += static_cast<unsigned char>(c);
      return true;
    }));
    EXPECT_LT(bytes, uint64_t{1} << 40);  // all have been touched
    if (mode == Index::Mode::kReadOnly) return ok_status();
    return index->write({[](WriteTxn& txn) { return txn.put("one", "more"); }}).front();
  }
  std::string copy_with(const std::string& bytes) {
    const std::string folder = folder_ / "copy";
    fs::remove_all(folder);
    write_bytes(folder + "/data.mdb", bytes);
    return folder;
  }

  TempFolder folder_{true};
  std::string whole_;  // bytes
};

TEST_F(IndexFileTest, AWholeOneIsFine) {
  EXPECT_OK(check_index_file(folder_ / "index/data.mdb", IndexLook::kWhole));
  EXPECT_OK(use(copy_with(whole_), Index::Mode::kReadOnly));
  EXPECT_OK(use(copy_with(whole_), Index::Mode::kReadWrite));
}

TEST_F(IndexFileTest, AnEmptyOneIsNew) {
  EXPECT_EQ(Index::open(copy_with(""), "default", Index::Mode::kReadOnly).status().code(), Code::kNotFound);
  EXPECT_OK(Index::open(copy_with(""), "default").status());
}

TEST_F(IndexFileTest, CutShortAnywhere) {
  size_t refused = 0;
  for (size_t size = 1; size < whole_.size(); size += size < 3 * kPage ? 511 : kPage / 2 * 3) {
    const std::string folder = copy_with(whole_.substr(0, size));
    for (const auto mode : {Index::Mode::kReadOnly, Index::Mode::kReadWrite}) {
      const Status status = use(folder, mode);
      if (status.ok()) continue;  // what was cut off is in use no more
      refused++;
      EXPECT_EQ(status.code(), Code::kDataLoss) << size;
      EXPECT_THAT(status.message(), AllOf(HasSubstr("data.mdb is damaged: it has been cut short"),
                                          HasSubstr("restore the folder from a copy")));
      EXPECT_EQ(fs::file_size(folder + "/data.mdb"), size) << "and it stays as it is";
    }
  }
  EXPECT_GT(refused, 100u);
}

TEST_F(IndexFileTest, OfAnotherVersionOfLmdb) {
  std::string bytes = whole_;
  bytes[16 + 4] = 2;
  const Status status = use(copy_with(bytes), Index::Mode::kReadWrite);
  EXPECT_EQ(status.code(), Code::kFailedPrecondition);
  EXPECT_THAT(status.message(), HasSubstr("use the smslab that wrote it"));
}

// A look at the whole finds whatever LMDB would stumble over.
TEST_F(IndexFileTest, AlteredAnywhere) {
  const uint64_t seed = std::random_device()();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 draw(seed);
  size_t refused = 0;
  for (int round = 0; round < 100; round++) {
    std::string bytes = whole_;
    for (uint64_t i = draw() % 4; i < 4; i++) {
      // Heads of pages and of nodes are more worth it than values are.
      const size_t at = draw() % (bytes.size() / kPage) * kPage + draw() % (draw() % 2 == 0 ? 32 : kPage);
      bytes[at] = static_cast<char>(draw());
    }
    refused += use(copy_with(bytes), Index::Mode::kReadOnly).code() == Code::kDataLoss;
  }
  EXPECT_GT(refused, 5u);
}

// A store as the first version wrote it (tests/data/store/format-1.tar.gz: a site and a DP, with a package of two
// versions, a client, a collection and an advertisement).
TEST(Formats, AnEarlierStoreIsBroughtUpToDate) {
  TempFolder folder;
  ASSERT_EQ(test::run({"tar", "-xzf", SMSLAB_TEST_DATA "/store/format-1.tar.gz", "-C", folder.path()}, folder.path())
                .exit_status,
            0);
  for (const std::string& store : {folder / "data/site", folder / "data/dp/LON-DCSMS-01"}) {
    const auto format = [&] {
      return read_bytes(store + "/index/data.mdb").find("smslab store 2") != std::string::npos;
    };
    EXPECT_THAT(problems(fsck(posix_env(), store)), IsEmpty());
    EXPECT_FALSE(format()) << "to look at it changes nothing";
    {
      const auto opened = must(Store::open(posix_env(), store));
      EXPECT_EQ(must(load_manifest(opened->read(), "LON00001", 2)).files_size(), 4);
      EXPECT_OK(import_into(*opened, "LON00002", 1, folder / "data/site/blobs"));
    }
    EXPECT_TRUE(format());
    EXPECT_THAT(problems(fsck(posix_env(), store)), IsEmpty());
  }
  const auto site = must(Store::open(posix_env(), folder / "data/site"));
  EXPECT_EQ(must(kPackages.get(site->read(), {"LON00001"})).source_version(), 2u);
  EXPECT_EQ(must(kAdverts.get(site->read(), {"LON20000"})).program(), "Install");
  EXPECT_TRUE(kClients.has(site->read(), {"NYC-CLI-01"}));
}

}  // namespace
}  // namespace smslab::store
