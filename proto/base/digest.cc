#include "proto/base/digest.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <cstdlib>

#include "proto/base/hex.h"

namespace smslab {
namespace {
// Fetched once: EVP_md5() and its like look the provider up on every use.
const EVP_MD* method(Algorithm algorithm) {
  static EVP_MD* const md5 = EVP_MD_fetch(nullptr, "MD5", nullptr);
  static EVP_MD* const sha1 = EVP_MD_fetch(nullptr, "SHA1", nullptr);
  static EVP_MD* const sha256 = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  switch (algorithm) {
    case Algorithm::kMd5: return md5;
    case Algorithm::kSha1: return sha1;
    case Algorithm::kSha256: return sha256;
  }
  std::abort();
}
void must(int rc) {
  if (rc != 1) std::abort();
}
}  // namespace

struct Hasher::Context {
  EVP_MD_CTX* evp = EVP_MD_CTX_new();
  Context() = default;
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;
  ~Context() { EVP_MD_CTX_free(evp); }
};

Hasher::Hasher(Algorithm algorithm) : context_(std::make_unique<Context>()) {
  must(EVP_DigestInit_ex2(context_->evp, method(algorithm), nullptr));
}
Hasher::Hasher(Hasher&&) noexcept = default;
Hasher& Hasher::operator=(Hasher&&) noexcept = default;
Hasher::~Hasher() = default;

void Hasher::update(std::string_view bytes) { must(EVP_DigestUpdate(context_->evp, bytes.data(), bytes.size())); }

std::string Hasher::finish() {
  unsigned char raw[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  must(EVP_DigestFinal_ex(context_->evp, raw, &size));
  return {reinterpret_cast<char*>(raw), size};
}

ContentHasher::ContentHasher()
    : hashers_{Hasher(Algorithm::kMd5), Hasher(Algorithm::kSha1), Hasher(Algorithm::kSha256)} {}

void ContentHasher::update(std::string_view bytes) {
  for (auto& hasher : hashers_) hasher.update(bytes);
}

ContentDigests ContentHasher::finish() {
  return {to_hex(hashers_[0].finish()), to_hex(hashers_[1].finish()), to_hex(hashers_[2].finish())};
}

std::string digest_hex(Algorithm algorithm, std::string_view bytes) {
  Hasher hasher(algorithm);
  hasher.update(bytes);
  return to_hex(hasher.finish());
}

ContentDigests content_digests(std::string_view bytes) {
  ContentHasher hasher;
  hasher.update(bytes);
  return hasher.finish();
}

std::string hmac_sha256(std::string_view key, std::string_view bytes) {
  unsigned char raw[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  if (HMAC(method(Algorithm::kSha256), key.data(), static_cast<int>(key.size()),
           reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(), raw, &size) == nullptr) {
    std::abort();
  }
  return {reinterpret_cast<char*>(raw), size};
}

bool same_secret(std::string_view a, std::string_view b) {
  unsigned difference = a.size() == b.size() ? 0 : 1;
  for (size_t i = 0; i < a.size(); i++) {
    difference |= static_cast<unsigned char>(a[i]) ^ static_cast<unsigned char>(b.empty() ? 0 : b[i % b.size()]);
  }
  return difference == 0;
}

}  // namespace smslab
