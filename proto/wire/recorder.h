// Recorder: who remembers what was asked on the client plane, and what the asker got: one record a request, told in
// four steps as they happen.
//
//   const uint64_t record = recorder->asked({.peer = peer, .method = "GET", .target = "/x", ...});
//   recorder->planned(record, {.status = 200, .head = 180, .whole = 1204, .bytes = 1204});
//   recorder->sent(record, {.end = Sent::End::kWhole, .bytes = 1204});
//   recorder->acknowledged(record, 1204, true);
//
// asked() comes before a byte of the reply leaves, so that whoever has read a reply finds its record. What comes of a
// connection without a request (a reset on accept, a handshake that fails, half a head) is a record too, without a
// method. Calls for one record come from one thread at a time; all are made by workers and must not block. What is
// given by reference is gone when the call returns.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "proto/base/uri.h"
#include "proto/wire/handler.h"
#include "proto/wire/injector.h"

namespace smslab::wire {

// A number that is not known beforehand: the size of a reply that is made while it is sent.
constexpr uint64_t kUnknownSize = UINT64_MAX;

struct Asked {
  const HostPort& peer;
  uint64_t connection = 0;  // connected()'s
  uint32_t request = 0;     // n-th of the connection; 0: none came
  bool tls = false;
  std::string_view method = {}, target = {};
  uint64_t body = 0;             // bytes of the request's
  const Topic* topic = nullptr;  // null: nobody knows what it is about
  uint64_t first = 0;            // of the bytes that it asks for
  std::optional<uint64_t> last = std::nullopt;
  std::string_view rules = {};  // that hit it, as Delivery::rules
};

// The digest of a body, and what of.
struct BodyDigest {
  enum class Of {
    kNothing,     // not known, or no body
    kBody,        // the body as it leaves
    kPartOfFile,  // the file of which these bytes are a part
  } of = Of::kNothing;
  std::string_view sha256 = {};  // raw, 32 bytes
};

struct Planned {
  int status = 0;
  uint64_t head = 0;             // bytes
  uint64_t whole = 0;            // head and body, as made
  uint64_t bytes = 0;            // of these to leave; kUnknownSize
  std::string_view reason = {};  // of a refusal
  BodyDigest digest = {};
};

class Recorder {
 public:
  virtual ~Recorder() = default;

  virtual uint64_t connected(const HostPort& peer) = 0;  // the n-th of this address here, from 1
  virtual uint64_t asked(const Asked& asked) = 0;        // the record's number; 0: it is lost
  virtual void planned(uint64_t record, const Planned& planned) = 0;
  // Nothing more leaves. A body that is digested while it leaves has its digest only now.
  virtual void sent(uint64_t record, const Sent& sent, const BodyDigest& digest) = 0;
  // Bytes of the reply that the peer's machine has; `last`: no more will be heard of it.
  virtual void acknowledged(uint64_t record, uint64_t bytes, bool last) = 0;
};

}  // namespace smslab::wire
