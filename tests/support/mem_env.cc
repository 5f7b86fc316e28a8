#include "tests/support/mem_env.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <set>
#include <utility>

#include "proto/base/digest.h"
#include "proto/base/fd.h"
#include "proto/base/mutex.h"
#include "tests/support/disk_names.h"

namespace smslab::testing {
namespace {

struct Inode {  // under Disk::mu
  std::string bytes;
  uint64_t durable = 0;  // so many of them

  uint64_t size() const { return bytes.size(); }
  void cut(uint64_t size, uint64_t zeros_from) {
    bytes.resize(size);
    std::fill(bytes.begin() + static_cast<std::ptrdiff_t>(zeros_from), bytes.end(), '\0');
  }
};
using Names = DiskNames<Inode>;
using InodePtr = Names::InodePtr;
using Kind = Names::Step::Kind;

Status error(int code, const std::string& what, const std::string& path) {
  return from_errno(code, "cannot " + what + " " + path);
}

}  // namespace

struct MemEnv::Disk {
  mutable Mutex mu;
  Names names GUARDED_BY(mu);
  std::set<std::string> locked GUARDED_BY(mu);
};

namespace {

class MemReadable final : public ReadableFile {
 public:
  MemReadable(std::shared_ptr<MemEnv::Disk> disk, InodePtr inode, uint64_t size)
      : disk_(std::move(disk)), inode_(std::move(inode)), size_(size) {}
  Result<size_t> pread(uint64_t offset, std::span<char> buffer) const override {
    const MutexLock lock(disk_->mu);
    if (offset >= inode_->bytes.size()) return size_t{0};
    return inode_->bytes.copy(buffer.data(), buffer.size(), offset);
  }
  uint64_t size() const override { return size_; }
  int fd() const override {
    const MutexLock lock(disk_->mu);
    if (!fd_) {
      fd_ = UniqueFd(::memfd_create("mem_env", MFD_CLOEXEC));
      for (size_t at = 0; at < inode_->bytes.size();) {
        const ssize_t n = ::pwrite(fd_.get(), inode_->bytes.data() + at, inode_->bytes.size() - at, at);
        if (n < 0) std::abort();
        at += static_cast<size_t>(n);
      }
    }
    return fd_.get();
  }

 private:
  const std::shared_ptr<MemEnv::Disk> disk_;
  const InodePtr inode_;
  const uint64_t size_;
  mutable UniqueFd fd_;  // under Disk::mu
};

class MemWritable final : public WritableFile {
 public:
  MemWritable(std::shared_ptr<MemEnv::Disk> disk, InodePtr inode) : disk_(std::move(disk)), inode_(std::move(inode)) {}
  Status append(std::string_view bytes) override {
    const MutexLock lock(disk_->mu);
    inode_->bytes += bytes;
    return ok_status();
  }
  Status close() override { return ok_status(); }

 private:
  const std::shared_ptr<MemEnv::Disk> disk_;
  const InodePtr inode_;
};

class MemLock final : public FolderLock {
 public:
  MemLock(std::shared_ptr<MemEnv::Disk> disk, std::string folder)
      : disk_(std::move(disk)), folder_(std::move(folder)) {}
  ~MemLock() override {
    const MutexLock lock(disk_->mu);
    disk_->locked.erase(folder_);
  }

