// DigestLanes: the three digests of one long content, computed beside whoever reads it.
//
//   DigestLanes lanes;
//   while (true) {
//     const std::span<char> room = lanes.room();        // waits when the digests lag behind
//     const size_t n = read(room);
//     if (n == 0) break;
//     write(lanes.put(n));                              // the bytes, good until the next room()
//   }
//   ContentDigests digests = lanes.finish();
//
// MD5 takes as long as the other two together, so there are two threads. One owner; the threads end with it.
#pragma once

#include <array>
#include <span>
#include <string_view>
#include <thread>
#include <vector>

#include "proto/base/digest.h"
#include "proto/base/mutex.h"

namespace smslab {

class DigestLanes {
 public:
  DigestLanes();
  ~DigestLanes();

  std::span<char> room();
  std::string_view put(size_t bytes);  // so many of the last room() are there
  ContentDigests finish();             // once

 private:
  static constexpr size_t kSlots = 8, kSlotBytes = size_t{256} << 10;
  static constexpr size_t kLanes = 2;

  void run(size_t lane);
  uint64_t slowest() const REQUIRES(mu_);

  struct Slot {
    std::vector<char> bytes;
    size_t size = 0;
  };
  std::array<Slot, kSlots> slots_;  // one is the owner's, or the lanes' to read, by the counts below
  Hasher md5_{Algorithm::kMd5}, sha1_{Algorithm::kSha1}, sha256_{Algorithm::kSha256};  // its lane's
  Mutex mu_;
  CondVar changed_;
  uint64_t filled_ GUARDED_BY(mu_) = 0;                         // slots, since the beginning
  std::array<uint64_t, kLanes> digested_ GUARDED_BY(mu_) = {};  // of them, by each lane
  bool over_ GUARDED_BY(mu_) = false;
  std::array<std::thread, kLanes> threads_;
};

}  // namespace smslab
