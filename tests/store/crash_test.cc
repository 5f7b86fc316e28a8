// Kills and power cuts at every call to the file system, and every call failing once.
#include <iostream>
#include <random>

#include "tests/store/fixture.h"
#include "tests/support/faulty_env.h"
#include "tests/support/mem_env.h"

namespace smslab::store {
namespace {

using smslab::testing::FaultyEnv;
using smslab::testing::MemEnv;
using Call = FaultyEnv::Call;

// A store with LON00001 version 1 in it, on a disk in memory; its index is on real files.
class World {
 public:
  World() {
    mem_.write("/v1/same", "in both versions");
    mem_.write("/v1/old", "in version 1 only");
    mem_.write("/v1/Sub/empty", "");
    mem_.write("/v2/same", "in both versions");
    mem_.write("/v2/new", "in version 2 only");
    mem_.write("/v2/Sub/also new", std::string(300'000, 'n'));
    EXPECT_OK(mem_.barrier("/"));
    EXPECT_OK(import_into(*open(mem_), "LON00001", 1, "/v1"));
    open(mem_);
  }

  std::unique_ptr<Store> open(Env& env) { return must(Store::open(env, folder_.path())); }
  const std::string& folder() const { return folder_.path(); }
  MemEnv& mem() { return mem_; }

  // Version 2 comes, version 1 goes. How far it got: 0, 1 or 2 steps committed.
  static int run(Store& store) {
    if (!import_into(store, "LON00001", 2, "/v2").ok()) return 0;
    return drop_from(store, "LON00001", 1).ok() ? 2 : 1;
  }

  std::string blobs() const { return mem_.listing(folder() + "/blobs"); }

  // Which versions are there, as the number of steps that run() made; -1 for any other state.
  static int steps(const Store& store) {
    const bool first = load_manifest(store.read(), "LON00001", 1).ok();
    const bool second = load_manifest(store.read(), "LON00001", 2).ok();
    return first ? (second ? 1 : 0) : (second ? 2 : -1);
  }

 private:
  TempFolder folder_{true};
  MemEnv mem_;
};

// What the blobs' folder holds after so many steps, when nothing goes wrong.
const std::string& blobs_after(int steps) {
  static const std::vector<std::string> listings = [] {
    std::vector<std::string> all;
    for (int i = 0; i <= 2; i++) {
      World world;
      auto store = world.open(world.mem());
      EXPECT_OK(i > 0 ? import_into(*store, "LON00001", 2, "/v2") : ok_status());
      EXPECT_OK(i > 1 ? drop_from(*store, "LON00001", 1) : ok_status());
      std::string listing = world.blobs();
      for (size_t at; (at = listing.find(world.folder())) != std::string::npos;) {
        listing.erase(at, world.folder().size());
      }
      all.push_back(listing);
    }
    return all;
  }();
  return listings.at(static_cast<size_t>(steps));
}

// The files below blobs/, whatever folders are there: an emptied folder is nothing lost or left.
std::string files_of(const std::string& listing, const std::string& folder) {
  std::string files;
  size_t at = 0;
  while (at < listing.size()) {
    const size_t end = listing.find('\n', at);
    std::string line = listing.substr(at, end - at);
    if (line.starts_with(folder)) line.erase(0, folder.size());
    if (!line.ends_with('/')) files += line + "\n";
    at = end + 1;
  }
  return files;
}

// That the store is whole, holds what `steps` say and nothing else, and works.
void expect_sound(World& world, int steps) {
  {
    auto store = world.open(world.mem());
    EXPECT_EQ(World::steps(*store), steps);
    EXPECT_EQ(files_of(world.blobs(), world.folder()), files_of(blobs_after(steps), ""));
    EXPECT_EQ(world.mem().listing(world.folder() + "/stage"), "") << "swept";
    EXPECT_EQ(problems(fsck(*store)), std::vector<std::string>());
    if (steps == 0) {
      EXPECT_OK(import_into(*store, "LON00001", 2, "/v2"));
    }
    if (steps <= 1) {
      EXPECT_OK(drop_from(*store, "LON00001", 1));
    }
  }
  EXPECT_EQ(problems(fsck(world.mem(), world.folder())), std::vector<std::string>());
  EXPECT_EQ(files_of(world.blobs(), world.folder()), files_of(blobs_after(2), ""));
}

struct PowerCut {
  const char* name;
  std::optional<MemEnv::Loss> loss;  // none: only the process dies
  uint64_t seeds;
};

class CrashTest : public ::testing::TestWithParam<PowerCut> {};

TEST_P(CrashTest, AnywhereInImportAndDrop) {
  const PowerCut& cut = GetParam();
  const uint64_t base = cut.loss ? std::random_device()() : 0;
  uint64_t points = 0, recoveries = 0;
  bool died = true;
  for (uint64_t n = 0; died && !::testing::Test::HasFailure(); n++) {
    for (uint64_t seed = base; seed < base + cut.seeds; seed++) {
      SCOPED_TRACE("killed after " + std::to_string(n) + " calls, seed " + std::to_string(seed));
      World world;
      int steps = 0;
      {
        FaultyEnv env(world.mem());
        auto store = world.open(env);
        env.die_after(n);
        steps = World::run(*store);
        store.reset();
        died = env.dead();
      }
      if (cut.loss) world.mem().lose_power(*cut.loss, seed);
      // The next start may be killed as well.
      {
        FaultyEnv env(world.mem());
        env.die_after(seed % 13);
        (void)Store::open(env, world.folder());
        recoveries += env.dead();
      }
      if (cut.loss) world.mem().lose_power(*cut.loss, seed + 1);
      expect_sound(world, steps);
      points += died;
    }
  }
  std::cout << points << " points, of which " << recoveries << " died again at the next start\n";
  EXPECT_GT(points, 0u);
}

INSTANTIATE_TEST_SUITE_P(Cuts, CrashTest,
                         ::testing::Values(PowerCut{"Killed", std::nullopt, 1},
                                           PowerCut{"PowerLostAll", MemEnv::Loss::kEverything, 1},
                                           PowerCut{"PowerLostTail", MemEnv::Loss::kTail, 3},
                                           PowerCut{"PowerLostAny", MemEnv::Loss::kAny, 5}),
                         [](const auto& param) { return param.param.name; });

// A start that has nothing to do changes nothing; an import that never published is swept without a trace.
TEST(SweepTest, LeavesTheDiskAsItWas) {
  World world;
  const std::string before = world.mem().listing(world.folder());
  {
    FaultyEnv env(world.mem());
    auto store = world.open(env);
    const auto snapshot = must(import_folder(env, store->blobs(), {"LON00001", 2, "/v2"}));
    env.die_after(0);
  }
  EXPECT_NE(world.mem().listing(world.folder()), before);
  world.open(world.mem());
  EXPECT_EQ(world.mem().listing(world.folder()), before);
}

// Another staging may hold the same content with a list that is on disk and bytes that are not.
TEST(SweepTest, DoesNotRestoreATornFile) {
  const uint64_t base = std::random_device()();
  for (uint64_t seed = base; seed < base + 200 && !::testing::Test::HasFailure(); seed++) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    World world;
    {
      FaultyEnv env(world.mem());
      auto store = world.open(env);
      const auto torn = must(store->blobs().stage());
      const auto whole = must(store->blobs().stage());
      must(torn->add(*must(env.open("/v2/Sub/also new"))));
      auto snapshot = must(import_folder(env, store->blobs(), {"LON00001", 2, "/v2"}));
      env.fail(Call::kBarrier, 1, Status(Code::kUnavailable, "the disk is slow"));
      EXPECT_EQ(torn->make_durable().code(), Code::kUnavailable);
      ASSERT_OK(store->commit([&](WriteTxn& txn) { return snapshot.publish(txn, store->blobs()); }));
      env.die_after(0);
      snapshot.staging.reset();
    }
    world.mem().lose_power(MemEnv::Loss::kAny, seed);
    expect_sound(world, 1);
  }
}

// No crash, only an error, once, at each call of each kind: the same store goes on.
TEST(ErrorTest, EveryCallMayFailOnce) {
  uint64_t points = 0;
  for (const Call call :
       {Call::kOpen, Call::kRead, Call::kCreate, Call::kAppend, Call::kClose, Call::kInfo, Call::kList, Call::kRealPath,
        Call::kMakeFolders, Call::kRename, Call::kRemove, Call::kBarrier}) {
    for (uint64_t nth = 1;; nth++) {
      SCOPED_TRACE("call " + std::to_string(static_cast<int>(call)) + " nth " + std::to_string(nth));
      World world;
      FaultyEnv env(world.mem());
      auto store = world.open(env);
      const uint64_t before = env.calls(call);
      env.fail(call, nth, Status(Code::kNoSpace, "the disk is full"));
      int steps = World::run(*store);
      if (env.calls(call) - before < nth) break;
      EXPECT_EQ(World::steps(*store), steps);
      if (steps == 0) {
        EXPECT_OK(import_into(*store, "LON00001", 2, "/v2"));
        steps = 1;
      }
      EXPECT_EQ(problems(fsck(*store)), std::vector<std::string>());
      store.reset();
      expect_sound(world, steps);
      if (::testing::Test::HasFailure()) break;
      points++;
    }
  }
  std::cout << points << " points\n";
  EXPECT_GT(points, 0u);
}

TEST(ErrorTest, EveryCallOfAStartMayFailOnce) {
  uint64_t points = 0;
  for (const Call call : {Call::kMakeFolders, Call::kLock, Call::kList, Call::kOpen, Call::kRead, Call::kInfo,
                          Call::kRename, Call::kRemove, Call::kBarrier}) {
    for (uint64_t nth = 1;; nth++) {
      SCOPED_TRACE("call " + std::to_string(static_cast<int>(call)) + " nth " + std::to_string(nth));
      World world;
      {
        FaultyEnv env(world.mem());
        auto store = world.open(env);
        const auto snapshot = must(import_folder(env, store->blobs(), {"LON00001", 2, "/v2"}));
        ASSERT_OK(store->commit([&](WriteTxn& txn) { return snapshot.publish(txn, store->blobs()); }));
        env.die_after(0);
      }
      world.mem().lose_power(MemEnv::Loss::kEverything, 1);
      FaultyEnv env(world.mem());
      env.fail(call, nth, Status(Code::kUnavailable, "the disk is slow"));
      (void)Store::open(env, world.folder());
      if (env.calls(call) < nth) break;
      expect_sound(world, 1);
      if (::testing::Test::HasFailure()) break;
      points++;
    }
  }
  std::cout << points << " points\n";
  EXPECT_GT(points, 0u);
}

}  // namespace
}  // namespace smslab::store
