// Replies whose head is right and whose body is not.
#include <algorithm>
#include <optional>

#include "proto/fault/damage.h"
#include "proto/fault/effects.h"

namespace smslab::fault {
namespace {
constexpr uint64_t kMostNoise = uint64_t{1} << 20;
}  // namespace

std::optional<uint64_t> first_byte(const wire::Reply& reply) {
  if (reply.range) return reply.range->first;
  if (reply.status == 200) return 0;
  return std::nullopt;
}

uint64_t file_size(const wire::Reply& reply) { return reply.range ? reply.range->size : reply.body.size(); }

Status check_corrupt(const v1::FaultRule& rule) {
  const v1::Corrupt& corrupt = rule.corrupt();
  if (corrupt.has_length() && corrupt.length() == 0) {
    return invalid_argument("a corruption of no bytes would be none", "corrupt.length");
  }
  if (corrupt.length() <= kMaxDamage) return ok_status();
  return invalid_argument("one rule corrupts at most " + std::to_string(kMaxDamage) + " bytes", "corrupt.length");
}

// The same bytes are wrong as of damage at rest by this rule, so they are foretold in the same way: the same place for
// every client and attempt, and in each range of the file its part of them. A file that has no such place is left as
// it is.
void corrupt_reply(const Stroke& stroke) {
  wire::Reply& reply = *stroke.reply;
  const auto begins = first_byte(reply);
  if (!begins || !reply.topic || reply.stream) return;
  v1::FileEntry file;
  file.set_path(reply.topic->file);
  file.set_size(file_size(reply));
  const DamageKeys keys{stroke.seed, stroke.rule.id(), stroke.place.dp, reply.topic->package};
  const auto mask = mask_of(stroke.rule.corrupt(), keys, file);
  if (!mask.ok()) return;
  const uint64_t from = std::max(mask->offset, *begins);
  const uint64_t to = std::min(mask->offset + mask->bits.size(), *begins + reply.body.size());
  if (from >= to) return;
  auto wrong = reply.body.slice(from - *begins, to - from).read_all();
  if (!wrong.ok()) return;
  for (size_t i = 0; i < wrong->size(); i++) {
    (*wrong)[i] = static_cast<char>((*wrong)[i] ^ mask->bits[static_cast<size_t>(from - mask->offset) + i]);
  }
  wire::Body body = reply.body.slice(0, from - *begins);
  body.append(*std::move(wrong));
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
