// Digests: MD5, SHA-1 and SHA-256, streaming, one at a time or all three in one pass.
//
// Raw digests are std::string of 16, 20 or 32 bytes; in records and on the wire they are upper-case hex (hex.h).
// MD5 and SHA-1 are here because the wire of 2003 wants them, never for safety. Not thread-safe; one owner.
#pragma once

#include <array>
#include <memory>
#include <string>
#include <string_view>

namespace smslab {

enum class Algorithm { kMd5, kSha1, kSha256 };

class Hasher {
 public:
  explicit Hasher(Algorithm algorithm);
  Hasher(Hasher&&) noexcept;
  Hasher& operator=(Hasher&&) noexcept;
  ~Hasher();

  void update(std::string_view bytes);
  std::string finish();  // once; the hasher is spent afterwards

 private:
  struct Context;
  std::unique_ptr<Context> context_;
};

// The three digests of one content, each as upper-case hex.
struct ContentDigests {
  std::string md5, sha1, sha256;
  friend bool operator==(const ContentDigests&, const ContentDigests&) = default;
};

class ContentHasher {
 public:
  ContentHasher();
  void update(std::string_view bytes);
  ContentDigests finish();

 private:
  std::array<Hasher, 3> hashers_;
};

std::string digest_hex(Algorithm algorithm, std::string_view bytes);
ContentDigests content_digests(std::string_view bytes);

// HMAC-SHA-256 (RFC 2104), raw.
std::string hmac_sha256(std::string_view key, std::string_view bytes);
// Takes as long for every wrong text of the same length.
bool same_secret(std::string_view a, std::string_view b);

}  // namespace smslab
