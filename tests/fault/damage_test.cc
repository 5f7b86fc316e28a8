#include "proto/fault/damage.h"

#include <gtest/gtest.h>

#include <cstring>
#include <random>

#include "proto/base/digest.h"
#include "proto/base/hex.h"

namespace smslab::fault {
namespace {

v1::FileEntry entry(const std::string& bytes, const std::string& path = "sub/setup.exe") {
  v1::FileEntry file;
  file.set_path(path);
  file.set_size(bytes.size());
  return file;
}

ReadAt reader(const std::string& bytes) {
  return [&bytes](uint64_t offset, std::span<char> buffer) {
    EXPECT_LE(offset + buffer.size(), bytes.size());
    std::memcpy(buffer.data(), bytes.data() + offset, buffer.size());
    return ok_status();
  };
}

v1::Corrupt corrupt(std::optional<uint64_t> offset = {}, std::optional<uint64_t> length = {}) {
  v1::Corrupt c;
  if (offset) c.set_offset(*offset);
  if (length) c.set_length(*length);
  return c;
}

std::string damaged(std::string bytes, const v1::FileDamage& damage) {
  for (const auto& extent : damage.extents()) bytes.replace(extent.offset(), extent.bytes().size(), extent.bytes());
  return bytes;
}

void expect_hash_of(const std::string& bytes, const v1::Hash& hash) {
  const ContentDigests digests = content_digests(bytes);
  EXPECT_EQ(hash.md5(), digests.md5);
  EXPECT_EQ(hash.sha1(), digests.sha1);
  EXPECT_EQ(hash.sha256(), digests.sha256);
}

const DamageKeys kKeys{7, "3", "LON-DCSMS-01", "LON00001"};

TEST(Damage, IsNeverANoOpAndTouchesOnlyItsRange) {
  const uint64_t test_seed = std::random_device{}();
  SCOPED_TRACE("test seed " + std::to_string(test_seed));
  std::mt19937_64 draw(test_seed);
  for (int i = 0; i < 2000; i++) {
    std::string bytes(1 + draw() % 2000, '\0');
    for (char& c : bytes) c = static_cast<char>(draw());
    const uint64_t length = 1 + draw() % bytes.size();
    const DamageKeys keys{draw(), std::to_string(draw() % 1000), "LON-DCSMS-01", "LON00001"};
    const auto damage = plan_damage(corrupt({}, length), keys, entry(bytes), reader(bytes));
    ASSERT_TRUE(damage.ok()) << damage.status().to_string();
    ASSERT_EQ(damage->extents_size(), 1);
    const auto& extent = damage->extents(0);
    ASSERT_EQ(extent.bytes().size(), length);
    ASSERT_LE(extent.offset() + length, bytes.size());
    for (uint64_t k = 0; k < length; k++) ASSERT_NE(extent.bytes()[k], bytes[extent.offset() + k]) << "round " << i;
    expect_hash_of(damaged(bytes, *damage), damage->hash());
  }
}

TEST(Damage, SameKeysSameBytesOtherKeysOtherBytes) {
  const std::string bytes(100'000, 'x');
  const auto plan = [&](DamageKeys keys, const std::string& path = "a.bin") {
    return plan_damage(corrupt({}, 16), keys, entry(bytes, path), reader(bytes))->SerializeAsString();
  };
  EXPECT_EQ(plan(kKeys), plan(kKeys));
  EXPECT_NE(plan(kKeys), plan({8, "3", "LON-DCSMS-01", "LON00001"}));
  EXPECT_NE(plan(kKeys), plan({7, "4", "LON-DCSMS-01", "LON00001"}));
  EXPECT_NE(plan(kKeys), plan({7, "3", "LON-DCSMS-02", "LON00001"}));
  EXPECT_NE(plan(kKeys), plan({7, "3", "LON-DCSMS-01", "LON00002"}));
  EXPECT_NE(plan(kKeys), plan(kKeys, "b.bin"));
}

// A change here changes what every recorded scenario with this damage says.
TEST(Damage, Golden) {
  const std::string bytes = "MZ and then some more bytes of a program";
  const auto damage = plan_damage(corrupt({}, 4), kKeys, entry(bytes), reader(bytes));
  ASSERT_TRUE(damage.ok());
  EXPECT_EQ(damage->path(), "sub/setup.exe");
  EXPECT_EQ(damage->extents(0).offset(), 1u);
  EXPECT_EQ(to_hex(damage->extents(0).bytes()), "FC98A178");
  EXPECT_EQ(damage->hash().sha256(), "F18D3D49C3C339C0FB9353A2857EEF75D6BC1ADBBF1B8C9DDEDBDD07CBB86E28");
}

TEST(Damage, GivenOffsetAcrossPieces) {
  const std::string bytes(600'000, 'y');
  const uint64_t offset = 256 * 1024 - 3;
  const auto damage = plan_damage(corrupt(offset, 262'150), kKeys, entry(bytes), reader(bytes));
  ASSERT_TRUE(damage.ok());
  EXPECT_EQ(damage->extents(0).offset(), offset);
  EXPECT_EQ(damage->extents(0).bytes().size(), 262'150u);
  expect_hash_of(damaged(bytes, *damage), damage->hash());
}

TEST(Damage, RefusesWhatLeavesTheFile) {
  const std::string bytes = "0123456789";
  const auto refused = [&](const v1::Corrupt& c, const std::string& content) {
    const auto plan = plan_damage(c, kKeys, entry(content), reader(content));
    EXPECT_FALSE(plan.ok());
    EXPECT_EQ(plan.status().code(), Code::kInvalidArgument);
    return plan.status().field();
  };
  EXPECT_EQ(refused(corrupt(), ""), "match.file");
  EXPECT_EQ(refused(corrupt(10), bytes), "corrupt.offset");
  EXPECT_EQ(refused(corrupt(UINT64_MAX, 2), bytes), "corrupt.offset");
  EXPECT_EQ(refused(corrupt(9, 2), bytes), "corrupt.length");
  EXPECT_EQ(refused(corrupt({}, 11), bytes), "corrupt.length");
  EXPECT_EQ(refused(corrupt({}, 0), bytes), "corrupt.length");
  EXPECT_EQ(refused(corrupt(0, 0), bytes), "corrupt.length");
  EXPECT_EQ(refused(corrupt({}, kMaxDamage + 1), bytes), "corrupt.length");
  EXPECT_EQ(refused(corrupt(1, UINT64_MAX), bytes), "corrupt.length");
  EXPECT_TRUE(plan_damage(corrupt(9), kKeys, entry(bytes), reader(bytes)).ok());
  EXPECT_TRUE(plan_damage(corrupt({}, 10), kKeys, entry(bytes), reader(bytes)).ok());
}

TEST(Damage, AnUnreadableFileIsNotDamaged) {
  const auto plan = plan_damage(corrupt(), kKeys, entry("some"), [](uint64_t, std::span<char>) {
    return Status(Code::kUnavailable, "the disk is gone");
  });
  EXPECT_EQ(plan.status().code(), Code::kUnavailable);
}

TEST(Damage, HashFile) {
  const std::string bytes(300'000, 'z');
  expect_hash_of(bytes, *hash_file(bytes.size(), reader(bytes)));
  expect_hash_of("", *hash_file(0, reader(bytes)));
}

}  // namespace
}  // namespace smslab::fault
