#include "tests/support/mem_env.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <map>
#include <random>
#include <set>
#include <utility>

#include "proto/base/digest.h"
#include "proto/base/fd.h"
#include "proto/base/mutex.h"

namespace smslab::testing {
namespace {

struct Inode {  // under Disk::mu
  std::string bytes;
  size_t durable = 0;  // so many of them
};
using InodePtr = std::shared_ptr<Inode>;  // null for a folder
using Names = std::map<std::string, InodePtr>;

struct Step {
  enum class Kind { kPut, kRename, kRemove } kind;
  std::string path;
  std::string to;  // kRename
  InodePtr inode;  // kPut
};

bool below(const std::string& path, const std::string& folder) {
  return path == folder || path.starts_with(folder == "/" ? folder : folder + "/");
}

std::string parent(const std::string& path) { return path.substr(0, std::max<size_t>(path.rfind('/'), 1)); }

void make_parents(Names* names, const std::string& path) {
  for (std::string at = parent(path); names->try_emplace(at, nullptr).second;) at = parent(at);
}

void take_step(Names* names, const Step& step) {
  switch (step.kind) {
    case Step::Kind::kPut:
      make_parents(names, step.path);
      (*names)[step.path] = step.inode;
      break;
    case Step::Kind::kRename: {
      const auto node = names->extract(step.path);
      if (node.empty()) break;  // its making was lost
      make_parents(names, step.to);
      (*names)[step.to] = node.mapped();
      break;
    }
    case Step::Kind::kRemove:
      std::erase_if(*names, [&](const auto& name) { return below(name.first, step.path); });
      break;
  }
}

Status error(int code, const std::string& what, const std::string& path) {
  return from_errno(code, "cannot " + what + " " + path);
}

}  // namespace

struct MemEnv::Disk {
  mutable Mutex mu;
  Names names GUARDED_BY(mu) = {{"/", nullptr}};
  Names durable GUARDED_BY(mu) = {{"/", nullptr}};
  std::vector<Step> steps GUARDED_BY(mu);  // since a barrier
  std::set<std::string> locked GUARDED_BY(mu);

