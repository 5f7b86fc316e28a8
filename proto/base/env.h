// Env: the operating system's file system, as one argument.
//
// The product has one implementation (posix_env); tests have one in memory and one that fails where it is told to. All
// paths are absolute or relative to the process; results never throw. Durability is a barrier over everything written
// so far below a folder, not a sync per file: 10,000 small files cost one syncfs.
//
//   ASSIGN_OR_RETURN(auto file, env.create(path));
//   RETURN_IF_ERROR(file->append(bytes));
//   RETURN_IF_ERROR(file->close());
//   RETURN_IF_ERROR(env.barrier(folder));   // contents and folder entries below `folder` survive a power cut
//
// An Env is thread-safe; a file has one owner, but pread of a ReadableFile may be called from any thread.
// It lives in base because the reference client keeps a cache on disk too, and stands on proto alone.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "proto/base/clock.h"
#include "proto/base/status.h"

namespace smslab {

enum class FileType { kFile, kFolder, kLink, kOther };

struct FileInfo {
  FileType type = FileType::kFile;
  uint64_t size = 0;  // bytes
  LabTime modified;
};

struct FolderEntry {
  std::string name;
  FileType type = FileType::kFile;  // of the entry itself: a link is kLink
};

class ReadableFile {
 public:
  virtual ~ReadableFile() = default;
  // Reads at most buffer.size() bytes at `offset`; 0 only at the end.
  virtual Result<size_t> pread(uint64_t offset, std::span<char> buffer) const = 0;
  virtual uint64_t size() const = 0;  // when it was opened
  virtual int fd() const = 0;         // for sendfile; owned by this object
  // For a reader that wants the file as a whole: kAborted while another program holds an exclusive lock on it (flock,
  // or a write lock of fcntl), which is as near as this system comes to a file that is open for writing alone. Keeps
  // others from locking it so until this object goes.
  virtual Status share() const { return ok_status(); }
};

class WritableFile {
 public:
  virtual ~WritableFile() = default;  // closes; what was not barriered may be lost
  virtual Status append(std::string_view bytes) = 0;
  virtual Status close() = 0;
};

class FolderLock {
 public:
  virtual ~FolderLock() = default;  // releases
};

class Env {
 public:
  virtual ~Env() = default;

  virtual Result<std::unique_ptr<ReadableFile>> open(const std::string& path) = 0;
  virtual Result<std::unique_ptr<WritableFile>> create(const std::string& path) = 0;  // truncates what is there
  virtual Result<std::unique_ptr<WritableFile>> open_append(const std::string& path) = 0;
  virtual Result<FileInfo> info(const std::string& path) = 0;                  // follows links
  virtual Result<FileInfo> link_info(const std::string& path) = 0;             // does not
  virtual Result<std::vector<FolderEntry>> list(const std::string& path) = 0;  // in byte order of the names
  virtual Result<std::string> real_path(const std::string& path) = 0;          // links resolved
  virtual Status make_folders(const std::string& path) = 0;                   // and its parents; exists already is fine
  virtual Status rename(const std::string& from, const std::string& to) = 0;  // replaces `to`
  // `to` becomes another name of the file `from`; kFailedPrecondition where there are no such names.
  virtual Status link(const std::string& from, const std::string& to);
  virtual Status remove_file(const std::string& path) = 0;  // absent is kNotFound
  virtual Status remove_tree(const std::string& path) = 0;  // absent is fine; never follows a link
  // Everything written, renamed or removed below `folder` before this call is durable when it returns.
  virtual Status barrier(const std::string& folder) = 0;
  virtual Result<uint64_t> free_bytes(const std::string& folder) = 0;  // that this process may still write there
  // Exclusive between processes; kFailedPrecondition when another one holds it.
  virtual Result<std::unique_ptr<FolderLock>> lock_folder(const std::string& folder) = 0;
};

Env& posix_env();

// The whole of a small file; kTooLarge beyond `limit` bytes.
Result<std::string> read_file(Env& env, const std::string& path, uint64_t limit);
// Replaces `path` by way of a temporary neighbour and rename; not durable until a barrier.
Status write_file(Env& env, const std::string& path, std::string_view bytes);

}  // namespace smslab
