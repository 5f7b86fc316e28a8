#include "proto/base/ids.h"

#include <gtest/gtest.h>

namespace smslab {
namespace {

TEST(Ids, PackageIdIsASiteCodeAndFiveHexDigits) {
  EXPECT_EQ(*parse_package_id("lon0000a", "id"), "LON0000A");
  EXPECT_EQ(*parse_package_id("CEN0005F", "id"), "CEN0005F") << "another site's package has its code";
  for (const char* bad : {"", "LON0001", "LON000011", "LON0000G", "LO-00001", "LON00001\n"}) {
    const auto id = parse_package_id(bad, "id");
    EXPECT_EQ(id.status().code(), Code::kInvalidArgument) << bad;
    EXPECT_EQ(id.status().field(), "id");
  }
}

TEST(Ids, SmsidIsForgivingInFormAndStrictInContent) {
  const std::string smsid = "GUID:F5EC9167-62AB-43BB-870E-4F40A720AB52";
  EXPECT_EQ(*parse_smsid(smsid, "smsid"), smsid);
  EXPECT_EQ(*parse_smsid("{f5ec9167-62ab-43bb-870e-4f40a720ab52}", "smsid"), smsid);
  EXPECT_FALSE(parse_smsid("GUID:F5EC9167-62AB-43BB-870E-4F40A720AB5", "smsid").ok());
  EXPECT_FALSE(parse_smsid("GUID:F5EC9167062AB-43BB-870E-4F40A720AB52", "smsid").ok());
}

TEST(Ids, HostNamesAreUpperCased) {
  EXPECT_EQ(*parse_host_name("wrk-lon-001", "name"), "WRK-LON-001");
  EXPECT_FALSE(parse_host_name("", "name").ok());
  EXPECT_FALSE(parse_host_name("a b", "name").ok());
  EXPECT_EQ(*parse_host_name("console.com1", "name"), "CONSOLE.COM1");
  for (const char* impossible : {".", "..", ".a", "a.", "con", "NUL", "lpt1", "COM9"}) {
    EXPECT_FALSE(parse_host_name(impossible, "name").ok()) << impossible;
  }
  EXPECT_FALSE(parse_host_name(std::string(64, 'A'), "name").ok());
}

// Two public captures and the sample site (facts: protocol 5.1).
TEST(Ids, PolicySuffixIsTheCrcOfTheProgramName) {
  EXPECT_EQ(policy_suffix("*"), "6F6BCC28");
  EXPECT_EQ(policy_suffix("Install"), "60F8A6B9");
  EXPECT_EQ(policy_suffix("Per-system unattended"), "4A48FD56");
  EXPECT_EQ(policy_suffix("Per-user attended"), "1C138E3E");
  EXPECT_EQ(policy_id("LON20000", "LON00001", "Per-system unattended"), "LON20000-LON00001-4A48FD56");
}

TEST(Ids, NalPath) {
  EXPECT_EQ(nal_path("LON-DCSMS-01", "LON"), R"(["Display=\\LON-DCSMS-01\"]MSWNET:["SMS_SITE=LON"]\\LON-DCSMS-01\)");
}

}  // namespace
}  // namespace smslab
