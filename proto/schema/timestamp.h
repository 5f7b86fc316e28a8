// LabTime <-> google.protobuf.Timestamp, to the millisecond.
#pragma once

#include <google/protobuf/timestamp.pb.h>

#include "proto/base/clock.h"

namespace smslab {

inline google::protobuf::Timestamp to_timestamp(LabTime time) {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(time);
  google::protobuf::Timestamp out;
  out.set_seconds(seconds.time_since_epoch().count());
  out.set_nanos(static_cast<int32_t>((time - seconds).count() * 1'000'000));
  return out;
}

inline LabTime from_timestamp(const google::protobuf::Timestamp& time) {
  return LabTime(std::chrono::seconds(time.seconds())) + std::chrono::milliseconds(time.nanos() / 1'000'000);
}

}  // namespace smslab
