// MemEnv: a file system in memory, with a power switch.
//
//   MemEnv env;
//   Store::open(env, folder);            // the index is on real files below `folder` all the same
//   env.lose_power(MemEnv::Loss::kAny, seed);
//
// What a barrier has covered survives. Of the rest a power cut keeps what `Loss` says (disk_names.h).
// ReadableFile::fd() is a memfd with the bytes at that moment. No links; all files have one time. Paths are absolute.
// Thread-safe; its files may outlive it.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "proto/base/env.h"
#include "tests/support/disk_names.h"

namespace smslab::testing {

class MemEnv final : public Env {
 public:
  MemEnv();
  ~MemEnv() override;

  using Loss = testing::Loss;
  // Whoever has files open or locks held lets go of them first.
  void lose_power(Loss loss, uint64_t seed);

  // "path size sha256", a line each, in order; folders with a '/' at the end.
  std::string listing(const std::string& folder) const;
  void write(const std::string& path, const std::string& bytes);  // with its folders
  std::string read(const std::string& path) const;

  Result<std::unique_ptr<ReadableFile>> open(const std::string& path) override;
  Result<std::unique_ptr<WritableFile>> create(const std::string& path) override;
  Result<std::unique_ptr<WritableFile>> open_append(const std::string& path) override;
  Result<FileInfo> info(const std::string& path) override;
  Result<FileInfo> link_info(const std::string& path) override;
  Result<std::vector<FolderEntry>> list(const std::string& path) override;
  Result<std::string> real_path(const std::string& path) override;
  Status make_folders(const std::string& path) override;
  Status rename(const std::string& from, const std::string& to) override;
  Status remove_file(const std::string& path) override;
  Status remove_tree(const std::string& path) override;
  Status barrier(const std::string& folder) override;
  Result<uint64_t> free_bytes(const std::string& folder) override;  // always a terabyte
  Result<std::unique_ptr<FolderLock>> lock_folder(const std::string& folder) override;

  struct Disk;

 private:
  const std::shared_ptr<Disk> disk_;
};

}  // namespace smslab::testing
