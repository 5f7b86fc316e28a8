// JournalRow: one record of the journal as it lies in its file (journal.h), 192 bytes. Texts are numbers of the file
// beside it, 0 for the empty one.
//
// Written in place by the worker that serves the request, read by others meanwhile: what stands before `finished` is
// complete when `check` is there and never changes; what follows is filled in one by one. A kill leaves what was
// written: a row without a right `check` was never one.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>

namespace smslab::store {

struct JournalRow {
  static constexpr uint64_t kNone = UINT64_MAX;

  std::atomic<uint32_t> check;  // of what never changes; 0: nothing is here
  uint8_t role;                 // v1::FaultMatch::Role
  std::atomic<uint8_t> ended;   // v1::JournalRecord::Ended; written last but for acknowledgements
  std::atomic<uint16_t> status;
  uint32_t dp, client, smsid, address, route, method, package, file, rules;  // texts
  uint32_t version;
  uint64_t first, last;  // bytes asked for; kNone: to the end

  int64_t time;  // of the lab, milliseconds since 1970
  uint64_t request_bytes;
  uint64_t client_key;  // of whom client_sequence counts
  uint32_t target;      // text
  uint32_t connection, request, client_sequence;
  uint16_t port;
  uint8_t tls, flags;
  std::atomic<uint8_t> digest_of;  // wire::BodyDigest::Of
  std::atomic<uint8_t> settled;    // nothing in this row changes any more
  uint16_t unused;

  std::atomic<int64_t> finished;
  std::atomic<uint64_t> whole, planned, sent, acknowledged;
  std::atomic<uint32_t> head;
  std::atomic<uint32_t> reason;  // text
  std::array<std::atomic<uint64_t>, 4> sha256;

  // flags
  static constexpr uint8_t kNamesAddresses = 1;  // the reply holds the lab's own addresses
  static constexpr uint8_t kNamed = 2;           // the message itself said who its sender is

  uint32_t checksum() const;
};
static_assert(sizeof(JournalRow) == 192 && std::atomic<uint64_t>::is_always_lock_free);

}  // namespace smslab::store
