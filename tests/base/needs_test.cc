#include "proto/base/needs.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>

namespace smslab {
namespace {
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;
using Graph = std::map<size_t, std::vector<size_t>>;

NeedsOrder order(size_t n, const Graph& graph) {
  return order_by_needs(n, [&](size_t i) { return graph.contains(i) ? graph.at(i) : std::vector<size_t>(); });
}

TEST(Needs, EachStandsBehindWhatItNeeds) {
  const NeedsOrder found = order(5, {{0, {3, 1}}, {1, {2}}, {3, {2}}});
  EXPECT_THAT(found.order, ElementsAre(2, 3, 1, 0, 4));
  EXPECT_THAT(found.circles, IsEmpty());
  EXPECT_EQ(std::count(found.in_circle.begin(), found.in_circle.end(), true), 0);
}

TEST(Needs, WhoeverOnlyNeedsACircleIsNotInIt) {
  const NeedsOrder found = order(4, {{0, {1}}, {1, {0}}, {2, {0}}, {3, {3}}});
  EXPECT_THAT(found.circles, ElementsAre(ElementsAre(0, 1), ElementsAre(3)));
  EXPECT_THAT(found.in_circle, ElementsAre(true, true, false, true));
  EXPECT_THAT(found.order, UnorderedElementsAre(0, 1, 2, 3));
}

TEST(Needs, CirclesThatShareAThingAreBothTold) {
  const NeedsOrder found = order(3, {{0, {1, 2}}, {1, {0}}, {2, {0}}});
  EXPECT_THAT(found.circles, ElementsAre(ElementsAre(0, 1), ElementsAre(0, 2)));
}

TEST(Needs, ThingsMayBeFoundOnTheWay) {
  const NeedsOrder found = order(1, {{0, {1}}, {1, {2}}, {2, {1}}});
  EXPECT_THAT(found.order, ElementsAre(2, 1, 0));
  EXPECT_THAT(found.circles, ElementsAre(ElementsAre(1, 2)));
  EXPECT_THAT(found.in_circle, ElementsAre(false, true, true));
}

TEST(Needs, AChainMayBeLong) {
  static constexpr size_t kLength = 200'000;
  const NeedsOrder chain = order_by_needs(
      kLength, [](size_t i) { return i + 1 < kLength ? std::vector<size_t>{i + 1} : std::vector<size_t>(); });
  ASSERT_EQ(chain.order.size(), kLength);
  EXPECT_EQ(chain.order.front(), kLength - 1);
  EXPECT_EQ(chain.order.back(), 0u);
  EXPECT_THAT(chain.circles, IsEmpty());

  const NeedsOrder ring = order_by_needs(kLength, [](size_t i) { return std::vector<size_t>{(i + 1) % kLength}; });
  ASSERT_EQ(ring.circles.size(), 1u);
  EXPECT_EQ(ring.circles[0].size(), kLength);
  EXPECT_EQ(std::count(ring.in_circle.begin(), ring.in_circle.end(), true), static_cast<long>(kLength));
}

// Each needs the next and all before it: the circles together would be of a billion things.
TEST(Needs, CirclesWithoutNumberAreNotAllTold) {
  static constexpr size_t kLength = 2'000;
  const NeedsOrder found = order_by_needs(kLength, [](size_t i) {
    std::vector<size_t> needs;
    for (size_t k = 0; k < std::min(i + 2, kLength); k++) needs.push_back(k);
    return needs;
  });
  size_t told = 0;
  for (const auto& circle : found.circles) told += circle.size();
  EXPECT_GT(told, 0u);
  EXPECT_LE(told, 8 * kLength);
  EXPECT_EQ(std::count(found.in_circle.begin(), found.in_circle.end(), true), static_cast<long>(kLength));
}

}  // namespace
}  // namespace smslab
