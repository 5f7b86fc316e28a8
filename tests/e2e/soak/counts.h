// Counts: what a soak has done so far. Each may be raised from any thread.
#pragma once

#include <atomic>
#include <cstdint>

namespace smslab::test::soak {

struct Counts {
  using Number = std::atomic<uint64_t>;
  // what administrators did, and saw carried out
  Number imports = 0, updates = 0, refreshes = 0, distributions = 0, removals = 0, deletions = 0, full_disks = 0;
  Number faults = 0, ladders = 0;
  Number unanswered = 0;  // orders that a kill left without an answer
  // what clients did
  Number requests = 0, bytes = 0, resumed = 0, listings = 0, locations = 0, left = 0;
  Number faulty = 0;   // replies that a fault explains
  Number absent = 0;   // 404
  Number cut_off = 0;  // by a kill
  Number real_runs = 0;
  Number kills = 0, checks = 0;  // checks: fsck
};

}  // namespace smslab::test::soak