  void take(Step step) REQUIRES(mu) {
    take_step(&names, step);
    steps.push_back(std::move(step));
  }
  bool is_folder(const std::string& path) const REQUIRES(mu) {
    const auto found = names.find(path);
    return found != names.end() && !found->second;
  }
};

namespace {

class MemReadable final : public ReadableFile {
 public:
  MemReadable(std::shared_ptr<MemEnv::Disk> disk, InodePtr inode, uint64_t size)
      : disk_(std::move(disk)), inode_(std::move(inode)), size_(size) {}
  Result<size_t> pread(uint64_t offset, std::span<char> buffer) const override {
    MutexLock lock(disk_->mu);
    if (offset >= inode_->bytes.size()) return size_t{0};
    return inode_->bytes.copy(buffer.data(), buffer.size(), offset);
  }
  uint64_t size() const override { return size_; }
  int fd() const override {
    MutexLock lock(disk_->mu);
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
    MutexLock lock(disk_->mu);
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
    MutexLock lock(disk_->mu);
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
  MutexLock lock(disk_->mu);
  std::mt19937_64 draw(seed);
  Names names = disk_->durable;
  const size_t kept = disk_->steps.empty() ? 0 : draw() % (disk_->steps.size() + 1);
  for (size_t i = 0; i < disk_->steps.size(); i++) {
    if (loss == Loss::kTail ? i < kept : loss == Loss::kAny && draw() % 2 == 0) take_step(&names, disk_->steps[i]);
  }
  for (auto& [path, inode] : names) {
    if (!inode || inode->durable == inode->bytes.size()) continue;
    const size_t open = inode->bytes.size() - inode->durable;
    const bool zeros = draw() % 2 == 0;
    inode->bytes.resize(inode->durable + (loss == Loss::kEverything ? 0 : draw() % (open + 1)));
    if (zeros) std::fill(inode->bytes.begin() + static_cast<std::ptrdiff_t>(inode->durable), inode->bytes.end(), '\0');
    inode->durable = inode->bytes.size();
  }
  disk_->names = names;
  disk_->durable = std::move(names);
  disk_->steps.clear();
}

std::string MemEnv::listing(const std::string& folder) const {
  MutexLock lock(disk_->mu);
  std::string text;
  for (const auto& [path, inode] : disk_->names) {
    if (!below(path, folder)) continue;
    text += path;
    text +=
        inode ? " " + std::to_string(inode->bytes.size()) + " " + digest_hex(Algorithm::kSha256, inode->bytes) : "/";
    text += '\n';
  }
  return text;
}

void MemEnv::write(const std::string& path, const std::string& bytes) {
  MutexLock lock(disk_->mu);
  make_parents(&disk_->names, path);
  disk_->take({Step::Kind::kPut, path, {}, std::make_shared<Inode>(Inode{bytes, 0})});
}

std::string MemEnv::read(const std::string& path) const {
  MutexLock lock(disk_->mu);
  const auto found = disk_->names.find(path);
  return found == disk_->names.end() || !found->second ? std::string() : found->second->bytes;
}

Result<std::unique_ptr<ReadableFile>> MemEnv::open(const std::string& path) {
  MutexLock lock(disk_->mu);
  const auto found = disk_->names.find(path);
  if (found == disk_->names.end()) return error(ENOENT, "open", path);
  if (!found->second) return invalid_argument(path + " is not a file");
  return std::unique_ptr<ReadableFile>(
      std::make_unique<MemReadable>(disk_, found->second, found->second->bytes.size()));
}

Result<std::unique_ptr<WritableFile>> MemEnv::create(const std::string& path) {
  MutexLock lock(disk_->mu);
  if (!disk_->is_folder(parent(path))) return error(ENOENT, "create", path);
  if (disk_->is_folder(path)) return error(EISDIR, "create", path);
  auto inode = std::make_shared<Inode>();
  disk_->take({Step::Kind::kPut, path, {}, inode});
  return std::unique_ptr<WritableFile>(std::make_unique<MemWritable>(disk_, std::move(inode)));
}

Result<std::unique_ptr<WritableFile>> MemEnv::open_append(const std::string& path) {
  {
    MutexLock lock(disk_->mu);
    const auto found = disk_->names.find(path);
    if (found != disk_->names.end() && found->second) {
      return std::unique_ptr<WritableFile>(std::make_unique<MemWritable>(disk_, found->second));
    }
  }
  return create(path);
}

Result<FileInfo> MemEnv::info(const std::string& path) {
  MutexLock lock(disk_->mu);
  const auto found = disk_->names.find(path);
  if (found == disk_->names.end()) return error(ENOENT, "look at", path);
  const LabTime modified(std::chrono::seconds(1'164'139'200));  // 2006-11-21T20:00:00Z
  if (!found->second) return FileInfo{FileType::kFolder, 0, modified};
  return FileInfo{FileType::kFile, found->second->bytes.size(), modified};
}

Result<FileInfo> MemEnv::link_info(const std::string& path) { return info(path); }

Result<std::vector<FolderEntry>> MemEnv::list(const std::string& path) {
  MutexLock lock(disk_->mu);
  const auto found = disk_->names.find(path);
  if (found == disk_->names.end()) return error(ENOENT, "list", path);
  if (found->second) return error(ENOTDIR, "list", path);
  std::vector<FolderEntry> entries;
  const std::string prefix = path == "/" ? path : path + "/";
  for (const auto& [name, inode] : disk_->names) {
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
  MutexLock lock(disk_->mu);
  for (size_t at = 1; at <= path.size(); at++) {
    if (at < path.size() && path[at] != '/') continue;
    const std::string part = path.substr(0, at);
    if (disk_->is_folder(part)) continue;
    if (disk_->names.contains(part)) return invalid_argument(part + " is not a folder");
    disk_->take({Step::Kind::kPut, part, {}, nullptr});
  }
  return ok_status();
}

Status MemEnv::rename(const std::string& from, const std::string& to) {
  MutexLock lock(disk_->mu);
  const auto found = disk_->names.find(from);
  if (found == disk_->names.end() || !disk_->is_folder(parent(to))) return error(ENOENT, "rename", from);
  if (!found->second || disk_->is_folder(to)) return error(EISDIR, "rename", from);  // files only
  disk_->take({Step::Kind::kRename, from, to, nullptr});
  return ok_status();
}

Status MemEnv::remove_file(const std::string& path) {
  MutexLock lock(disk_->mu);
  if (!disk_->names.contains(path)) return error(ENOENT, "remove", path);
  if (disk_->is_folder(path)) return error(EISDIR, "remove", path);
  disk_->take({Step::Kind::kRemove, path, {}, nullptr});
  return ok_status();
}

// One step for each name, deepest first, as the real one does it.
Status MemEnv::remove_tree(const std::string& path) {
  MutexLock lock(disk_->mu);
  std::vector<std::string> doomed;
  for (const auto& [name, inode] : disk_->names) {
    if (below(name, path)) doomed.push_back(name);
  }
  for (auto name = doomed.rbegin(); name != doomed.rend(); ++name) {
    disk_->take({Step::Kind::kRemove, *name, {}, nullptr});
  }
  return ok_status();
}

Status MemEnv::barrier(const std::string& folder) {
  MutexLock lock(disk_->mu);
  if (!disk_->is_folder(folder)) return error(ENOENT, "sync", folder);
  std::vector<Step> open;
  for (Step& step : disk_->steps) {
    if (below(step.path, folder) || (!step.to.empty() && below(step.to, folder))) {
      take_step(&disk_->durable, step);
    } else {
      open.push_back(std::move(step));
    }
  }
  disk_->steps = std::move(open);
  for (const auto& [path, inode] : disk_->names) {
    if (inode && below(path, folder)) inode->durable = inode->bytes.size();
  }
  return ok_status();
}

Result<uint64_t> MemEnv::free_bytes(const std::string&) { return uint64_t{1} << 40; }

Result<std::unique_ptr<FolderLock>> MemEnv::lock_folder(const std::string& folder) {
  MutexLock lock(disk_->mu);
  if (!disk_->is_folder(folder)) return error(ENOENT, "lock", folder);
  if (!disk_->locked.insert(folder).second) return failed_precondition("another smslab uses the folder " + folder);
  return std::unique_ptr<FolderLock>(std::make_unique<MemLock>(disk_, folder));
}

}  // namespace smslab::testing
