// Ladders: what the site said while it did one thing to a package, as numbers of status messages in their order: of
// each distribution point by its name, and under "" of the package as a whole (docs/site.md).
#pragma once

#include <map>
#include <string>
#include <vector>

#include "proto/schema/control.pb.h"

namespace smslab::test::soak {

using Ladders = std::map<std::string, std::string>;

inline constexpr const char* kCopied = "2342 2329 2330";

// Of those messages that no client sent.
Ladders ladders_of(const v1::StatusMessageList& list);
std::string to_string(const Ladders& ladders);
// What is said of the package, and of each DP.
Ladders ladders(const std::string& whole, const std::vector<std::string>& dps, const std::string& each);

}  // namespace smslab::test::soak
