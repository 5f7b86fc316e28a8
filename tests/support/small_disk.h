// SmallDisk: a real tmpfs of a few MB in place of a folder, which a test fills and empties.
//
//   SmallDisk disk(folder / "data", size_t{16} << 20);
//   ASSERT_EQ(disk.problem(), "");
//   disk.fill();                // no byte is left
//   disk.drain();               // what fill() took is free again
//
// Mounted in a mount namespace of the test's own, which own_mounts() makes: as root with CLONE_NEWNS, as anybody else
// in a user namespace. Where neither is allowed (a plain container), the folder is a link into /dev/shm, if that is a
// tmpfs small enough to be filled. Where there is nothing of all this, problem() says what to do; no test is skipped.
#pragma once

#include <cstdint>
#include <string>

namespace smslab::test {

// Before the process has a second thread, once; an empty text, or why there is no namespace. Children inherit it.
std::string own_mounts();

class SmallDisk {
 public:
  SmallDisk(std::string folder, uint64_t bytes);  // makes the folder
  ~SmallDisk();
  SmallDisk(const SmallDisk&) = delete;
  SmallDisk& operator=(const SmallDisk&) = delete;

  const std::string& folder() const { return folder_; }
  const std::string& problem() const { return problem_; }
  uint64_t free_bytes() const;
  void fill(uint64_t leave = 0);  // but for so many bytes, to a page
  void drain();

 private:
  bool mount(uint64_t bytes);
  bool borrow(uint64_t bytes);

  const std::string folder_;
  std::string problem_;
  std::string borrowed_;  // the folder in /dev/shm
  bool mounted_ = false;
};

}  // namespace smslab::test
