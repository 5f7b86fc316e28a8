#include "proto/wire/records.h"

#include <algorithm>
#include <utility>

#include "proto/base/digest.h"
#include "proto/wire/entity.h"

namespace smslab::wire {
namespace {
// A machine may hold an acknowledgement back for 40 ms and more, in the hope of sending it with something else.
constexpr std::chrono::milliseconds kFirstLook{10}, kLongest{1'000};

// Those that changed what the reply says, then those that change how it leaves.
std::string all_rules(const std::vector<std::string>& said, std::string_view sent) {
  std::string all;
  for (const std::string& rule : said) all += rule + ' ';
  if (sent.empty()) all.pop_back();
  return all.append(sent);
}
}  // namespace

Records::Records(Recorder* recorder, const HostPort& peer) : recorder_(recorder), peer_(peer) {
  if (recorder_ != nullptr) connection_ = recorder_->connected(peer);
}

void Records::asked(const Request& request, const Reply& reply, std::string_view rules) {
  if (!on()) return;
  const AskedSpan span = asked_span(request, reply);
  const Topic* topic = reply.topic.get();
  std::string all;
  if (topic != nullptr && !topic->rules.empty()) rules = all = all_rules(topic->rules, rules);
  begin_ = written_;
  record_ = recorder_->asked({.peer = peer_,
                              .connection = connection_,
                              .request = ++requests_,
                              .tls = request.tls,
                              .method = request.method,
                              .target = request.target,
                              .body = request.body.size(),
                              .topic = topic,
                              .first = span.first,
                              .last = span.last,
                              .rules = rules});
}

void Records::asked(bool tls, std::string_view method, std::string_view target, std::string_view rules) {
  if (!on()) return;
  if (!method.empty()) requests_++;
  begin_ = written_;
  record_ = recorder_->asked({.peer = peer_,
                              .connection = connection_,
                              .request = method.empty() ? 0 : requests_,
                              .tls = tls,
                              .method = method,
                              .target = target,
                              .rules = rules});
}

void Records::planned(const Planned& planned) {
  if (record_ != 0) recorder_->planned(record_, planned);
}

void Records::ended(Sent::End end, uint64_t unsent, SteadyTime now, const BodyDigest& digest) {
  if (record_ == 0) return;
  const uint64_t record = std::exchange(record_, 0), bytes = written_ - begin_;
  recorder_->sent(record, {.end = end, .bytes = bytes, .acknowledged = 0}, digest);
  if (bytes == 0) return recorder_->acknowledged(record, 0, true);
  open_.push_back({record, begin_, written_});
  patience_ = kFirstLook;
  look_at_ = now + patience_;
  if (unsent == 0) settle(0, now);
}

void Records::settle(uint64_t unsent, SteadyTime now, bool last) {
  if (open_.empty()) return;
  const uint64_t arrived = written_ - std::min(written_, unsent);
  std::erase_if(open_, [&](const Open& reply) {
    const bool all = arrived >= reply.end;
    if (all || last || arrived > reply.begin) {
      recorder_->acknowledged(reply.record, std::clamp(arrived, reply.begin, reply.end) - reply.begin, all || last);
    }
    return all || last;
  });
  patience_ = std::min(patience_ * 2, kLongest);
  look_at_ = open_.empty() ? SteadyTime::max() : now + patience_;
}

BodyDigest known_digest(const Reply& reply, std::string* made) {
  using Of = BodyDigest::Of;
  if (reply.stream || reply.body.size() == 0) return {};
  if (const Topic* topic = reply.topic.get(); topic != nullptr && !topic->sha256.empty()) {
    const bool whole_range = reply.range && reply.body.size() == reply.range->size;  // BITS asks for all by Range
    if (reply.status == 200 || (reply.status == 206 && whole_range)) return {Of::kBody, topic->sha256};
    if (reply.status == 206 && reply.range) return {Of::kPartOfFile, topic->sha256};
  }
  const auto pieces = reply.body.pieces();
  if (reply.body.size() > kSmallBody ||
      std::ranges::any_of(pieces, [](const Piece& one) { return one.file != nullptr; }))
    return {};
  Hasher hasher(Algorithm::kSha256);
  for (const Piece& piece : pieces) {
    hasher.update(std::string_view(*piece.bytes).substr(piece.offset, static_cast<size_t>(piece.size)));
  }
  *made = hasher.finish();
  return {Of::kBody, *made};
}

}  // namespace smslab::wire
