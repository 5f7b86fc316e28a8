// Bits: one file over HTTP as the Background Intelligent Transfer Service fetches it: HEAD, then ranged GETs, resumed
// where they were cut (facts: protocol 6.4).
//
//   Bits bits(env, 4 << 20);
//   Outcome done = bits.fetch(http, file, &received);
//
// What is on disk already is kept only while the server shows the same strong ETag; every GET carries If-Range, so two
// contents are never mixed. A cut is retried three times without progress, then the file stays as it is for the next
// location or run. Never writes beyond the size that HEAD gave, and HEAD's must be the expected one. One thread.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "proto/base/env.h"
#include "proto/client/outcome.h"
#include "proto/control/client.h"

namespace smslab::client {

struct BitsFile {
  std::string target;                          // on the server
  std::string path;                            // on disk; its folder exists
  std::optional<uint64_t> expected_size = {};  // what a listing says
  uint64_t limit = UINT64_MAX;                 // bytes
  std::string etag = {};                       // of the bytes on disk; "" when they are nothing to build on
  std::function<Status(const std::string& etag)> on_etag = {};  // before the first byte under a new ETag
};

class Bits {
 public:
  Bits(Env& env, uint64_t block_bytes) : env_(env), block_bytes_(block_bytes) {}

  // Adds to `received` what came over the wire.
  Outcome fetch(control::HttpClient& http, BitsFile file, uint64_t* received) const;

 private:
  struct Remote {
    uint64_t size = 0;
    std::string etag;  // strong, or ""
  };
  enum class Step { kDone, kChanged, kFailed };

  Outcome head(control::HttpClient& http, const BitsFile& file, Remote* remote) const;
  // The bytes from `have` on, appended. kChanged: the server has other bytes now.
  Step receive(control::HttpClient& http, const BitsFile& file, const Remote& remote, uint64_t have, uint64_t* received,
               Outcome* outcome) const;

  Env& env_;
  const uint64_t block_bytes_;
};

}  // namespace smslab::client
