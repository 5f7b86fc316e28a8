#include "proto/base/random.h"

#include <sys/random.h>

#include <cstdlib>

#include "proto/base/digest.h"
#include "proto/base/hex.h"

namespace smslab {
namespace {
void feed_number(Hasher* hasher, uint64_t n) {
  char raw[8];
  for (int i = 0; i < 8; i++) raw[i] = static_cast<char>(n >> (8 * i));
  hasher->update({raw, sizeof raw});
}
void feed_text(Hasher* hasher, std::string_view text) {
  feed_number(hasher, text.size());
  hasher->update(text);
}
}  // namespace

std::string Random::bytes(std::string_view purpose, Keys keys, uint64_t n) const {
  Hasher hasher(Algorithm::kSha256);
  feed_number(&hasher, seed_);
  feed_text(&hasher, purpose);
  for (auto key : keys) feed_text(&hasher, key);
  feed_number(&hasher, n);
  return hasher.finish();
}

uint64_t Random::number(std::string_view purpose, Keys keys, uint64_t n) const {
  const std::string raw = bytes(purpose, keys, n);
  uint64_t value = 0;
  for (size_t i = 0; i < 8; i++) value |= uint64_t{static_cast<unsigned char>(raw[i])} << (8 * i);
  return value;
}

uint64_t Random::below(uint64_t bound, std::string_view purpose, Keys keys, uint64_t n) const {
  // 64 bits scaled by a 128-bit product: the bias is below 2^-64 * bound, which no lab can see.
  __extension__ using Wide = unsigned __int128;
  return static_cast<uint64_t>((Wide{number(purpose, keys, n)} * bound) >> 64);
}

std::string Random::guid(std::string_view purpose, Keys keys, uint64_t n) const {
  std::string raw = bytes(purpose, keys, n).substr(0, 16);
  raw[6] = static_cast<char>((raw[6] & 0x0F) | 0x40);
  raw[8] = static_cast<char>((raw[8] & 0x3F) | 0x80);
  const std::string hex = to_hex(raw);
  return hex.substr(0, 8) + "-" + hex.substr(8, 4) + "-" + hex.substr(12, 4) + "-" + hex.substr(16, 4) + "-" +
         hex.substr(20);
}

std::string secret_token() {
  char raw[32];
  if (::getrandom(raw, sizeof raw, 0) != static_cast<ssize_t>(sizeof raw)) std::abort();
  return to_hex({raw, sizeof raw});
}

}  // namespace smslab
