// Occasion: one request, or one connection, as rules see it. Who asks is what is known of the sender: MP messages carry
// a name and an ID; of a DP's client only its address is seen, and whose that is was learned from its MP messages.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "proto/base/clock.h"
#include "proto/schema/fault.pb.h"

namespace smslab::fault {

struct Occasion {
  v1::FaultMatch::Role role = v1::FaultMatch::MP;
  std::string dp;  // name, when the role is DP
  std::string client, smsid, address;
  std::string route, method;
  std::string package, file;
  uint32_t version = 0;
  uint64_t first = 0;            // of the bytes asked for
  std::optional<uint64_t> last;  // to the end when absent
  bool resumes = false;          // a Range that begins behind byte 0 was asked for, whatever came of it
  LabTime now;

  // Whom counts are kept for.
  const std::string& who() const { return client.empty() ? address : client; }
  // What they are kept of: one string for route, method, package, version and file, so that a
  // client's HEAD does not use up what its GET is to meet.
  std::string resource() const;
};

}  // namespace smslab::fault
