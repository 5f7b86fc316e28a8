#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstdlib>
#include <cstring>

#include "proto/base/env.h"
#include "proto/base/fd.h"

namespace smslab {
namespace {

FileType type_of(mode_t mode) {
  if (S_ISREG(mode)) return FileType::kFile;
  if (S_ISDIR(mode)) return FileType::kFolder;
  if (S_ISLNK(mode)) return FileType::kLink;
  return FileType::kOther;
}

// A file system can hold times that no text form here can say; the nearest one stands for them.
FileInfo info_of(const struct stat& st) {
  constexpr int64_t kFirst = -11'644'473'600, kLast = 253'402'300'799;  // seconds: the years 1601 to 9999
  const int64_t seconds = std::clamp<int64_t>(st.st_mtim.tv_sec, kFirst, kLast);
  return {type_of(st.st_mode), static_cast<uint64_t>(st.st_size),
          LabTime(std::chrono::milliseconds(seconds * 1000 + st.st_mtim.tv_nsec / 1'000'000))};
}

class PosixReadable final : public ReadableFile {
 public:
  PosixReadable(UniqueFd fd, uint64_t size, std::string path)
      : fd_(std::move(fd)), size_(size), path_(std::move(path)) {}
  Result<size_t> pread(uint64_t offset, std::span<char> buffer) const override {
    while (true) {
      const ssize_t n = ::pread(fd_.get(), buffer.data(), buffer.size(), static_cast<off_t>(offset));
      if (n >= 0) return static_cast<size_t>(n);
      if (errno != EINTR) return from_errno(errno, "cannot read " + path_);
    }
  }
  uint64_t size() const override { return size_; }
  int fd() const override { return fd_.get(); }
  Status share() const override {
    struct flock record {};  // a lock of fcntl: only looked at
    record.l_type = F_RDLCK;
    record.l_whence = SEEK_SET;
    const bool recorded = ::fcntl(fd_.get(), F_OFD_GETLK, &record) == 0 && record.l_type != F_UNLCK;
    // Where a file system has no locks, nobody holds one.
    const bool held = ::flock(fd_.get(), LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
    if (!recorded && !held) return ok_status();
    return {Code::kAborted, path_ + " is locked by another program"};
  }

 private:
  const UniqueFd fd_;
  const uint64_t size_;
  const std::string path_;
};

class PosixWritable final : public WritableFile {
 public:
  PosixWritable(UniqueFd fd, std::string path) : fd_(std::move(fd)), path_(std::move(path)) {}
  Status append(std::string_view bytes) override {
    while (!bytes.empty()) {
      const ssize_t n = ::write(fd_.get(), bytes.data(), bytes.size());
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return from_errno(errno, "cannot write " + path_);
      bytes.remove_prefix(static_cast<size_t>(n));
      dirty_ += n;
    }
    // The disk begins now what the next barrier would wait for. No promise, so no error either.
    if (dirty_ >= kAhead) {
      (void)::sync_file_range(fd_.get(), 0, 0, SYNC_FILE_RANGE_WRITE);
      dirty_ = 0;
    }
    return ok_status();
  }
  Status close() override {
    const int fd = fd_.release();
    return fd >= 0 && ::close(fd) != 0 ? from_errno(errno, "cannot close " + path_) : ok_status();
  }

 private:
  static constexpr ssize_t kAhead = ssize_t{8} << 20;
  UniqueFd fd_;
  const std::string path_;
  ssize_t dirty_ = 0;  // bytes that nobody has asked the disk for
};

class PosixLock final : public FolderLock {
 public:
  explicit PosixLock(UniqueFd fd) : fd_(std::move(fd)) {}

