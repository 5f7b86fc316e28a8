#include "tests/support/power_env.h"

#include <signal.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <utility>

#include "proto/base/mutex.h"

namespace smslab::testing {
namespace {
namespace fs = std::filesystem;

struct Inode {  // under Disk::mu
  std::string link;
  uint64_t durable = 0;

  uint64_t size() const { return fs::file_size(link); }
  void cut(uint64_t size, uint64_t zeros_from) const {
    fs::resize_file(link, zeros_from);
    fs::resize_file(link, size);
  }
};
using Names = DiskNames<Inode>;
using Kind = Names::Step::Kind;

}  // namespace

class PowerEnv::Disk {
 public:
  explicit Disk(std::string folder) : folder_(std::move(folder)), links_(folder_ + ".links") {
    fs::create_directories(folder_);
    fs::create_directories(links_);
    const MutexLock lock(mu);
    names.take({.kind = Kind::kPut, .path = folder_});
    for (const auto& entry : fs::recursive_directory_iterator(folder_)) {
      const std::string path = entry.path().string();
      if (is_ours(path))
        names.take({.kind = Kind::kPut, .path = path, .inode = entry.is_directory() ? nullptr : link(path)});
    }
    names.barrier("/");
  }
  ~Disk() { fs::remove_all(links_); }

  bool is_ours(const std::string& path) const {
    return below(path, folder_) && path.find("/index") == std::string::npos && !path.ends_with("/lock");
  }
  Names::InodePtr link(const std::string& path) REQUIRES(mu) {
    auto inode = std::make_shared<Inode>(Inode{links_ + "/" + std::to_string(next_++)});
    fs::create_hard_link(path, inode->link);
    return inode;
  }

  // The folder as `names` says.
  void lay_out(const Names::Names& before) REQUIRES(mu) {
    for (auto name = before.rbegin(); name != before.rend(); ++name) {
      std::error_code holds_other_files;
      if (below(name->first, folder_)) fs::remove(name->first, holds_other_files);
    }
    for (const auto& [path, inode] : names.names()) {
      if (!below(path, folder_)) continue;
      if (inode) {
        fs::create_hard_link(inode->link, path);
      } else {
        fs::create_directories(path);
      }
    }
  }

  Mutex mu;
  Names names GUARDED_BY(mu);

 private:
  const std::string folder_, links_;
  uint64_t next_ GUARDED_BY(mu) = 0;
};

namespace {

// Writes as long as the power is on.
class PoweredFile final : public WritableFile {
 public:
  PoweredFile(std::unique_ptr<WritableFile> under, std::shared_ptr<PowerEnv::Disk> disk)
      : under_(std::move(under)), disk_(std::move(disk)) {}
  Status append(std::string_view bytes) override {
    const MutexLock lock(disk_->mu);
    return under_->append(bytes);
  }
  Status close() override { return under_->close(); }

 private:
  const std::unique_ptr<WritableFile> under_;
  const std::shared_ptr<PowerEnv::Disk> disk_;
};

}  // namespace

PowerEnv::PowerEnv(std::string folder) : ForwardingEnv(posix_env()), disk_(std::make_shared<Disk>(std::move(folder))) {}
PowerEnv::~PowerEnv() = default;

void PowerEnv::cut_power(Loss loss, uint64_t seed) {
  const MutexLock lock(disk_->mu);
  const Names::Names before = disk_->names.names();
  disk_->names.lose_power(loss, seed);
  disk_->lay_out(before);
  ::raise(SIGKILL);
  std::abort();
}

Result<std::unique_ptr<WritableFile>> PowerEnv::create(const std::string& path) {
  const MutexLock lock(disk_->mu);
  if (disk_->is_ours(path)) (void)under_.remove_file(path);  // what it held may be wanted again
  ASSIGN_OR_RETURN(auto file, under_.create(path));
  if (!disk_->is_ours(path)) return file;
  disk_->names.take({.kind = Kind::kPut, .path = path, .inode = disk_->link(path)});
  return std::unique_ptr<WritableFile>(std::make_unique<PoweredFile>(std::move(file), disk_));
}

Result<std::unique_ptr<WritableFile>> PowerEnv::open_append(const std::string& path) {
  const MutexLock lock(disk_->mu);
  ASSIGN_OR_RETURN(auto file, under_.open_append(path));
  if (!disk_->is_ours(path)) return file;
  if (!disk_->names.file(path)) {
    disk_->names.take({.kind = Kind::kPut, .path = path, .inode = disk_->link(path)});
  }
  return std::unique_ptr<WritableFile>(std::make_unique<PoweredFile>(std::move(file), disk_));
}

Status PowerEnv::make_folders(const std::string& path) {
  const MutexLock lock(disk_->mu);
  RETURN_IF_ERROR(under_.make_folders(path));
  for (std::string at = path; disk_->is_ours(at) && !disk_->names.is_folder(at); at = parent(at)) {
    disk_->names.take({.kind = Kind::kPut, .path = at});
  }
  return ok_status();
}

Status PowerEnv::rename(const std::string& from, const std::string& to) {
  const MutexLock lock(disk_->mu);
  RETURN_IF_ERROR(under_.rename(from, to));
  if (disk_->is_ours(from)) disk_->names.take({.kind = Kind::kRename, .path = from, .to = to});
  return ok_status();
}

Status PowerEnv::remove_file(const std::string& path) {
  const MutexLock lock(disk_->mu);
  RETURN_IF_ERROR(under_.remove_file(path));
  if (disk_->is_ours(path)) disk_->names.take({.kind = Kind::kRemove, .path = path});
  return ok_status();
}

Status PowerEnv::remove_tree(const std::string& path) {
  const MutexLock lock(disk_->mu);
  RETURN_IF_ERROR(under_.remove_tree(path));
  disk_->names.take_tree(path);
  return ok_status();
}

Status PowerEnv::barrier(const std::string& folder) {
  const MutexLock lock(disk_->mu);
  disk_->names.barrier(folder);
  return ok_status();
}

}  // namespace smslab::testing
