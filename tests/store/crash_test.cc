// Kills and power cuts at every call to the file system, and every call failing once.
#include <iostream>
#include <random>

#include "proto/base/digest.h"
#include "store/repair.h"
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
  const MemEnv& mem() const { return mem_; }

  // One step each: version 2 comes, 1 goes, 3 comes with the contents of 1, 2 goes, 3 goes.
  static constexpr int kSteps = 5;
  static Status step(Store& store, int number) {
    switch (number) {
      case 0: return import_into(store, "LON00001", 2, "/v2");
      case 1: return drop_from(store, "LON00001", 1);
      case 2: return import_into(store, "LON00001", 3, "/v1");
      case 3: return drop_from(store, "LON00001", 2);
      default: return drop_from(store, "LON00001", 3);
    }
  }
  // From a step on to the first that fails: how many are done.
  static int run(Store& store, int from = 0) {
    while (from < kSteps && step(store, from).ok()) from++;
    return from;
  }

  static std::vector<uint32_t> versions(const Store& store) {
    std::vector<uint32_t> found;
    for (uint32_t version = 1; version <= 3; version++) {
      if (load_manifest(store.read(), "LON00001", version).ok()) found.push_back(version);
    }
    return found;
  }

 private:
  TempFolder folder_{true};
  MemEnv mem_;
};

// The files below blobs/, whatever folders are there: an emptied folder is nothing lost or left.
std::string files(const World& world) {
  std::string text;
  const std::string listing = world.mem().listing(world.folder() + "/blobs");
  for (size_t at = 0, end = 0; at < listing.size(); at = end + 1) {
    end = listing.find('\n', at);
    const std::string line = listing.substr(at, end - at);
    if (!line.ends_with('/')) text += line.substr(world.folder().size()) + "\n";
  }
  return text;
}

struct State {
  std::vector<uint32_t> versions;
  std::string files;
};

// What is there after so many steps, when nothing goes wrong.
const State& state_after(int steps) {
  static const std::vector<State> states = [] {
    std::vector<State> all;
    World world;
    const auto store = world.open(world.mem());
    for (int i = 0; i <= World::kSteps; i++) {
      all.push_back({World::versions(*store), files(world)});
      EXPECT_OK(i < World::kSteps ? World::step(*store, i) : ok_status());
    }
    return all;
  }();
  return states.at(static_cast<size_t>(steps));
}

// That the store is whole, holds what so many steps leave and nothing else, and works.
void expect_sound(World& world, int steps) {
  {
    auto store = world.open(world.mem());
    EXPECT_EQ(World::versions(*store), state_after(steps).versions);
    EXPECT_EQ(files(world), state_after(steps).files);
    EXPECT_EQ(world.mem().listing(world.folder() + "/stage"), "") << "swept";
    EXPECT_EQ(problems(fsck(*store)), std::vector<std::string>());
    EXPECT_EQ(World::run(*store, steps), World::kSteps);
  }
  EXPECT_EQ(problems(fsck(world.mem(), world.folder())), std::vector<std::string>());
  EXPECT_EQ(files(world), state_after(World::kSteps).files);
}

struct PowerCut {
  const char* name;
  std::optional<MemEnv::Loss> loss;  // none: only the process dies
  uint64_t seeds;
};

class CrashTest : public ::testing::TestWithParam<PowerCut> {};

TEST_P(CrashTest, AnywhereInImportsAndDrops) {
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
        env.die_after((n + seed) % 24);
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
      auto snapshot = must(import_folder(env, store->blobs(), {"LON00001", 2, "/v2"}));
      must(torn->add(*must(env.open("/v2/Sub/also new"))));
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

// A staging that goes on after a publication writes a further list; the first one is needed until a barrier is past.
TEST(SweepTest, KeepsTheListOfAnEarlierPublication) {
  const uint64_t base = std::random_device()();
  for (uint64_t seed = base; seed < base + 100 && !::testing::Test::HasFailure(); seed++) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    World world;
    {
      FaultyEnv env(world.mem());
      auto store = world.open(env);
      auto snapshot = must(import_folder(env, store->blobs(), {"LON00001", 2, "/v2"}));
      ASSERT_OK(store->commit([&](WriteTxn& txn) { return snapshot.publish(txn, store->blobs()); }));
      must(snapshot.staging->add(*must(env.open("/v1/old"))));
      world.mem().write("/more", "more");
      must(snapshot.staging->add(*must(env.open("/more"))));
      env.fail(Call::kBarrier, 1, Status(Code::kUnavailable, "the disk is slow"));
      EXPECT_EQ(snapshot.staging->make_durable().code(), Code::kUnavailable);
      env.die_after(0);
      snapshot.staging.reset();
    }
    world.mem().lose_power(MemEnv::Loss::kAny, seed);
    expect_sound(world, 1);
  }
}

// A content whose bytes are damaged comes again: until then they stay, and then they are whole or still marked.
TEST(SweepTest, ReplacesWhatWasLostAsAWhole) {
  const uint64_t base = std::random_device()();
  const std::string bytes = "in version 1 only", sha256 = digest_hex(Algorithm::kSha256, bytes);
  uint64_t points = 0, whole = 0;
  bool died = true;
  for (uint64_t n = 0; died && !::testing::Test::HasFailure(); n++) {
    for (uint64_t seed = base; seed < base + 5; seed++) {
      SCOPED_TRACE("killed after " + std::to_string(n) + " calls, seed " + std::to_string(seed));
      World world;
      world.mem().write(world.open(world.mem())->blobs().path(sha256), "altered version 1");
      ASSERT_OK(world.mem().barrier("/"));
      EXPECT_EQ(must(repair(world.mem(), world.folder(), {})).problems_size(), 1);
      bool imported = false;
      {
        FaultyEnv env(world.mem());
        auto store = world.open(env);
        env.die_after(n);
        imported = import_into(*store, "LON00001", 3, "/v1").ok();
        store.reset();
        died = env.dead();
      }
      world.mem().lose_power(MemEnv::Loss::kAny, seed);
      auto store = world.open(world.mem());
      EXPECT_EQ(load_manifest(store->read(), "LON00001", 3).ok(), imported);
      if (imported) {
        EXPECT_EQ(problems(fsck(*store)), std::vector<std::string>());
      } else {
        EXPECT_EQ(store->blobs().has(store->read(), sha256), false);
        EXPECT_OK(import_into(*store, "LON00001", 3, "/v1"));
      }
      EXPECT_EQ(world.mem().read(store->blobs().path(sha256)), bytes);
      points += died;
      whole += imported;
    }
  }
  std::cout << points << " points, " << whole << " imports committed\n";
  EXPECT_GT(points, 0u);
  EXPECT_GT(whole, 0u);
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
      EXPECT_EQ(World::versions(*store), state_after(steps).versions);
      EXPECT_EQ(problems(fsck(*store)), std::vector<std::string>());
      steps = World::run(*store, steps);
      EXPECT_EQ(steps, World::kSteps);
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
