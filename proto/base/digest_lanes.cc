#include "proto/base/digest_lanes.h"

#include <algorithm>

#include "proto/base/hex.h"

namespace smslab {

DigestLanes::DigestLanes() {
  for (size_t lane = 0; lane < kLanes; lane++) threads_[lane] = std::thread([this, lane] { run(lane); });
}

DigestLanes::~DigestLanes() {
  {
    const MutexLock lock(mu_);
    over_ = true;
    changed_.notify_all();
  }
  for (auto& thread : threads_) {
    if (thread.joinable()) thread.join();
  }
}

uint64_t DigestLanes::slowest() const { return *std::ranges::min_element(digested_); }

std::span<char> DigestLanes::room() {
  MutexLock lock(mu_);
  while (filled_ - slowest() == kSlots) changed_.wait(lock);
  Slot& slot = slots_[filled_ % kSlots];
  slot.bytes.resize(kSlotBytes);
  return slot.bytes;
}

std::string_view DigestLanes::put(size_t bytes) {
  const MutexLock lock(mu_);
  Slot& slot = slots_[filled_ % kSlots];
  slot.size = bytes;
  filled_++;
  changed_.notify_all();
  return {slot.bytes.data(), bytes};
}

void DigestLanes::run(size_t lane) {
  while (true) {
    const Slot* slot = nullptr;
    {
      MutexLock lock(mu_);
      while (digested_[lane] == filled_ && !over_) changed_.wait(lock);
      if (digested_[lane] == filled_) return;
      slot = &slots_[digested_[lane] % kSlots];
    }
    const std::string_view bytes(slot->bytes.data(), slot->size);
    if (lane == 0) {
      md5_.update(bytes);
    } else {
      sha1_.update(bytes);
      sha256_.update(bytes);
    }
    const MutexLock lock(mu_);
    digested_[lane]++;
    changed_.notify_all();
  }
}

ContentDigests DigestLanes::finish() {
  {
    const MutexLock lock(mu_);
    over_ = true;
    changed_.notify_all();
  }
  for (auto& thread : threads_) thread.join();
  return {to_hex(md5_.finish()), to_hex(sha1_.finish()), to_hex(sha256_.finish())};
}

}  // namespace smslab