 private:
  const std::shared_ptr<MemEnv::Disk> disk_;
  const std::string folder_;
};

}  // namespace

MemEnv::MemEnv() : disk_(std::make_shared<Disk>()) {}
MemEnv::~MemEnv() = default;

void MemEnv::lose_power(Loss loss, uint64_t seed) {
  const MutexLock lock(disk_->mu);
  disk_->names.lose_power(loss, seed);
}

std::string MemEnv::listing(const std::string& folder) const {
  const MutexLock lock(disk_->mu);
  std::string text;
  for (const auto& [path, inode] : disk_->names.names()) {
    if (!below(path, folder)) continue;
    text += path;
    text +=
        inode ? " " + std::to_string(inode->bytes.size()) + " " + digest_hex(Algorithm::kSha256, inode->bytes) : "/";
    text += '\n';
  }
  return text;
}

void MemEnv::write(const std::string& path, const std::string& bytes) {
  const MutexLock lock(disk_->mu);
  disk_->names.take({.kind = Kind::kPut, .path = path, .inode = std::make_shared<Inode>(Inode{bytes, 0})});
}

std::string MemEnv::read(const std::string& path) const {
  const MutexLock lock(disk_->mu);
  const InodePtr file = disk_->names.file(path);
  return file ? file->bytes : std::string();
}

Result<std::unique_ptr<ReadableFile>> MemEnv::open(const std::string& path) {
  const MutexLock lock(disk_->mu);
  const auto found = disk_->names.names().find(path);
  if (found == disk_->names.names().end()) return error(ENOENT, "open", path);
  if (!found->second) return invalid_argument(path + " is not a file");
  return std::unique_ptr<ReadableFile>(
      std::make_unique<MemReadable>(disk_, found->second, found->second->bytes.size()));
}

Result<std::unique_ptr<WritableFile>> MemEnv::create(const std::string& path) {
  const MutexLock lock(disk_->mu);
  if (!disk_->names.is_folder(parent(path))) return error(ENOENT, "create", path);
  if (disk_->names.is_folder(path)) return error(EISDIR, "create", path);
  auto inode = std::make_shared<Inode>();
  disk_->names.take({.kind = Kind::kPut, .path = path, .inode = inode});
  return std::unique_ptr<WritableFile>(std::make_unique<MemWritable>(disk_, std::move(inode)));
}

Result<std::unique_ptr<WritableFile>> MemEnv::open_append(const std::string& path) {
  {
    const MutexLock lock(disk_->mu);
    const auto found = disk_->names.names().find(path);
    if (found != disk_->names.names().end() && found->second) {
      return std::unique_ptr<WritableFile>(std::make_unique<MemWritable>(disk_, found->second));
    }
  }
  return create(path);
}

Result<FileInfo> MemEnv::info(const std::string& path) {
  const MutexLock lock(disk_->mu);
  const auto found = disk_->names.names().find(path);
  if (found == disk_->names.names().end()) return error(ENOENT, "look at", path);
  const LabTime modified(std::chrono::seconds(1'164'139'200));  // 2006-11-21T20:00:00Z
  if (!found->second) return FileInfo{FileType::kFolder, 0, modified};
  return FileInfo{FileType::kFile, found->second->bytes.size(), modified};
}

Result<FileInfo> MemEnv::link_info(const std::string& path) { return info(path); }

Result<std::vector<FolderEntry>> MemEnv::list(const std::string& path) {
  const MutexLock lock(disk_->mu);
  const auto found = disk_->names.names().find(path);
  if (found == disk_->names.names().end()) return error(ENOENT, "list", path);
  if (found->second) return error(ENOTDIR, "list", path);
  std::vector<FolderEntry> entries;
  const std::string prefix = path == "/" ? path : path + "/";
  for (const auto& [name, inode] : disk_->names.names()) {
    if (name == "/" || !name.starts_with(prefix) || name.find('/', prefix.size()) != std::string::npos) continue;
    entries.push_back({name.substr(prefix.size()), inode ? FileType::kFile : FileType::kFolder});
  }
  return entries;
}

Result<std::string> MemEnv::real_path(const std::string& path) {
  ASSIGN_OR_RETURN(const FileInfo there, info(path));
  (void)there;
  return path;
}

Status MemEnv::make_folders(const std::string& path) {
  const MutexLock lock(disk_->mu);
  for (size_t at = 1; at <= path.size(); at++) {
    if (at < path.size() && path[at] != '/') continue;
    const std::string part = path.substr(0, at);
    if (disk_->names.is_folder(part)) continue;
    if (disk_->names.names().contains(part)) return invalid_argument(part + " is not a folder");
    disk_->names.take({.kind = Kind::kPut, .path = part});
  }
  return ok_status();
}

Status MemEnv::rename(const std::string& from, const std::string& to) {
  const MutexLock lock(disk_->mu);
  const auto found = disk_->names.names().find(from);
  if (found == disk_->names.names().end() || !disk_->names.is_folder(parent(to))) return error(ENOENT, "rename", from);
  if (!found->second || disk_->names.is_folder(to)) return error(EISDIR, "rename", from);  // files only
  disk_->names.take({.kind = Kind::kRename, .path = from, .to = to});
  return ok_status();
}

Status MemEnv::remove_file(const std::string& path) {
  const MutexLock lock(disk_->mu);
  if (!disk_->names.names().contains(path)) return error(ENOENT, "remove", path);
  if (disk_->names.is_folder(path)) return error(EISDIR, "remove", path);
  disk_->names.take({.kind = Kind::kRemove, .path = path});
  return ok_status();
}

Status MemEnv::remove_tree(const std::string& path) {
  const MutexLock lock(disk_->mu);
  disk_->names.take_tree(path);
  return ok_status();
}

Status MemEnv::barrier(const std::string& folder) {
  const MutexLock lock(disk_->mu);
  if (!disk_->names.is_folder(folder)) return error(ENOENT, "sync", folder);
  disk_->names.barrier(folder);
  return ok_status();
}

Result<uint64_t> MemEnv::free_bytes(const std::string&) { return uint64_t{1} << 40; }

Result<std::unique_ptr<FolderLock>> MemEnv::lock_folder(const std::string& folder) {
  MutexLock lock(disk_->mu);
  if (!disk_->names.is_folder(folder)) return error(ENOENT, "lock", folder);
  if (!disk_->locked.insert(folder).second) return failed_precondition("another smslab uses the folder " + folder);
  return std::unique_ptr<FolderLock>(std::make_unique<MemLock>(disk_, folder));
}

}  // namespace smslab::testing
