#include "proto/base/subnet.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace smslab {
namespace {
Subnet subnet(const std::string& text) {
  const auto read = parse_subnet(text, "subnet");
  EXPECT_TRUE(read.ok()) << read.status().to_string();
  return read.ok() ? *read : Subnet{};
}

TEST(Subnet, ContainsTheAddressesOfItsBlock) {
  const Subnet lan = subnet("192.168.0.128/25");
  for (const char* in : {"192.168.0.128", "192.168.0.255", " 192.168.0.200 ", "::ffff:192.168.0.130"}) {
    EXPECT_TRUE(lan.contains(in)) << in;
  }
  for (const char* out : {"192.168.0.127", "192.168.1.128", "", "::1", "192.168.0", "host"}) {
    EXPECT_FALSE(lan.contains(out)) << out;
  }
  EXPECT_TRUE(subnet("10.0.0.0").contains("10.0.0.0"));
  EXPECT_FALSE(subnet("10.0.0.0").contains("10.0.0.1"));
  EXPECT_TRUE(subnet("0.0.0.0/0").contains("255.255.255.255"));
  EXPECT_TRUE(subnet("2001:db8::/33").contains("2001:db8:7fff::1"));
  EXPECT_FALSE(subnet("2001:db8::/33").contains("2001:db8:8000::1"));
}

TEST(Subnet, OverlapsWhatItHoldsAndWhatHoldsIt) {
  EXPECT_TRUE(subnet("10.0.0.0/8").overlaps(subnet("10.1.0.0/16")));
  EXPECT_TRUE(subnet("10.1.0.0/16").overlaps(subnet("10.0.0.0/8")));
  EXPECT_TRUE(subnet("10.0.0.0").overlaps(subnet("10.0.0.0/24")));
  EXPECT_FALSE(subnet("10.0.0.0/16").overlaps(subnet("10.1.0.0/16")));
  EXPECT_FALSE(subnet("0.0.0.0/0").overlaps(subnet("::/0")));
}

TEST(Subnet, RefusesWhatIsNone) {
  for (const char* bad : {"", "/24", "10.0.0/8", "10.0.0.0/33", "10.0.0.0/", "10.0.0.0/-1", "10.0.0.1/24", "::1/64",
                          "10.0.0.0/8/8", "host"}) {
    const auto read = parse_subnet(bad, "subnet");
    ASSERT_FALSE(read.ok()) << bad;
    EXPECT_EQ(read.status().code(), Code::kInvalidArgument) << bad;
    EXPECT_EQ(read.status().field(), "subnet") << bad;
  }
}
}  // namespace
}  // namespace smslab
