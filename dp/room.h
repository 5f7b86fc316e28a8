// Room: how much of its disk a DP is to believe in, when a fault wants it full.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

namespace smslab::dp {

// What a fault leaves of the disk for one version of a package.
struct Room {
  uint64_t bytes = 0;
  bool known = false;  // before anything is sent, so the offer is refused; else it shows when they are used up
};
// Asked with each offer; nullopt: the disk is as it is. On a thread that may block.
using RoomFor = std::function<std::optional<Room>(const std::string& package_id, uint32_t version)>;

}  // namespace smslab::dp
