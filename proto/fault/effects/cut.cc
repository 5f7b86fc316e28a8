// Replies that end too early, or never begin.
//
//   head ........ body ..............|
//        ^ limit_data 120            |   what is before it arrives, all of it; then FIN, RST, a stall or garbage
//                     ^ truncate 0.5 |   the same, counted in the body
#include <algorithm>
#include <cmath>

#include "proto/fault/effects.h"

namespace smslab::fault {
namespace {
using Ending = wire::Delivery::Ending;

constexpr uint64_t kMostNoise = uint64_t{1} << 20;
constexpr uint64_t kUsualNoise = 64;

// Nothing of the reply leaves.
void silence(const Stroke& stroke, Ending ending) {
  stroke.delivery->bytes = 0;
  stroke.delivery->in_body = false;
  stroke.delivery->ending = ending;
}

// `bytes` instead of the reply, whatever becomes of it before.
void instead(const Stroke& stroke, std::string bytes) {
  stroke.reply->stream.reset();
  rewrite_last(stroke.delivery, [bytes = std::move(bytes)](std::string* head, wire::Body* body) {
    *head = bytes;
    *body = {};
  });
  stroke.delivery->ending = Ending::kFin;
}
}  // namespace

Status check_limit_data(const v1::FaultRule& rule) {
  const v1::LimitData& limit = rule.limit_data();
  if (!limit.has_bytes()) return invalid_argument("say after how many bytes", "limitData.bytes");
  if (limit.bytes() > kMostBytes) return invalid_argument("no reply has so many bytes", "limitData.bytes");
  return ok_status();
}

void limit_data(const Stroke& stroke) {
  const v1::LimitData& limit = stroke.rule.limit_data();
  const bool in_body = limit.in() == v1::LimitData::BODY;
  if (limit.end() == v1::LimitData::GARBAGE) {
    // Of a body in memory or a file only as much as fits in memory is made wrong; the rest is left away.
    rewrite_last(stroke.delivery, [limit, in_body, noise = stroke.noise](std::string* head, wire::Body* body) {
      const uint64_t at = limit.bytes() + (in_body ? head->size() : 0);
      const uint64_t whole = head->size();
      if (at < whole) *head = head->substr(0, at) + noise.spoil(head->substr(at));
      const uint64_t kept = at < whole ? 0 : std::min(body->size(), at - whole);
      const auto rest = body->slice(kept, std::min(body->size() - kept, kMostNoise)).read_all();
      wire::Body now = body->slice(0, kept);
      if (rest.ok()) now.append(noise.spoil(*rest));
      *body = std::move(now);
    });
    stroke.reply->stream.reset();
    stroke.delivery->ending = Ending::kFin;
    return;
  }
  stroke.delivery->bytes = limit.bytes();
  stroke.delivery->in_body = in_body;
  switch (limit.end()) {
    case v1::LimitData::RST: stroke.delivery->ending = Ending::kRst; break;
    case v1::LimitData::STALL: stroke.delivery->ending = Ending::kStall; break;
    default: stroke.delivery->ending = Ending::kFin; break;
  }
}

Status check_truncate(const v1::FaultRule& rule) {
  const double fraction = rule.truncate_body_at_fraction().fraction();
  if (!(fraction >= 0 && fraction < 1)) {
    return invalid_argument("a fraction from 0 to below 1 of the body can be left", "truncateBodyAtFraction.fraction");
  }
  return ok_status();
}

void truncate_body(const Stroke& stroke) {
  const double fraction = stroke.rule.truncate_body_at_fraction().fraction();
  rewrite_last(stroke.delivery, [fraction](std::string*, wire::Body* body) {
    *body = body->slice(0, static_cast<uint64_t>(std::floor(static_cast<double>(body->size()) * fraction)));
  });
  stroke.reply->stream.reset();
  stroke.delivery->ending = Ending::kFin;
}

void empty_response(const Stroke& stroke) { silence(stroke, Ending::kFin); }

void timeout(const Stroke& stroke) {
  const uint64_t time = stroke.rule.timeout().timeout();
  silence(stroke, time == 0 ? Ending::kStall : Ending::kFin);
  stroke.delivery->before = LabDuration(time);
}

void reset_peer(const Stroke& stroke) {
  silence(stroke, Ending::kRst);
  stroke.delivery->before = LabDuration(stroke.rule.reset_peer().timeout());
}

Status check_random_data(const v1::FaultRule& rule) {
  if (rule.random_data_then_close().bytes() <= kMostNoise) return ok_status();
  return invalid_argument("at most 1048576 bytes of garbage are made", "randomDataThenClose.bytes");
}

void random_data_then_close(const Stroke& stroke) {
  const uint64_t bytes = stroke.rule.random_data_then_close().bytes();
  std::string noise = stroke.noise.bytes(bytes == 0 ? kUsualNoise : bytes);
  if (!noise.empty()) noise[0] = static_cast<char>(noise[0] | 0x80);  // no reply begins so
  instead(stroke, std::move(noise));
}

void malformed_response_chunk(const Stroke& stroke) {
  stroke.reply->stream.reset();
  rewrite_last(stroke.delivery, [noise = stroke.noise.bytes(kUsualNoise)](std::string* head, wire::Body* body) {
    take_field(head, "Content-Length");
    take_field(head, "Transfer-Encoding");
    add_field(head, "Transfer-Encoding", "chunked");
    *body = wire::Body("Z" + noise);  // no chunk's size begins with a Z
  });
  stroke.delivery->ending = Ending::kFin;
}

Status check_response_bytes(const v1::FaultRule& rule) {
  const size_t size = rule.response_bytes().raw().size();
  if (size > 0 && size <= kMostNoise) return ok_status();
  return invalid_argument("give 1 to 1048576 bytes, in base64", "responseBytes.raw");
}

void response_bytes(const Stroke& stroke) { instead(stroke, stroke.rule.response_bytes().raw()); }

}  // namespace smslab::fault
