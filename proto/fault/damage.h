// Damage, at rest or in a reply: which bytes of a file are wrong, as a pure function of rule and seed.
//
//   ASSIGN_OR_RETURN(v1::FileDamage d, plan_damage(corrupt, {seed, rule_id, dp, package}, file, read));
//
// The same seed and rule give the same wrong bytes on any machine; every touched byte differs from the true one, so
// that a damage is never a no-op. Ranges that leave the file are kInvalidArgument with their field.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>

#include "proto/base/status.h"
#include "proto/schema/content.pb.h"
#include "proto/schema/fault.pb.h"

namespace smslab::fault {

constexpr uint64_t kMaxDamage = uint64_t{1} << 20;  // bytes of one rule: they are kept in the index

struct DamageKeys {
  uint64_t seed = 0;
  std::string rule_id, dp, package;
};

// Damage to what a DP has stored, as opposed to what it says.
bool at_rest(const v1::FaultRule& rule);

// Fills `buffer` from `offset`; a short read is an error.
using ReadAt = std::function<Status(uint64_t offset, std::span<char> buffer)>;

// Extents and the digests of the damaged bytes; reads the whole file once. Damage that lies there already is part of
// what `read` gives: true bytes as far as this rule goes. An error of `read` comes back as it is.
Result<v1::FileDamage> plan_damage(const v1::Corrupt& corrupt, const DamageKeys& keys, const v1::FileEntry& file,
                                   const ReadAt& read);

// Where the wrong bytes lie and by what they are wrong (exclusive or; never zero): all that is known without the file.
struct Mask {
  uint64_t offset = 0;
  std::string bits;
};
Result<Mask> mask_of(const v1::Corrupt& corrupt, const DamageKeys& keys, const v1::FileEntry& file);

// Digests of a whole file of `size` bytes, read once.
Result<v1::Hash> hash_file(uint64_t size, const ReadAt& read);

}  // namespace smslab::fault
