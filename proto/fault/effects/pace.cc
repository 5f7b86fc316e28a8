// Replies that are right and slow. All times are the lab's.
#include "proto/fault/effects.h"

namespace smslab::fault {
namespace {
constexpr uint64_t kMostMs = 24ULL * 3600 * 1000;  // of one delay: a day
constexpr uint64_t kSlicesASecond = 10;

Status check_time(uint64_t ms, const std::string& field) {
  if (ms > 0 && ms <= kMostMs) return ok_status();
  return invalid_argument("from 1 to 86400000 milliseconds", field);
}
}  // namespace

Status check_latency(const v1::FaultRule& rule) {
  const v1::Latency& latency = rule.latency();
  RETURN_IF_ERROR(check_time(latency.latency(), "latency.latency"));
  if (latency.jitter() <= latency.latency()) return ok_status();
  return invalid_argument("the jitter goes both ways, so it is at most the latency", "latency.jitter");
}

void latency(const Stroke& stroke) {
  const v1::Latency& latency = stroke.rule.latency();
  const uint64_t shift = latency.jitter() == 0 ? 0 : stroke.noise.below(2 * latency.jitter() + 1, "jitter");
  stroke.delivery->before += LabDuration(latency.latency() + shift - latency.jitter());
}

Status check_bandwidth(const v1::FaultRule& rule) {
  constexpr uint64_t kMost = 10'000'000;
  if (rule.bandwidth().rate() > 0 && rule.bandwidth().rate() <= kMost) return ok_status();
  return invalid_argument("from 1 to 10000000 KB a second", "bandwidth.rate");
}

void bandwidth(const Stroke& stroke) {
  stroke.delivery->slice = stroke.rule.bandwidth().rate() * 1000 / kSlicesASecond;
  stroke.delivery->pause = LabDuration(1000 / kSlicesASecond);
}

Status check_slicer(const v1::FaultRule& rule) {
  if (rule.slicer().average_size() == 0) return invalid_argument("a slice has at least one byte", "slicer.averageSize");
  return check_time(rule.slicer().delay(), "slicer.delay");
}

void slicer(const Stroke& stroke) {
  stroke.delivery->slice = stroke.rule.slicer().average_size();
  stroke.delivery->pause = LabDuration(stroke.rule.slicer().delay());
}

Status check_slow_close(const v1::FaultRule& rule) { return check_time(rule.slow_close().delay(), "slowClose.delay"); }

void slow_close(const Stroke& stroke) {
  stroke.delivery->before_end = LabDuration(stroke.rule.slow_close().delay());
  stroke.delivery->ending = wire::Delivery::Ending::kFin;
}

}  // namespace smslab::fault
