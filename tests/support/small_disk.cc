#include "tests/support/small_disk.h"

#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/statfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "proto/base/fd.h"

namespace smslab::test {
namespace {
namespace fs = std::filesystem;

constexpr uint64_t kPage = 4096;
constexpr uint64_t kMostToFill = uint64_t{256} << 20;  // of somebody else's tmpfs
constexpr long kTmpfs = 0x01021994;
constexpr const char* kShared = "/dev/shm";

std::string& namespace_problem() {
  static std::string problem = "own_mounts() was not called";
  return problem;
}

std::string with_errno(const std::string& what) { return what + ": " + std::strerror(errno); }

bool say(const std::string& path, const std::string& text) {
  std::ofstream out(path);
  return static_cast<bool>(out << text << std::flush);
}

uint64_t free_of(const std::string& folder) {
  struct statfs info {};
  return ::statfs(folder.c_str(), &info) == 0 ? info.f_bavail * static_cast<uint64_t>(info.f_bsize) : 0;
}

// Writes until so many bytes are free, or none.
void take(const std::string& path, const std::string& folder, uint64_t leave) {
  const UniqueFd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
  const std::string zeros(kPage, '\0');
  while (free_of(folder) >= leave + kPage && ::write(file.get(), zeros.data(), zeros.size()) > 0) continue;
}

// The user keeps the numbers that files show; within, mounting is allowed.
std::string own_user() {
  const std::string user = std::to_string(::geteuid()), group = std::to_string(::getegid());
  if (::unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0) return with_errno("no user namespace");
  say("/proc/self/setgroups", "deny");
  const bool mapped =
      say("/proc/self/uid_map", user + " " + user + " 1") && say("/proc/self/gid_map", group + " " + group + " 1");
  return mapped ? "" : "no user in the user namespace";
}
}  // namespace

std::string own_mounts() {
  std::string& problem = namespace_problem();
  problem = ::geteuid() == 0 && ::unshare(CLONE_NEWNS) == 0 ? "" : own_user();
  if (problem.empty() && ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) {
    problem = with_errno("no mounts of its own");
  }
  return problem;
}

SmallDisk::SmallDisk(std::string folder, uint64_t bytes) : folder_(std::move(folder)) {
  fs::create_directories(fs::path(folder_).parent_path());
  if (mount(bytes)) return;
  if (borrow(bytes)) {
    problem_.clear();
    return;
  }
  problem_ = "no tmpfs can be had here (" + problem_ + "; " + kShared +
             " is no small tmpfs). Run this test as root, or where user namespaces are allowed (sysctl "
             "kernel.unprivileged_userns_clone=1, user.max_user_namespaces), or in a container with --shm-size=64m";
}

SmallDisk::~SmallDisk() {
  std::error_code ignored;
  if (mounted_) ::umount2(folder_.c_str(), MNT_DETACH);
  if (!borrowed_.empty()) fs::remove_all(borrowed_, ignored);
  fs::remove(folder_, ignored);
}

bool SmallDisk::mount(uint64_t bytes) {
  if (!namespace_problem().empty()) {
    problem_ = namespace_problem();
    return false;
  }
  fs::create_directory(folder_);
  mounted_ = ::mount("tmpfs", folder_.c_str(), "tmpfs", 0, ("size=" + std::to_string(bytes)).c_str()) == 0;
  if (!mounted_) problem_ = with_errno("no mount");
  if (!mounted_) fs::remove(folder_);
  return mounted_;
}

bool SmallDisk::borrow(uint64_t bytes) {
  struct statfs info {};
  if (::statfs(kShared, &info) != 0 || info.f_type != kTmpfs) return false;
  if (info.f_blocks * static_cast<uint64_t>(info.f_bsize) > kMostToFill || free_of(kShared) < bytes) return false;
  std::string folder = std::string(kShared) + "/smslab.XXXXXX";
  if (::mkdtemp(folder.data()) == nullptr) return false;
  borrowed_ = folder;
  fs::create_directory(borrowed_ + "/disk");
  fs::create_directory_symlink(borrowed_ + "/disk", folder_);
  take(borrowed_ + "/ballast", kShared, bytes);
  return true;
}

uint64_t SmallDisk::free_bytes() const { return free_of(folder_); }
void SmallDisk::fill(uint64_t leave) { take(folder_ + "/filler", folder_, leave); }
void SmallDisk::drain() { fs::remove(folder_ + "/filler"); }

}  // namespace smslab::test
