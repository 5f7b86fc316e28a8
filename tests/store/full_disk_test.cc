// The index on a disk without a free byte, which it does not have to itself. On a small tmpfs, in a process and a mount
// namespace of its own.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "proto/base/env.h"
#include "store/index.h"

namespace smslab::store {
namespace {

// Ends the process where something is not as it should be; its last words are in the test's output.
void must(bool so, const char* what) {
  if (so) return;
  std::perror(what);
  std::_Exit(1);
}

void mount_small_disk(const std::string& folder) {
  must(::unshare(::geteuid() == 0 ? CLONE_NEWNS : CLONE_NEWNS | CLONE_NEWUSER) == 0, "a mount namespace of its own");
  must(::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0, "mounts that nobody else sees");
  must(::mount("tmpfs", folder.c_str(), "tmpfs", 0, "size=8m") == 0, "a tmpfs");
}

void fill_disk(const std::string& folder) {
  const int file = ::open((folder + "/filler").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
  const std::string zeros(4096, '\0');
  while (::write(file, zeros.data(), zeros.size()) > 0) continue;
  must(errno == ENOSPC, "the end of the disk");
  ::close(file);
}

[[noreturn]] void live_on_a_full_disk(const std::string& folder) {
  mount_small_disk(folder);
  auto index = Index::open(folder + "/index", "default");
  must(index.ok(), "an index");
  const auto write = [&](const Index::Change& change) { return (*index)->write({change}).front(); };
  for (int n = 0; n < 20; n++) {
    must(write([&](WriteTxn& txn) { return txn.put("key" + std::to_string(n), std::string(10'000, 'x')); }).ok(),
         "put");
  }
  fill_disk(folder);
  {
    std::vector<ReadTxn> readers;
    for (int n = 0; n < 1000; n++) readers.push_back((*index)->read());
    must(readers.back().get("key7").ok(), "a thousand readers");
  }
  const Status refused = write([&](WriteTxn& txn) { return txn.put("large", std::string(6 << 20, 'x')); });
  must(refused.code() == Code::kNoSpace, "what does not fit is refused");
  must((*index)->read().get("large").status().code() == Code::kNotFound, "and leaves nothing");
  must(write([&](WriteTxn& txn) { return txn.erase("key7"); }).ok(), "what is gone can be said");
  must(!(*index)->read().get("key7").ok() && (*index)->read().get("key8").ok(), "and holds");
  index->reset();
  index = Index::open(folder + "/index", "default");
  must(index.ok() && (*index)->read().get("key8").ok(), "open again");
  std::_Exit(0);
}

TEST(FullDisk, KillsNobodyAndTakesWhatFrees) {
  std::string folder = ::testing::TempDir() + "smslab-full-XXXXXX";
  ASSERT_NE(::mkdtemp(folder.data()), nullptr);
  EXPECT_EXIT(live_on_a_full_disk(folder), testing::ExitedWithCode(0), "");
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace smslab::store
