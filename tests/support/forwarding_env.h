// ForwardingEnv: an Env that hands every call on. For tests that want to change one of them.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "proto/base/env.h"

namespace smslab::testing {

class ForwardingEnv : public Env {
 public:
  explicit ForwardingEnv(Env& under) : under_(under) {}

  Result<std::unique_ptr<ReadableFile>> open(const std::string& path) override { return under_.open(path); }
  Result<std::unique_ptr<WritableFile>> create(const std::string& path) override { return under_.create(path); }
  Result<std::unique_ptr<WritableFile>> open_append(const std::string& path) override {
    return under_.open_append(path);
  }
  Result<FileInfo> info(const std::string& path) override { return under_.info(path); }
  Result<FileInfo> link_info(const std::string& path) override { return under_.link_info(path); }
  Result<std::vector<FolderEntry>> list(const std::string& path) override { return under_.list(path); }
  Result<std::string> real_path(const std::string& path) override { return under_.real_path(path); }
  Status make_folders(const std::string& path) override { return under_.make_folders(path); }
  Status rename(const std::string& from, const std::string& to) override { return under_.rename(from, to); }
  Status remove_file(const std::string& path) override { return under_.remove_file(path); }
  Status remove_tree(const std::string& path) override { return under_.remove_tree(path); }
  Status barrier(const std::string& folder) override { return under_.barrier(folder); }
  Result<uint64_t> free_bytes(const std::string& folder) override { return under_.free_bytes(folder); }
  Result<std::unique_ptr<FolderLock>> lock_folder(const std::string& folder) override {
    return under_.lock_folder(folder);
  }

 protected:
  Env& under_;
};

}  // namespace smslab::testing
