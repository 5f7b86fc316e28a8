#include "proto/base/random.h"

#include <gtest/gtest.h>

#include <set>

namespace smslab {
namespace {

TEST(Random, IsAPureFunctionOfSeedPurposeKeysAndCount) {
  EXPECT_EQ(Random(1).number("id", {"a", "b"}, 2), Random(1).number("id", {"a", "b"}, 2));
  const std::set<uint64_t> all = {Random(1).number("id", {"a", "b"}, 2), Random(2).number("id", {"a", "b"}, 2),
                                  Random(1).number("ix", {"a", "b"}, 2), Random(1).number("id", {"ab"}, 2),
                                  Random(1).number("id", {"a", "b"}, 3), Random(1).number("id", {"b", "a"}, 2)};
  EXPECT_EQ(all.size(), 6u) << "each part of the key counts";
}

// Another machine must draw the same: the value is part of what users rely on.
TEST(Random, DrawsTheSameEverywhere) {
  EXPECT_EQ(Random(42).guid("message", {"WRK-LON-001"}, 7), "9534B61E-3070-4874-A803-A205E4E6D263");
}

TEST(Random, BelowCoversItsRange) {
  std::set<uint64_t> seen;
  for (uint64_t n = 0; n < 200; n++) {
    const uint64_t value = Random(3).below(5, "range", {}, n);
    ASSERT_LT(value, 5u);
    seen.insert(value);
  }
  EXPECT_EQ(seen.size(), 5u);
}

TEST(Random, SecretsDiffer) {
  EXPECT_EQ(secret_token().size(), 64u);
  EXPECT_NE(secret_token(), secret_token());
}

}  // namespace
}  // namespace smslab
