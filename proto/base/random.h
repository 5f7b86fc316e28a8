// Random: keyed, never a shared stream.
//
// Every draw names its purpose and its keys, so what one client gets does not depend on who asked before it:
//
//   Random random(seed);
//   std::string guid = random.guid("message-id", {client, endpoint}, n);
//   uint64_t offset = random.below(size, "corrupt", {dp, package, path});
//
// A pure function of (seed, purpose, keys, n): SHA-256 over the length-prefixed parts. Thread-safe, copyable, no state.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

namespace smslab {

class Random {
 public:
  using Keys = std::initializer_list<std::string_view>;

  explicit Random(uint64_t seed) : seed_(seed) {}
  uint64_t seed() const { return seed_; }

  std::string bytes(std::string_view purpose, Keys keys = {}, uint64_t n = 0) const;  // 32 of them
  uint64_t number(std::string_view purpose, Keys keys = {}, uint64_t n = 0) const;
  // Uniform in [0, bound); bound > 0.
  uint64_t below(uint64_t bound, std::string_view purpose, Keys keys = {}, uint64_t n = 0) const;
  // "F5EC9167-62AB-43BB-870E-4F40A720AB52": a version 4 GUID, upper case, no braces.
  std::string guid(std::string_view purpose, Keys keys = {}, uint64_t n = 0) const;

 private:
  uint64_t seed_;
};

// 32 bytes from the kernel, in hex: for tokens that must not be guessed. The only use of real randomness.
std::string secret_token();

}  // namespace smslab
