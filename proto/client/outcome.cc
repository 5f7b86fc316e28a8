#include "proto/client/outcome.h"

#include <fmt/format.h>

namespace smslab::client {

std::string to_text(ErrorCode code) { return fmt::format("0x{:08X}", static_cast<uint32_t>(code)); }

Outcome disk_outcome(const Status& status) {
  switch (status.code()) {
    case Code::kOk: return {};
    case Code::kNoSpace: return {ErrorCode::kDiskFull, status.message()};
    case Code::kInvalidArgument: return {ErrorCode::kInvalidParameter, status.message()};
    default: return {ErrorCode::kAccessDenied, status.message()};
  }
}

}  // namespace smslab::client
