// PowerEnv: the real file system, with a power switch for one folder of it.
//
//   PowerEnv env(folder);                                       // what is there now is durable
//   FaultyEnv counted(env);
//   counted.die_after(17, [&] { env.cut_power(Loss::kAny, seed); });     // in a process that is there to die
//
// The files are real; a hard link of each is kept beside the folder, so that what was replaced or removed can be had
// again. What no barrier covered, names and bytes, is undone as DiskNames says when the power is cut; a barrier is
// noted and not carried out. Files that do not come by way of an Env are left alone: the index, whose commits LMDB
// makes durable before they are told of (a cut between two of its writes is what a kill at random is for), the folder's
// lock, and a journal, which promises nothing after a power cut. Thread-safe.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "tests/support/disk_names.h"
#include "tests/support/forwarding_env.h"

namespace smslab::testing {

class PowerEnv final : public ForwardingEnv {
 public:
  explicit PowerEnv(std::string folder);
  ~PowerEnv() override;

  // Undoes what was not durable and ends the process (SIGKILL). Nobody else gets to the files meanwhile.
  [[noreturn]] void cut_power(Loss loss, uint64_t seed);

  Result<std::unique_ptr<WritableFile>> create(const std::string& path) override;
  Result<std::unique_ptr<WritableFile>> open_append(const std::string& path) override;
  Status make_folders(const std::string& path) override;
  Status rename(const std::string& from, const std::string& to) override;
  Status remove_file(const std::string& path) override;
  Status remove_tree(const std::string& path) override;
  Status barrier(const std::string& folder) override;

  class Disk;

 private:
  const std::shared_ptr<Disk> disk_;
};

}  // namespace smslab::testing
