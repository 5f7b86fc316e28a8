// at_once: independent work on several threads.
//
//   at_once(files.size(), 4, [&](size_t i) { read(files[i]); });
//
// Calls `act` for 0 ... count - 1, each once, taken in this order by so many threads, the caller's among them. Returns
// when all are done. `act` throws nothing.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <functional>
#include <thread>
#include <vector>

namespace smslab {

inline void at_once(size_t count, size_t threads, const std::function<void(size_t)>& act) {
  std::atomic<size_t> next = 0;
  const auto work = [&] {
    for (size_t i = next++; i < count; i = next++) act(i);
  };
  std::vector<std::thread> others;
  for (size_t n = 1; n < std::min(threads, count); n++) others.emplace_back(work);
  work();
  for (std::thread& other : others) other.join();
}

}  // namespace smslab
