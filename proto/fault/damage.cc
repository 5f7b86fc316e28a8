#include "proto/fault/damage.h"

#include <algorithm>

#include "proto/base/digest.h"
#include "proto/base/random.h"

namespace smslab::fault {
namespace {

constexpr uint64_t kChunk = 256 * 1024;

std::string quoted(const v1::FileEntry& file) {
  return "'" + file.path() + "' (" + std::to_string(file.size()) + " bytes)";
}

struct Range {
  uint64_t offset = 0, length = 0;
};

Result<Range> range_of(const v1::Corrupt& corrupt, const Random& random, const DamageKeys& keys,
                       const v1::FileEntry& file) {
  if (file.size() == 0) return invalid_argument(quoted(file) + " has no byte to corrupt", "match.file");
  const uint64_t length = corrupt.has_length() ? corrupt.length() : 1;
  if (length == 0) return invalid_argument("a corruption of no bytes would be none", "corrupt.length");
  if (length > kMaxDamage) {
    return invalid_argument("one rule corrupts at most " + std::to_string(kMaxDamage) + " bytes", "corrupt.length");
  }
  if (corrupt.has_offset() && corrupt.offset() >= file.size()) {
    return invalid_argument("offset " + std::to_string(corrupt.offset()) + " is not inside " + quoted(file),
                            "corrupt.offset");
  }
  const uint64_t room = file.size() - (corrupt.has_offset() ? corrupt.offset() : 0);
  if (length > room) {
    return invalid_argument(std::to_string(length) + " bytes reach beyond the end of " + quoted(file),
                            "corrupt.length");
  }
  if (corrupt.has_offset()) return Range{corrupt.offset(), length};
  return Range{
      random.below(file.size() - length + 1, "corrupt-offset", {keys.rule_id, keys.dp, keys.package, file.path()}),
      length};
}

// Never zero, so that no byte stays what it was.
std::string masks(uint64_t length, const Random& random, const DamageKeys& keys, const v1::FileEntry& file) {
  std::string out;
  out.reserve(length + 32);
  for (uint64_t n = 0; out.size() < length; n++) {
    for (char c : random.bytes("corrupt-mask", {keys.rule_id, keys.dp, keys.package, file.path()}, n)) {
      out += static_cast<char>(1 + static_cast<unsigned char>(c) % 255);
    }
  }
  out.resize(length);
  return out;
}

// Reads the file once in pieces; `change` may rewrite each before it is hashed.
template <class Change>
Result<v1::Hash> hash_changed(uint64_t size, const ReadAt& read, Change change) {
  ContentHasher hasher;
  std::string buffer(std::min(size, kChunk), '\0');
  for (uint64_t at = 0; at < size; at += buffer.size()) {
    const std::span<char> piece(buffer.data(), std::min<uint64_t>(buffer.size(), size - at));
    RETURN_IF_ERROR(read(at, piece));
    change(at, piece);
    hasher.update({piece.data(), piece.size()});
  }
  ContentDigests digests = hasher.finish();
  v1::Hash hash;
  hash.set_md5(std::move(digests.md5));
  hash.set_sha1(std::move(digests.sha1));
  hash.set_sha256(std::move(digests.sha256));
  return hash;
}

}  // namespace

Result<Mask> mask_of(const v1::Corrupt& corrupt, const DamageKeys& keys, const v1::FileEntry& file) {
  const Random random(keys.seed);
  ASSIGN_OR_RETURN(const Range range, range_of(corrupt, random, keys, file));
  return Mask{range.offset, masks(range.length, random, keys, file)};
}

bool at_rest(const v1::FaultRule& rule) { return rule.has_corrupt() && rule.corrupt().where() == v1::Corrupt::STORE; }

Result<v1::FileDamage> plan_damage(const v1::Corrupt& corrupt, const DamageKeys& keys, const v1::FileEntry& file,
                                   const ReadAt& read) {
  ASSIGN_OR_RETURN(const Mask mask, mask_of(corrupt, keys, file));
  v1::FileDamage damage;
  damage.set_path(file.path());
  v1::DamageExtent& extent = *damage.add_extents();
  extent.set_offset(mask.offset);
  std::string& wrong = *extent.mutable_bytes();
  wrong.reserve(mask.bits.size());
  ASSIGN_OR_RETURN(*damage.mutable_hash(), hash_changed(file.size(), read, [&](uint64_t at, std::span<char> piece) {
    const uint64_t begin = std::max(at, mask.offset);
    const uint64_t end = std::min(at + piece.size(), mask.offset + mask.bits.size());
    for (uint64_t i = begin; i < end; i++) {
      char& byte = piece[i - at];
      byte = static_cast<char>(byte ^ mask.bits[i - mask.offset]);
      wrong += byte;
    }
  }));
  return damage;
}

Result<v1::Hash> hash_file(uint64_t size, const ReadAt& read) {
  return hash_changed(size, read, [](uint64_t, std::span<char>) {});
}

}  // namespace smslab::fault
