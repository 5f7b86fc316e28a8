// A store in a temporary folder, and what tests of it ask for again and again.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "store/fsck.h"
#include "store/import.h"
#include "store/manifest.h"
#include "store/store.h"

namespace smslab {
inline void PrintTo(const Status& status, std::ostream* out) { *out << status.to_string(); }
}  // namespace smslab

namespace smslab::store {

namespace fs = std::filesystem;

// A folder of the test's own, gone with the object; in memory if that is asked for and can be had.
class TempFolder {
 public:
  explicit TempFolder(bool memory = false) {
    const bool shm = memory && fs::is_directory("/dev/shm");
    std::string pattern = (shm ? fs::path("/dev/shm") : fs::temp_directory_path()) / "smslab-store.XXXXXX";
    path_ = ::mkdtemp(pattern.data());
  }
  TempFolder(const TempFolder&) = delete;
  TempFolder& operator=(const TempFolder&) = delete;
  ~TempFolder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  const std::string& path() const { return path_; }
  std::string operator/(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

inline void write_bytes(const std::string& path, const std::string& bytes) {
  fs::create_directories(fs::path(path).parent_path());
  std::ofstream(path, std::ios::binary) << bytes;
}

inline std::string read_bytes(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

// Every path below a folder with its size, in order. Not the index: LMDB's files say nothing by their size.
inline std::string listing(const std::string& folder) {
  std::vector<std::string> lines;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    std::string line = fs::relative(entry.path(), folder).string();
    if (line.starts_with("index/")) continue;
    if (entry.is_regular_file()) line += " " + std::to_string(entry.file_size());
    lines.push_back(std::move(line));
  }
  std::sort(lines.begin(), lines.end());
  std::string text;
  for (const auto& line : lines) text += line + "\n";
  return text;
}

#define ASSERT_OK(expr) ASSERT_EQ((expr), ::smslab::ok_status())
#define EXPECT_OK(expr) EXPECT_EQ((expr), ::smslab::ok_status())

// The value, or the test ends here.
template <class T>
T must(Result<T> result) {
  if (!result.ok()) {
    ADD_FAILURE() << result.status().to_string();
    std::abort();
  }
  return *std::move(result);
}

inline std::vector<std::string> problems(Result<v1::FsckReply> report) {
  if (!report.ok()) return {report.status().to_string()};
  return {report->problems().begin(), report->problems().end()};
}

// Imports `source` and publishes it as (package, version).
inline Status import_into(Store& store, const std::string& package, uint32_t version, const std::string& source) {
  ASSIGN_OR_RETURN(const Snapshot snapshot, import_folder(store.env(), store.blobs(), {package, version, source}));
  return store.commit([&](WriteTxn& txn) { return snapshot.publish(txn, store.blobs()); });
}

inline Status drop_from(Store& store, const std::string& package, uint32_t version) {
  return store.commit([&](WriteTxn& txn) -> Status {
    ASSIGN_OR_RETURN(const v1::Manifest manifest, load_manifest(txn, package, version));
    RETURN_IF_ERROR(store.blobs().drop(txn, manifest));
    return kManifests.erase(txn, manifest_key(package, version));
  });
}

}  // namespace smslab::store
