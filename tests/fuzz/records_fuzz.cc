// Rows of an index that are not what they should be: fsck gives a report and changes nothing, what it finds in order
// can be read, and a repair leaves a store that opens, with nothing worse than before.
#include <stdlib.h>

#include <algorithm>
#include <filesystem>
#include <functional>
#include <memory>
#include <set>
#include <vector>

#include "store/fsck.h"
#include "store/import.h"
#include "store/manifest.h"
#include "store/repair.h"
#include "tests/fuzz/fuzz.h"
#include "tests/support/mem_env.h"

namespace smslab::store {
namespace {
namespace fs = std::filesystem;
using testing::MemEnv;

// A store with a package, on a disk in memory; its index in a folder of its own.
class World {
 public:
  World() {
    std::string pattern = fs::path(fs::is_directory("/dev/shm") ? "/dev/shm" : "/tmp") / "smslab-fuzz.XXXXXX";
    folder_ = ::mkdtemp(pattern.data());
    mem_.write("/source/a", "hello\n");
    mem_.write("/source/Sub/b", "world\n");
    const auto store = open();
    const auto snapshot = import_folder(mem_, store->blobs(), {"LON00001", 1, "/source"});
    MUST(snapshot.ok());
    MUST(store->commit([&](WriteTxn& txn) { return snapshot->publish(txn, store->blobs()); }).ok());
    for_each_table([&](const auto& table) {
      tables_.emplace_back(table.name());
      readers_.emplace_back([table](const ReadTxn& txn) {
        const auto keys = table.keys(txn);
        for (const Key& key : keys.ok() ? *keys : std::vector<Key>()) {
          const Status read = table.get(txn, key).status();
          MUST(read.ok() || read.code() == Code::kDataLoss || read.code() == Code::kNotFound);
        }
        (void)table.each(txn, {}, [](const Key&, const auto&) { return true; });
      });
    });
  }
  ~World() { fs::remove_all(folder_); }

  std::unique_ptr<Store> open() {
    auto store = Store::open(mem_, folder_);
    MUST(store.ok());
    return *std::move(store);
  }
  const std::vector<std::string>& tables() const { return tables_; }
  MemEnv& mem() { return mem_; }
  const std::string& folder() const { return folder_; }
  void read_all(const ReadTxn& txn) const {
    for (const auto& read : readers_) read(txn);
  }

 private:
  std::string folder_;
  MemEnv mem_;
  std::vector<std::string> tables_;
  std::vector<std::function<void(const ReadTxn&)>> readers_;
};

std::vector<std::pair<std::string, std::string>> rows_of(const Store& store) {
  std::vector<std::pair<std::string, std::string>> rows;
  MUST(store.read()
           .scan("",
                 [&](std::string_view key, std::string_view value) {
                   rows.emplace_back(key, value);
                   return true;
                 })
           .ok());
  return rows;
}

// "table index, key up to ';', value up to ';'": parts of keys are divided by ','.
std::vector<std::pair<std::string, std::string>> rows_from(fuzz::Input& input, const World& world) {
  std::vector<std::pair<std::string, std::string>> rows;
  while (!input.empty() && rows.size() < 8) {
    const auto table = static_cast<unsigned char>(input.take(1).front()) % (world.tables().size() + 1);
    std::string key(input.take_to(';').substr(0, 300));
    for (char& c : key) c = c == ',' ? '\0' : c;
    const std::string whole = table < world.tables().size() ? join_key(world.tables()[table], {key}) : key + "?";
    rows.emplace_back(whole, std::string(input.take_to(';')));
  }
  return rows;
}

void put_back(Store& store, const std::vector<std::pair<std::string, std::string>>& rows) {
  const auto now = rows_of(store);
  MUST(store
           .commit([&](WriteTxn& txn) -> Status {
             for (const auto& [key, value] : now) RETURN_IF_ERROR(txn.erase(key));
             for (const auto& [key, value] : rows) RETURN_IF_ERROR(txn.put(key, value));
             return ok_status();
           })
           .ok());
}

}  // namespace
}  // namespace smslab::store

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace smslab;
  using namespace smslab::store;
  static World world;
  static const auto sound = rows_of(*world.open());
  fuzz::Input input(data, size);
  const auto rows = rows_from(input, world);
  {
    const auto store = world.open();
    const Status put = store->commit([&](WriteTxn& txn) -> Status {
      for (const auto& [key, value] : rows) RETURN_IF_ERROR(txn.put(key, value));
      return ok_status();
    });
    if (!put.ok()) return 0;
    world.read_all(store->read());
    const auto damaged = rows_of(*store);
    const auto report = fsck(*store);
    MUST(report.ok());
    MUST(rows_of(*store) == damaged);
  }
  MUST(fsck(world.mem(), world.folder()).ok());
  MUST(repair(world.mem(), world.folder(), {}).ok());
  const auto store = [&] {
    const auto mended = rows_of(*world.open());
    MUST(repair(world.mem(), world.folder(), {}).ok());
    auto again = world.open();
    MUST(rows_of(*again) == mended);
    return again;
  }();
  world.read_all(store->read());
  // What a manifest that nobody has touched names is there, whatever else was.
  const auto manifest = store->read().get(join_key(kManifests.name(), manifest_key("LON00001", 1)));
  const bool untouched = manifest.ok() && std::find(sound.begin(), sound.end(),
                                                    std::pair(join_key(kManifests.name(), manifest_key("LON00001", 1)),
                                                              *manifest)) != sound.end();
  for (const std::string bytes : {"hello\n", "world\n"}) {
    const std::string path = store->blobs().path(digest_hex(Algorithm::kSha256, bytes));
    if (untouched) MUST(world.mem().read(path) == bytes);
    world.mem().write(path, bytes);
  }
  put_back(*store, sound);
  return 0;
}