 private:
  const UniqueFd fd_;
};

class PosixEnv final : public Env {
 public:
  Result<std::unique_ptr<ReadableFile>> open(const std::string& path) override {
    UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));  // a FIFO must not hang us
    struct stat st {};
    if (!fd || ::fstat(fd.get(), &st) != 0) return from_errno(errno, "cannot open " + path);
    if (!S_ISREG(st.st_mode)) return invalid_argument(path + " is not a file");
    return std::unique_ptr<ReadableFile>(
        std::make_unique<PosixReadable>(std::move(fd), static_cast<uint64_t>(st.st_size), path));
  }
  Result<std::unique_ptr<WritableFile>> create(const std::string& path) override {
    return writable(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC);
  }
  Result<std::unique_ptr<WritableFile>> open_append(const std::string& path) override {
    return writable(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC);
  }
  Result<FileInfo> info(const std::string& path) override {
    struct stat st {};
    if (::stat(path.c_str(), &st) != 0) return from_errno(errno, "cannot look at " + path);
    return info_of(st);
  }
  Result<FileInfo> link_info(const std::string& path) override {
    struct stat st {};
    if (::lstat(path.c_str(), &st) != 0) return from_errno(errno, "cannot look at " + path);
    return info_of(st);
  }
  Result<std::vector<FolderEntry>> list(const std::string& path) override {
    DIR* folder = ::opendir(path.c_str());
    if (folder == nullptr) return from_errno(errno, "cannot list " + path);
    std::vector<FolderEntry> entries;
    errno = 0;
    while (const dirent* entry = ::readdir(folder)) {  // NOLINT(concurrency-mt-unsafe): one DIR, one thread
      const std::string_view name = entry->d_name;
      if (name == "." || name == "..") continue;
      FileType type = FileType::kOther;
      switch (entry->d_type) {
        case DT_REG: type = FileType::kFile; break;
        case DT_DIR: type = FileType::kFolder; break;
        case DT_LNK: type = FileType::kLink; break;
        case DT_UNKNOWN: {
          struct stat st {};
          if (::fstatat(::dirfd(folder), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0) type = type_of(st.st_mode);
          break;
        }
        default: break;
      }
      entries.push_back({std::string(name), type});
      errno = 0;
    }
    const int error = errno;
    ::closedir(folder);
    if (error != 0) return from_errno(error, "cannot list " + path);
    std::sort(entries.begin(), entries.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
    return entries;
  }
  Result<std::string> real_path(const std::string& path) override {
    char buffer[PATH_MAX];
    if (::realpath(path.c_str(), buffer) == nullptr) return from_errno(errno, "cannot resolve " + path);
    return std::string(buffer);
  }
  Status make_folders(const std::string& path) override {
    for (size_t at = 1; at <= path.size(); at++) {
      if (at < path.size() && path[at] != '/') continue;
      const std::string part = path.substr(0, at);
      if (::mkdir(part.c_str(), 0755) != 0 && errno != EEXIST) return from_errno(errno, "cannot make folder " + part);
    }
    struct stat st {};
    if (::stat(path.c_str(), &st) != 0) return from_errno(errno, "cannot look at " + path);
    return S_ISDIR(st.st_mode) ? ok_status() : invalid_argument(path + " is not a folder");
  }
  Status rename(const std::string& from, const std::string& to) override {
    return ::rename(from.c_str(), to.c_str()) == 0 ? ok_status()
                                                   : from_errno(errno, "cannot rename " + from + " to " + to);
  }
  Status link(const std::string& from, const std::string& to) override {
    return ::link(from.c_str(), to.c_str()) == 0 ? ok_status() : from_errno(errno, "cannot link " + from);
  }
  Status remove_file(const std::string& path) override {
    return ::unlink(path.c_str()) == 0 ? ok_status() : from_errno(errno, "cannot remove " + path);
  }
  Status remove_tree(const std::string& path) override {
    struct stat st {};
    if (::lstat(path.c_str(), &st) != 0)
      return errno == ENOENT ? ok_status() : from_errno(errno, "cannot look at " + path);
    if (!S_ISDIR(st.st_mode)) return remove_file(path);
    ASSIGN_OR_RETURN(const auto entries, list(path));
    for (const auto& entry : entries) RETURN_IF_ERROR(remove_tree(path + "/" + entry.name));
    return ::rmdir(path.c_str()) == 0 ? ok_status() : from_errno(errno, "cannot remove " + path);
  }
  Status barrier(const std::string& folder) override {
    const UniqueFd fd(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!fd || ::syncfs(fd.get()) != 0) return from_errno(errno, "cannot sync " + folder);
    return ok_status();
  }
  Result<uint64_t> free_bytes(const std::string& folder) override {
    struct statvfs st {};
    if (::statvfs(folder.c_str(), &st) != 0) return from_errno(errno, "cannot look at " + folder);
    return uint64_t{st.f_bavail} * st.f_frsize;
  }
  Result<std::unique_ptr<FolderLock>> lock_folder(const std::string& folder) override {
    UniqueFd fd(::open((folder + "/lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644));
    if (!fd) return from_errno(errno, "cannot open " + folder + "/lock");
    if (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
      if (errno != EWOULDBLOCK) return from_errno(errno, "cannot lock " + folder);
      return failed_precondition("another smslab uses the folder " + folder + "; stop it or choose another --data");
    }
    return std::unique_ptr<FolderLock>(std::make_unique<PosixLock>(std::move(fd)));
  }

 private:
  static Result<std::unique_ptr<WritableFile>> writable(const std::string& path, int flags) {
    UniqueFd fd(::open(path.c_str(), flags, 0644));
    if (!fd) return from_errno(errno, "cannot create " + path);
    return std::unique_ptr<WritableFile>(std::make_unique<PosixWritable>(std::move(fd), path));
  }
};

}  // namespace

Status Env::link(const std::string& from, const std::string&) {
  return failed_precondition("there are no further names for " + from);
}

Env& posix_env() {
  static PosixEnv env;
  return env;
}

Result<std::string> read_file(Env& env, const std::string& path, uint64_t limit) {
  ASSIGN_OR_RETURN(const auto file, env.open(path));
  if (file->size() > limit)
    return Status(Code::kTooLarge, path + " is larger than " + std::to_string(limit) + " bytes");
  std::string bytes(file->size(), '\0');
  size_t at = 0;
  while (at < bytes.size()) {
    ASSIGN_OR_RETURN(const size_t n, file->pread(at, {bytes.data() + at, bytes.size() - at}));
    if (n == 0) break;
    at += n;
  }
  bytes.resize(at);
  return bytes;
}

Status write_file(Env& env, const std::string& path, std::string_view bytes) {
  const std::string temporary = path + ".tmp";
  ASSIGN_OR_RETURN(const auto file, env.create(temporary));
  RETURN_IF_ERROR(file->append(bytes));
  RETURN_IF_ERROR(file->close());
  return env.rename(temporary, path);
}

}  // namespace smslab
