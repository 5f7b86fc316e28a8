// Outcome: how a step of the client ended, in the codes that its logs and status messages carry (facts: protocol 9,
// semantics 4.4 and 9).
//
//   Outcome done = dts.transfer_file(job);
//   if (!done.ok()) log.error("... error " + to_text(done.code));      // "0x80190194"
#pragma once

#include <cstdint>
#include <string>

#include "proto/base/status.h"

namespace smslab::client {

enum class ErrorCode : uint32_t {
  kNone = 0,
  kFail = 0x80004005,
  kExecMgrFatal = 0x80008602,  // content failed; the program is not retried
  kCtmReply = 0x80040215,      // CTM: DTS replied with an error
  kAccessDenied = 0x80070005,
  kInvalidParameter = 0x80070057,  // also: a path that the cache cannot hold
  kDiskFull = 0x80070070,
  kServiceDisabled = 0x80070422,  // BITS is off
  kNotReachable = 0x800704CF,
  kHashMismatch = 0x80091007,
  kDisconnected = 0x80200010,
  kMissingSize = 0x80200011,  // HEAD gave no usable size
  kNoRanges = 0x80200013,     // GET did not honour the range
  kTransient = 0x87D00231,    // a message could not be delivered to the MP
  kBadHttpStatus = 0x87D0027E,
};

constexpr ErrorCode http_error(int status) {
  return static_cast<ErrorCode>(0x80190000U + static_cast<uint32_t>(status));
}
std::string to_text(ErrorCode code);  // "0x80091007"

struct [[nodiscard]] Outcome {
  ErrorCode code = ErrorCode::kNone;
  std::string why;  // for people

  bool ok() const { return code == ErrorCode::kNone; }
};

// What a failure of the client's own disk is to a client.
Outcome disk_outcome(const Status& status);

}  // namespace smslab::client
