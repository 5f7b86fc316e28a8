// Index, tables and committer.
#include "store/index.h"

#include <lmdb.h>

#include <atomic>
#include <functional>
#include <random>
#include <thread>

#include "store/committer.h"
#include "store/tables.h"
#include "tests/store/fixture.h"

namespace smslab::store {
namespace {

using namespace std::string_literals;
using ::testing::ElementsAre;

Status one(Index& index, const Index::Change& change) { return index.write({change}).front(); }

std::map<std::string, std::string> all(const Index& index, const std::string& prefix = {}) {
  std::map<std::string, std::string> pairs;
  EXPECT_OK(index.read().scan(prefix, [&](std::string_view key, std::string_view value) {
    pairs.emplace(key, value);
    return true;
  }));
  return pairs;
}

class IndexTest : public ::testing::Test {
 protected:
  void reopen(const std::string& lab = "default") {
    index_.reset();
    index_ = must(Index::open(folder_ / "index", lab));
  }
  TempFolder folder_;
  std::unique_ptr<Index> index_ = must(Index::open(folder_ / "index", "default"));
};

TEST_F(IndexTest, KeepsWhatWasCommitted) {
  ASSERT_OK(one(*index_, [](WriteTxn& txn) -> Status {
    RETURN_IF_ERROR(txn.put("a", "1"));
    RETURN_IF_ERROR(txn.put("b", ""));
    EXPECT_EQ(*txn.get("a"), "1") << "its own change";
    return txn.put("c\0d"s, "4");
  }));
  reopen();
  EXPECT_EQ(*index_->read().get("a"), "1");
  EXPECT_EQ(*index_->read().get("b"), "");
  EXPECT_EQ(index_->read().get("z").status().code(), Code::kNotFound);
  ASSERT_OK(one(*index_, [](WriteTxn& txn) -> Status {
    RETURN_IF_ERROR(txn.erase("a"));
    return txn.erase("never there");
  }));
  EXPECT_EQ(all(*index_), (std::map<std::string, std::string>{{"b", ""}, {"c\0d"s, "4"}}));
}

TEST_F(IndexTest, LabsDoNotSeeEachOther) {
  ASSERT_OK(one(*index_, [](WriteTxn& txn) { return txn.put("key", "default's"); }));
  reopen("other");
  EXPECT_EQ(all(*index_).size(), 0u);
  ASSERT_OK(one(*index_, [](WriteTxn& txn) { return txn.put("key", "other's"); }));
  reopen();
  EXPECT_EQ(*index_->read().get("key"), "default's");
}

TEST_F(IndexTest, ScansAPrefixInOrder) {
  ASSERT_OK(one(*index_, [](WriteTxn& txn) -> Status {
    for (const char* key : {"p/c", "p/a", "q", "p/b", "p", "o"}) RETURN_IF_ERROR(txn.put(key, key));
    return ok_status();
  }));
  const auto keys = [&](std::string_view prefix, std::string_view from, size_t limit) {
    std::vector<std::string> found;
    EXPECT_OK(index_->read().scan(
        prefix,
        [&](std::string_view key, std::string_view) {
          found.emplace_back(key);
          return found.size() < limit;
        },
        from));
    return found;
  };
  EXPECT_THAT(keys("p/", "", 9), ElementsAre("p/a", "p/b", "p/c"));
  EXPECT_THAT(keys("p/", "p/b", 9), ElementsAre("p/b", "p/c"));
  EXPECT_THAT(keys("p/", "p/bb", 9), ElementsAre("p/c"));
  EXPECT_THAT(keys("p/", "a", 9), ElementsAre("p/a", "p/b", "p/c"));
  EXPECT_THAT(keys("p/", "q", 9), ElementsAre());
  EXPECT_THAT(keys("p/", "", 2), ElementsAre("p/a", "p/b"));
  EXPECT_THAT(keys("", "", 9), ElementsAre("o", "p", "p/a", "p/b", "p/c", "q"));
}

TEST_F(IndexTest, AReaderKeepsItsView) {
  ASSERT_OK(one(*index_, [](WriteTxn& txn) { return txn.put("a", "old"); }));
  const ReadTxn before = index_->read();
  ASSERT_OK(one(*index_, [](WriteTxn& txn) { return txn.put("a", "new"); }));
  EXPECT_EQ(*before.get("a"), "old");
  EXPECT_EQ(*index_->read().get("a"), "new");
}

TEST_F(IndexTest, AFailingChangeHarmsNoOther) {
  std::vector<std::string> events;
  const auto note = [&](std::string event) { return [&events, event] { events.push_back(event); }; };
  const auto results = index_->write({
      [&](WriteTxn& txn) {
        txn.after_commit(note("1 is durable"));
        txn.on_abort(note("1 undone"));
        return txn.put("a", "1");
      },
      [&](WriteTxn& txn) -> Status {
        txn.after_commit(note("2 is durable"));
        txn.on_abort(note("2 undone, first"));
        txn.on_abort(note("2 undone, second"));
        RETURN_IF_ERROR(txn.put("a", "2"));
        RETURN_IF_ERROR(txn.put("b", "2"));
        return failed_precondition("no");
      },
      [&](WriteTxn& txn) {
        EXPECT_EQ(*txn.get("a"), "1");
        EXPECT_FALSE(txn.get("b").ok());
        txn.after_commit(note("3 is durable"));
        return txn.put("c", "3");
      },
  });
  EXPECT_THAT(results, ElementsAre(ok_status(), failed_precondition("no"), ok_status()));
  EXPECT_EQ(all(*index_), (std::map<std::string, std::string>{{"a", "1"}, {"c", "3"}}));
  EXPECT_THAT(events, ElementsAre("2 undone, second", "2 undone, first", "1 is durable", "3 is durable"));
}

TEST_F(IndexTest, RefusesKeysThatAreTooLong) {
  EXPECT_EQ(one(*index_, [](WriteTxn& txn) { return txn.put(std::string(kMaxKey + 1, 'k'), ""); }).code(),
            Code::kInvalidArgument);
  EXPECT_EQ(index_->read().get(std::string(kMaxKey + 1, 'k')).status().code(), Code::kInvalidArgument);
  EXPECT_OK(one(*index_, [](WriteTxn& txn) { return txn.put(std::string(kMaxKey, 'k'), "fits"); }));
  EXPECT_EQ(*index_->read().get(std::string(kMaxKey, 'k')), "fits");
}

// A manifest of 100,000 files has some 25 MB; a handful of them outgrow the first map of 64 MiB.
TEST_F(IndexTest, GrowsAndRunsTheChangesAgain) {
  const std::string large(25'000'000, 'x');
  int runs = 0, undone = 0, durable = 0;
  const auto results = index_->write({
      [&](WriteTxn& txn) {
        runs++;
        txn.on_abort([&] { undone++; });
        txn.after_commit([&] { durable++; });
        return txn.put("small", "1");
      },
      [&](WriteTxn& txn) -> Status {
        for (int i = 0; i < 6; i++) RETURN_IF_ERROR(txn.put("large" + std::to_string(i), large + std::to_string(i)));
        return ok_status();
      },
      [](WriteTxn& txn) -> Status {
        (void)txn.put("large0", "");
        return failed_precondition("no");
      },
  });
  EXPECT_THAT(results, ElementsAre(ok_status(), ok_status(), failed_precondition("no")));
  EXPECT_GE(runs, 2);
  EXPECT_EQ(undone, runs - 1);
  EXPECT_EQ(durable, 1);
  reopen();
  for (int i = 0; i < 6; i++)
    EXPECT_TRUE(*index_->read().get("large" + std::to_string(i)) == large + std::to_string(i));
  // Room that was freed is used again: rewriting all of it many times needs no more than a few copies.
  for (int i = 0; i < 12; i++) {
    ASSERT_OK(one(*index_, [&](WriteTxn& txn) { return txn.put("large" + std::to_string(i % 6), large); }));
  }
  EXPECT_LT(fs::file_size(folder_ / "index/data.mdb"), 400u << 20);
}

TEST_F(IndexTest, GrowthWaitsForReadersAndAThreadMayReadTwice) {
  auto held = std::make_unique<ReadTxn>(index_->read());
  std::thread writer(
      [&] { EXPECT_OK(one(*index_, [](WriteTxn& txn) { return txn.put("a", std::string(100 << 20, 'a')); })); });
  // While growth waits for `held` its thread must be able to read on, or it would never let go of it.
  std::atomic<int> reads = 0;
  std::thread reader([&] {
    for (int i = 0; i < 20; i++) reads += index_->read().get("a").status().code() != Code::kUnavailable;
    held.reset();
  });
  reader.join();
  writer.join();
  EXPECT_EQ(reads, 20);
  EXPECT_EQ(index_->read().get("a")->size(), size_t{100 << 20});
}

TEST_F(IndexTest, GrowsUnderManyReaders) {
  std::atomic<bool> stop = false;
  std::atomic<int> bad = 0;
  std::vector<std::thread> readers;
  for (int i = 0; i < 4; i++) {
    readers.emplace_back([&] {
      while (!stop) {
        const ReadTxn txn = index_->read();
        const auto a = txn.get("a"), b = txn.get("b");
        if (a.ok() != b.ok() || (a.ok() && *a != *b)) bad++;
      }
    });
  }
  for (int i = 0; i < 20; i++) {
    ASSERT_OK(one(*index_, [&](WriteTxn& txn) -> Status {
      RETURN_IF_ERROR(txn.put("a", std::to_string(i)));
      RETURN_IF_ERROR(txn.put("bulk" + std::to_string(i), std::string(10 << 20, 'b')));
      return txn.put("b", std::to_string(i));
    }));
  }
  stop = true;
  for (auto& reader : readers) reader.join();
  EXPECT_EQ(bad, 0);
}

TEST_F(IndexTest, ManyReadersAtOnce) {
  std::vector<ReadTxn> readers;
  for (int i = 0; i < 1000; i++) readers.push_back(index_->read());
  EXPECT_EQ(readers.back().get("x").status().code(), Code::kNotFound);
  while (readers.size() < 1025) readers.push_back(index_->read());
  EXPECT_EQ(readers.back().get("x").status().code(), Code::kUnavailable) << "beyond the table of readers";
  readers.clear();
  EXPECT_EQ(index_->read().get("x").status().code(), Code::kNotFound);
}

void put_raw(const std::string& folder, const std::string& key, const std::string& value) {
  fs::create_directories(folder);
  MDB_env* env = nullptr;
  ASSERT_EQ(mdb_env_create(&env), 0);
  ASSERT_EQ(mdb_env_open(env, folder.c_str(), 0, 0644), 0);
  MDB_txn* txn = nullptr;
  ASSERT_EQ(mdb_txn_begin(env, nullptr, 0, &txn), 0);
  MDB_dbi dbi = 0;
  ASSERT_EQ(mdb_dbi_open(txn, nullptr, 0, &dbi), 0);
  MDB_val k{key.size(), const_cast<char*>(key.data())}, v{value.size(), const_cast<char*>(value.data())};
  ASSERT_EQ(mdb_put(txn, dbi, &k, &v, 0), 0);
  ASSERT_EQ(mdb_txn_commit(txn), 0);
  mdb_env_close(env);
}

TEST_F(IndexTest, RefusesANewerFormat) {
  ASSERT_OK(one(*index_, [](WriteTxn& txn) { return txn.put("a", "1"); }));
  index_.reset();
  const std::string words = "smslab store ";
  put_raw(folder_ / "index", "\0format"s, words + std::to_string(kFormatVersion + 1));
  const Status refused = Index::open(folder_ / "index", "default").status();
  EXPECT_EQ(refused.code(), Code::kFailedPrecondition);
  EXPECT_THAT(refused.message(), ::testing::HasSubstr("use a newer one"));
  put_raw(folder_ / "index", "\0format"s, words + std::to_string(kFormatVersion));
  reopen();
  EXPECT_EQ(*index_->read().get("a"), "1");
}

TEST_F(IndexTest, RefusesWhatIsNoStore) {
  put_raw(folder_ / "other", "somebody", "else's");
  EXPECT_EQ(Index::open(folder_ / "other", "default").status().code(), Code::kDataLoss);
  write_bytes(folder_ / "garbage/data.mdb", std::string(100'000, 'g'));
  EXPECT_EQ(Index::open(folder_ / "garbage", "default").status().code(), Code::kDataLoss);
  EXPECT_EQ(read_bytes(folder_ / "garbage/data.mdb"), std::string(100'000, 'g')) << "and leaves it as it was";
  write_bytes(folder_ / "file", "x");
  EXPECT_EQ(Index::open(folder_ / "file", "default").status().code(), Code::kInvalidArgument);
  EXPECT_EQ(Index::open(folder_ / "index2", "").status().code(), Code::kInvalidArgument);
  EXPECT_EQ(Index::open(folder_ / "index2", "a\0b"s).status().code(), Code::kInvalidArgument);
  EXPECT_FALSE(fs::exists(folder_ / "index2"));
}

TEST_F(IndexTest, ReadOnlyMakesNothing) {
  EXPECT_EQ(Index::open(folder_ / "none", "default", Index::Mode::kReadOnly).status().code(), Code::kNotFound);
  EXPECT_FALSE(fs::exists(folder_ / "none"));
  ASSERT_OK(one(*index_, [](WriteTxn& txn) { return txn.put("a", "1"); }));
  index_.reset();
  index_ = must(Index::open(folder_ / "index", "default", Index::Mode::kReadOnly));
  EXPECT_EQ(*index_->read().get("a"), "1");
  EXPECT_FALSE(one(*index_, [](WriteTxn& txn) { return txn.put("a", "2"); }).ok());
  EXPECT_EQ(*index_->read().get("a"), "1");
}

// Groups of random changes, some of which fail half-way, against a map that is changed only by those that do not.
TEST_F(IndexTest, DoesWhatAMapDoes) {
  const uint64_t seed = std::random_device()();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 draw(seed);
  std::map<std::string, std::string> model;
  for (int round = 0; round < 150; round++) {
    std::vector<Index::Change> changes;
    std::vector<bool> fails;
    for (size_t n = 1 + draw() % 6; n > 0; n--) {
      auto next = model;
      std::vector<std::pair<std::string, std::optional<std::string>>> steps;
      for (size_t m = 1 + draw() % 40; m > 0; m--) {
        const std::string key = "k" + std::to_string(draw() % 300);
        std::optional<std::string> value;
        if (draw() % 3 != 0) value = std::string(draw() % (draw() % 20 == 0 ? 50'000 : 200), static_cast<char>(draw()));
        steps.emplace_back(key, value);
        if (value) {
          next[key] = *value;
        } else {
          next.erase(key);
        }
      }
      const bool fail = draw() % 3 == 0;
      fails.push_back(fail);
      if (!fail) model = next;
      changes.push_back([steps, fail](WriteTxn& txn) -> Status {
        for (const auto& [key, value] : steps) RETURN_IF_ERROR(value ? txn.put(key, *value) : txn.erase(key));
        return fail ? failed_precondition("no") : ok_status();
      });
    }
    const auto results = index_->write(changes);
    for (size_t i = 0; i < results.size(); i++) ASSERT_EQ(results[i].ok(), !fails[i]) << results[i].to_string();
    ASSERT_TRUE(all(*index_) == model) << "round " << round;
    if (round % 50 == 49) reopen();
  }
}

// ---- tables

TEST_F(IndexTest, TablesKeepRecords) {
  v1::Package package;
  package.set_id("LON00001");
  package.set_name("Adminpak");
  ASSERT_OK(one(*index_, [&](WriteTxn& txn) { return kPackages.put(txn, {"LON00001"}, package); }));
  const ReadTxn txn = index_->read();
  EXPECT_EQ(kPackages.get(txn, {"LON00001"})->name(), "Adminpak");
  EXPECT_TRUE(kPackages.has(txn, {"LON00001"}));
  EXPECT_EQ(kPackages.get(txn, {"LON00002"}).status().code(), Code::kNotFound);
  EXPECT_EQ(kAdverts.get(txn, {"LON00001"}).status().code(), Code::kNotFound) << "another table";
}

TEST_F(IndexTest, TablesScanByWholePartsAndNumber) {
  ASSERT_OK(one(*index_, [](WriteTxn& txn) -> Status {
    v1::StatusMessage message;
    for (const uint64_t id : {300u, 2u, 10u, 1u}) {
      message.set_id(id);
      RETURN_IF_ERROR(kStatusByPackage.put(txn, {"LON00001", number_key(id)}, message));
      RETURN_IF_ERROR(kStatusByPackage.put(txn, {"LON000010", number_key(id)}, message));
    }
    return ok_status();
  }));
  const ReadTxn txn = index_->read();
  const auto ids = [&](const Key& prefix, const Key& from) {
    std::vector<uint64_t> found;
    EXPECT_OK(kStatusByPackage.each(
        txn, prefix,
        [&](const Key& key, const v1::StatusMessage& message) {
          EXPECT_EQ(key, (Key{key[0], number_key(message.id())}));
          found.push_back(message.id());
          return true;
        },
        from));
    return found;
  };
  EXPECT_THAT(ids({"LON00001"}, {}), ElementsAre(1, 2, 10, 300));
  EXPECT_THAT(ids({"LON00001"}, {"LON00001", number_key(3)}), ElementsAre(10, 300));
  EXPECT_EQ(ids({}, {}).size(), 8u);
  EXPECT_EQ(number_key(0xABCDEF), "0000000000ABCDEF");
}

TEST_F(IndexTest, TablesNameADamagedRecord) {
  ASSERT_OK(one(*index_, [](WriteTxn& txn) { return txn.put("package\0LON00001"s, "\xFF\xFF\xFF"); }));
  const ReadTxn txn = index_->read();
  const Status got = kPackages.get(txn, {"LON00001"}).status();
  EXPECT_EQ(got.code(), Code::kDataLoss);
  EXPECT_THAT(got.message(), ::testing::HasSubstr("package LON00001"));
  EXPECT_EQ(kPackages.each(txn, {}, [](const Key&, const v1::Package&) { return true; }).code(), Code::kDataLoss);
}

// ---- the committer

TEST_F(IndexTest, CommitterCommitsInOrder) {
  Committer committer(*index_);
  std::vector<CompletionPtr> done;
  for (int i = 0; i < 500; i++) {
    done.push_back(committer.submit([i](WriteTxn& txn) -> Status {
      const auto before = txn.get("last");
      if (i > 0 && (!before.ok() || *before != std::to_string(i - 1))) return internal_error("out of order");
      return txn.put("last", std::to_string(i));
    }));
  }
  for (const auto& completion : done) EXPECT_OK(completion->wait());
  EXPECT_EQ(*index_->read().get("last"), "499");
}

TEST_F(IndexTest, CommitterSharesATransaction) {
  std::atomic<int> finished = 0;  // by the committer's thread, which ends before it does
  Committer committer(*index_);
  // The first change keeps the committer busy until all others wait: they then share one transaction.
  std::atomic<bool> busy = false, release = false;
  std::atomic<int> durable_before = 0;
  const auto first = committer.submit([&](WriteTxn& txn) {
    busy = true;
    while (!release) std::this_thread::yield();
    return txn.put("first", "");
  });
  while (!busy) std::this_thread::yield();
  std::vector<CompletionPtr> rest;
  for (int i = 0; i < 100; i++) {
    rest.push_back(committer.submit([&, i](WriteTxn& txn) -> Status {
      txn.after_commit([&] {
        // The whole group is durable when the first of its actions runs, and nobody has heard of it yet.
        if (index_->read().get("99").ok() && finished == 0) durable_before++;
      });
      RETURN_IF_ERROR(txn.put(std::to_string(i), ""));
      return i == 50 ? failed_precondition("no") : ok_status();
    }));
    rest.back()->on_done([&](const Status&) { finished++; });
  }
  release = true;
  EXPECT_OK(first->wait());
  for (int i = 0; i < 100; i++) {
    EXPECT_EQ(rest[static_cast<size_t>(i)]->wait().code(), i == 50 ? Code::kFailedPrecondition : Code::kOk);
  }
  EXPECT_EQ(durable_before, 99);
  EXPECT_FALSE(index_->read().get("50").ok());
  EXPECT_TRUE(index_->read().get("51").ok());
}

TEST_F(IndexTest, CommitterSettlesWhatIsSeen) {
  Committer committer(*index_);
  std::atomic<bool> seen = false, acted = false;
  const auto done = committer.submit([&](WriteTxn& txn) {
    txn.after_commit([&] {
      while (!seen) std::this_thread::yield();
      for (int i = 0; i < 10'000; i++) std::this_thread::yield();
      acted = true;
    });
    return txn.put("key", "");
  });
  while (!index_->read().get("key").ok()) std::this_thread::yield();
  EXPECT_FALSE(acted);
  seen = true;
  committer.settle();
  EXPECT_TRUE(acted);
  EXPECT_OK(done->wait());
  committer.settle();  // nothing is under way
}

TEST_F(IndexTest, CommitterDrainsWhenItEnds) {
  std::vector<CompletionPtr> done;
  std::shared_ptr<Completion> late;
  {
    Committer committer(*index_);
    for (int i = 0; i < 50; i++) {
      done.push_back(committer.submit([i](WriteTxn& txn) { return txn.put(std::to_string(i), ""); }));
    }
    done.back()->on_done([&](const Status&) {  // what a completion begets is committed as well
      late = committer.submit([](WriteTxn& txn) { return txn.put("late", ""); });
    });
  }
  for (const auto& completion : done) EXPECT_OK(completion->wait());
  EXPECT_OK(late->wait());
  EXPECT_EQ(all(*index_).size(), 51u);
}

TEST_F(IndexTest, CommitterServesManyThreads) {
  Committer committer(*index_);
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; t++) {
    threads.emplace_back([&] {
      for (int i = 0; i < 25; i++) {
        EXPECT_OK(committer.commit([](WriteTxn& txn) -> Status {
          const auto n = txn.get("count");
          return txn.put("count", std::to_string((n.ok() ? std::stoi(*n) : 0) + 1));
        }));
        (void)index_->read().get("count");
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(*index_->read().get("count"), "200");
}

}  // namespace
}  // namespace smslab::store
