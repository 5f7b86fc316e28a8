// FaultyEnv: an Env that fails where it is told to, over another one.
//
//   FaultyEnv env(mem);
//   env.fail(FaultyEnv::Call::kBarrier, 1, Status(Code::kNoSpace, "the disk is full"));   // the next barrier
//   env.die_after(17);       // 17 calls more, then the process is as good as killed: nothing reaches the disk any more
//   env.die_after(17, [] { ::raise(SIGKILL); });        // or is killed indeed: for a process that is there for that
//
// Reads and writes of the files it gave out count too. A write that death meets gets half of its bytes out.
// Thread-safe; its files may outlive it.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "tests/support/forwarding_env.h"

namespace smslab::testing {

class FaultyEnv final : public ForwardingEnv {
 public:
  enum class Call {
    kOpen,
    kRead,
    kCreate,  // open_append too
    kAppend,
    kClose,
    kInfo,  // link_info too
    kList,
    kRealPath,
    kMakeFolders,
    kRename,
    kRemove,  // files and trees
    kBarrier,
    kLock,
  };

  explicit FaultyEnv(Env& under);
  ~FaultyEnv() override;

  void fail(Call call, uint64_t nth, Status status);  // the nth from now of its kind, once; 1 is the next
  void die_after(uint64_t calls);                     // from now
  // `death` runs in the call that is one too many, which waits for it as all others do, and does not return.
  void die_after(uint64_t calls, std::function<void()> death);
  bool dead() const;
  uint64_t calls() const;  // so far
  uint64_t calls(Call call) const;

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
  Result<std::unique_ptr<FolderLock>> lock_folder(const std::string& folder) override;

  class Plan;

 private:
  Result<std::unique_ptr<WritableFile>> wrap(Result<std::unique_ptr<WritableFile>> file) const;

  const std::shared_ptr<Plan> plan_;
};

}  // namespace smslab::testing
