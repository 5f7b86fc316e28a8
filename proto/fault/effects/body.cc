// Replies whose head is right and whose body is not.
#include "proto/fault/damage.h"
#include "proto/fault/effects.h"

namespace smslab::fault {
namespace {
constexpr uint64_t kMostNoise = uint64_t{1} << 20;

// Where in the file the body begins: a part of it, the whole, or (several parts) nowhere in one piece.
std::optional<uint64_t> first_byte(const wire::Reply& reply) {
  if (reply.range) return reply.range->first;
  if (reply.status == 200) return 0;
  return std::nullopt;
}

uint64_t file_size(const wire::Reply& reply) { return reply.range ? reply.range->size : reply.body.size(); }
}  // namespace

Status check_corrupt(const v1::FaultRule& rule) {
  const v1::Corrupt& corrupt = rule.corrupt();
  if (corrupt.has_length() && corrupt.length() == 0) {
    return invalid_argument("a corruption of no bytes would be none", "corrupt.length");
  }
  if (corrupt.length() <= kMaxDamage) return ok_status();
  return invalid_argument("one rule corrupts at most " + std::to_string(kMaxDamage) + " bytes", "corrupt.length");
}

// Offsets are the file's, so that a resumed download meets the same wrong bytes or none. The seed chooses a place by
// rule and resource alone: the same one for every attempt and every client.
void corrupt_reply(const Stroke& stroke) {
  const v1::Corrupt& corrupt = stroke.rule.corrupt();
  wire::Reply& reply = *stroke.reply;
  const auto begins = first_byte(reply);
  const uint64_t size = file_size(reply), length = corrupt.has_length() ? corrupt.length() : 1;
  if (!begins || size == 0 || reply.stream) return;
  const uint64_t at = corrupt.has_offset() ? corrupt.offset()
                      : length >= size     ? 0
                                           : stroke.place.below(size - length + 1, "corrupt-offset");
  const uint64_t from = std::max(at, *begins), to = std::min(at + length, *begins + reply.body.size());
  if (from >= to) return;
  const auto right = reply.body.slice(from - *begins, to - from).read_all();
  if (!right.ok()) return;
  const std::string wrong = stroke.place.spoil(std::string(static_cast<size_t>(from - at), '\0') + *right);
  wire::Body body = reply.body.slice(0, from - *begins);
  body.append(wrong.substr(static_cast<size_t>(from - at)));
  body.append(reply.body.slice(to - *begins, reply.body.size() - (to - *begins)));
  reply.body = std::move(body);
}

Status check_malformed_body(const v1::FaultRule& rule) {
  if (rule.malformed_body().bytes() > 0 && rule.malformed_body().bytes() <= kMostNoise) return ok_status();
  return invalid_argument("from 1 to 1048576 bytes of garbage", "malformedBody.bytes");
}

void malformed_body(const Stroke& stroke) {
  if (!stroke.reply->stream) stroke.reply->body.append(stroke.noise.bytes(stroke.rule.malformed_body().bytes()));
}

void empty_body(const Stroke& stroke) {
  stroke.reply->stream.reset();
  stroke.reply->body = {};
}

}  // namespace smslab::fault
