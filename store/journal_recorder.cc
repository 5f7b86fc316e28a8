#include "store/journal_recorder.h"

#include <cstring>
#include <utility>

#include "proto/schema/journal.pb.h"

namespace smslab::store {
namespace {
using Ended = v1::JournalRecord;

uint64_t key_of(std::string_view text) { return std::hash<std::string_view>()(text); }

v1::JournalRecord::Ended ended_of(wire::Sent::End end) {
  switch (end) {
    case wire::Sent::End::kWhole: return Ended::WHOLE;
    case wire::Sent::End::kCut: return Ended::CUT;
    case wire::Sent::End::kStalled: return Ended::STALLED;
    case wire::Sent::End::kPeerLeft: return Ended::PEER_LEFT;
    case wire::Sent::End::kTooSlow: return Ended::TOO_SLOW;
    case wire::Sent::End::kStopped: return Ended::STOPPED;
    case wire::Sent::End::kUnanswered: return Ended::UNANSWERED;
  }
  return Ended::STOPPED;
}

void write_digest(const wire::BodyDigest& digest, JournalRow* row) {
  if (digest.of == wire::BodyDigest::Of::kNothing || digest.sha256.size() != sizeof row->sha256) return;
  for (size_t i = 0; i < row->sha256.size(); i++) {
    uint64_t word = 0;
    std::memcpy(&word, digest.sha256.data() + i * sizeof word, sizeof word);
    row->sha256[i].store(word, std::memory_order_relaxed);
  }
  row->digest_of.store(static_cast<uint8_t>(digest.of), std::memory_order_release);
}
}  // namespace

JournalRecorder::JournalRecorder(Journal& journal, fault::Place place, const Clock& clock, NameOf name_of)
    : journal_(journal),
      place_(std::move(place)),
      place_key_(Journal::place_key(place_.role, place_.dp)),
      clock_(clock),
      name_of_(std::move(name_of)) {}

uint64_t JournalRecorder::connected(const HostPort& peer) {
  return journal_.next_of_address(Journal::address_key(peer.host, place_key_));
}

// False when one of them found no room.
bool JournalRecorder::fill_texts(const wire::Asked& asked, JournalRow* row) {
  const wire::Topic nothing;
  const wire::Topic& topic = asked.topic != nullptr ? *asked.topic : nothing;
  const std::string known = topic.client.empty() ? name_of_(asked.peer.host) : std::string();
  const std::string& client = topic.client.empty() ? known : topic.client;
  row->client_key = key_of(client.empty() ? asked.peer.host : client);
  const std::pair<uint32_t*, std::string_view> texts[] = {
      {&row->dp, place_.dp},           {&row->client, client},       {&row->smsid, topic.smsid},
      {&row->route, topic.route},      {&row->method, asked.method}, {&row->package, topic.package},
      {&row->file, topic.file},        {&row->rules, asked.rules},   {&row->target, asked.target},
      {&row->address, asked.peer.host}};
  for (const auto& [number, text] : texts) {
    const auto kept = journal_.text(text);
    if (!kept) return false;
    *number = *kept;
  }
  row->version = topic.version;
  if (topic.names_addresses) row->flags |= JournalRow::kNamesAddresses;
  if (!topic.client.empty()) row->flags |= JournalRow::kNamed;
  return true;
}

uint64_t JournalRecorder::asked(const wire::Asked& asked) {
  JournalRow row{};
  if (!fill_texts(asked, &row)) {
    journal_.lose();
    return 0;
  }
  row.role = static_cast<uint8_t>(place_.role);
  row.first = asked.first;
  row.last = asked.last.value_or(JournalRow::kNone);
  row.time = clock_.now().time_since_epoch().count();
  row.request_bytes = asked.body;
  row.connection = static_cast<uint32_t>(asked.connection);
  row.request = asked.request;
  row.client_sequence = journal_.next_of_client(row.client_key);
  row.port = asked.peer.port;
  row.tls = asked.tls ? 1 : 0;
  return journal_.begin(row);
}

void JournalRecorder::planned(uint64_t record, const wire::Planned& planned) {
  JournalRow& row = journal_.change(record);
  row.head.store(static_cast<uint32_t>(planned.head), std::memory_order_relaxed);
  row.whole.store(planned.whole, std::memory_order_relaxed);
  row.planned.store(planned.bytes, std::memory_order_relaxed);
  if (!planned.reason.empty()) row.reason.store(journal_.text(planned.reason).value_or(0), std::memory_order_release);
  write_digest(planned.digest, &row);
  row.status.store(static_cast<uint16_t>(planned.status), std::memory_order_relaxed);
}

void JournalRecorder::sent(uint64_t record, const wire::Sent& sent, const wire::BodyDigest& digest) {
  JournalRow& row = journal_.change(record);
  row.sent.store(sent.bytes, std::memory_order_relaxed);
  row.finished.store(clock_.now().time_since_epoch().count(), std::memory_order_relaxed);
  write_digest(digest, &row);
  row.ended.store(static_cast<uint8_t>(ended_of(sent.end)), std::memory_order_release);
  journal_.told();
}

void JournalRecorder::acknowledged(uint64_t record, uint64_t bytes, bool last) {
  journal_.change(record).acknowledged.store(bytes, std::memory_order_relaxed);
  if (last) {
    journal_.settled(record);
  } else {
    journal_.told();
  }
}

}  // namespace smslab::store
