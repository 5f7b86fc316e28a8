// Policy bodies and their download.
#include "mp/policy_body.h"

#include "mp/assumptions.h"
#include "mp/policy_document.h"
#include "proto/base/digest.h"
#include "proto/base/utf16.h"
#include "tests/mp/client_plane_fixture.h"

namespace smslab::mp {
namespace {
using testing::expect_golden;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

std::string text_of(const std::string& body) {
  EXPECT_TRUE(body.starts_with("\xFF\xFE"));
  return *utf8_from_utf16le(body);
}

class Body : public ClientPlane {
 protected:
  std::string download(const std::string& query) { return bytes(get("/SMS_MP/.sms_pol?" + query)); }
};

TEST_F(Body, GoldenInBothProfiles) {
  for (const std::string profile : {"2007", "2003"}) {
    start({}, profile);
    const v1::Package package = seed_package();
    expect_golden("policy/advert-" + profile + ".bin",
                  advert_policy(*site_, seed_advert(), package, package.programs(0), false).bytes);
    v1::Package more = package;
    more.mutable_programs(0)->set_run_first(";;Setup");
    more.mutable_programs(0)->set_run_first_always(true);
    more.mutable_programs(0)->set_disk_space("120 MB");
    v1::Advert again = seed_advert();
    again.add_schedule("0295BE0000100009");
    again.add_schedule("000A4700002BC400");
    expect_golden("policy/recurring-" + profile + ".bin",
                  advert_policy(*site_, again, more, more.programs(0), false).bytes);
    expect_golden("policy/dependent-" + profile + ".bin",
                  advert_policy(*site_, seed_advert(), package, package.programs(0), true).bytes);
    expect_golden("policy/settings-" + profile + ".bin", settings_policy(*site_, true, 1).bytes);
  }
}

TEST_F(Body, SaysWhatTheModelSays) {
  v1::Package package = seed_package();
  v1::Advert advert = seed_advert();
  package.set_name("a ]]> <b> & \"c\"");
  package.set_size(1024 * 5 + 1);
  package.mutable_programs(0)->set_user_context(true);
  advert.set_download(false);
  advert.set_rerun(v1::Advert::ALWAYS);
  advert.clear_mandatory();
  advert.set_policy_version(12);
  *advert.mutable_expires() = to_timestamp(*parse_rfc3339("2026-12-01T00:00:00Z"));
  const PolicyBody body = advert_policy(*site_, advert, package, package.programs(0), false);
  EXPECT_EQ(body.version, 12u);
  const std::string text = text_of(body.bytes);
  EXPECT_THAT(text, StartsWith("<?xml version=\"1.0\" ?>\r\n<Policy PolicyType=\"Machine\" SchemaVersion=\"1.00\" "
                               "PolicyID=\"LON20000-LON00001-4A48FD56\" PolicyVersion=\"12.00\""));
  const auto policy = parse<v1::Policy>(text);
  ASSERT_EQ(policy.rules(0).actions(0).instances_size(), 1);  // nothing is scheduled
  std::map<std::string, std::string> values;
  for (const auto& p : policy.rules(0).actions(0).instances(0).properties()) values[p.name()] = p.values(0).text();
  EXPECT_EQ(values["PKG_Name"], package.name());
  EXPECT_EQ(values["PKG_ContentSize"], "6");
  EXPECT_EQ(values["PKG_SourceHash"], package.hash().sha1());
  EXPECT_EQ(values["PKG_SourceVersion"], "1");
  EXPECT_EQ(values["ADV_MandatoryAssignments"], "false");
  EXPECT_EQ(values["ADV_RepeatRunBehavior"], "RerunAlways");
  EXPECT_EQ(values["ADV_RCF_InstallFromLocalDPOptions"], "RunFromServer");
  EXPECT_EQ(values["ADV_ExpirationTime"], "20261201000000.000000+***");
  EXPECT_EQ(values["PRG_PRF_UserLogonRequirement"], "UserLoggedOn");
  EXPECT_THAT(values["PRG_Requirements"], HasSubstr("<PackageHash.2>" + package.hash().sha1() + "</PackageHash.2>"));
}

TEST_F(Body, MofEscapesItsStrings) {
  PolicyDocument policy{.id = "P", .version = 1, .source = "SMS:LON", .rule_id = "R", .instances = {}};
  policy.instances.emplace_back("C")
      .set("B", true)
      .set("a", "\"C:\\x\"\r\n")
      .set("N", std::vector<uint32_t>{1, 2})
      .set("S", std::vector<std::string>{"x", "y"});
  const std::string text = text_of(encode_policy(policy, true));
  EXPECT_THAT(text, HasSubstr("PolicyActionType=\"WMI-MOF\"><![CDATA[\r\ninstance of C\r\n{\r\n"
                              "\ta = \"\\\"C:\\\\x\\\"\\r\\n\";\r\n\tB = TRUE;\r\n\tN = {1, 2};\r\n"));
  EXPECT_THAT(text, HasSubstr("\tS = {\"x\", \"y\"};\r\n};\r\n]]></PolicyAction>"));
}

TEST_F(Body, IsServedByVersionAndByDigest) {
  const std::string body = download("LON20000-LON00001-4A48FD56.1_00");
  ASSERT_NE(body, "");
  EXPECT_EQ(download("lon20000-lon00001-4a48fd56.1_00"), body);
  const std::string sha256 = digest_hex(Algorithm::kSha256, body);
  EXPECT_EQ(download("LON20000-LON00001-4A48FD56.SHA256:" + sha256), body);
  EXPECT_EQ(download("LON20000-LON00001-4A48FD56.sha256%3A" + sha256), body);
  const wire::Reply reply = get("/SMS_MP/.sms_pol?LON20000-LON00001-4A48FD56.1_00");
  EXPECT_EQ(field(reply, "Content-Type"), "text/xml");
  EXPECT_EQ(field(reply, "ETag"), '"' + sha256 + '"');

  const std::string settings = download("{5C4E1F5A-9B1D-4E37-8C52-6A0F3D7B2E11}.1_00");
  EXPECT_THAT(text_of(settings), HasSubstr("CCM_SoftwareDistributionClientConfig"));
  EXPECT_EQ(download("%7b5c4e1f5a-9b1d-4e37-8c52-6a0f3d7b2e11%7D.1_00"), settings);
}

TEST_F(Body, IsServedInRanges) {
  const std::string target = "/SMS_MP/.sms_pol?LON20000-LON00001-4A48FD56.1_00";
  const std::string whole = bytes(get(target));
  EXPECT_EQ(get(target, "HEAD").status, 200);
  const wire::Reply part = get(target, "GET", {{"Range", "bytes=2-9"}});
  EXPECT_EQ(part.status, 206);
  EXPECT_EQ(bytes(part), whole.substr(2, 8));
  EXPECT_EQ(get(target, "GET", {{"Range", "bytes=9999999-"}}).status, 416);
}

TEST_F(Body, WhatIsNotTheCurrentPolicyIs404) {
  for (const char* query :
       {"", "LON20000-LON00001-4A48FD56", "LON20000-LON00001-4A48FD56.2_00", "LON20000-LON00001-4A48FD56.1",
        "LON20000-LON00001-4A48FD56.", "LON20000-LON00001-8A7B3A8B.1_00", "LON20009-LON00001-4A48FD56.1_00",
        "LON20000.1_00", ".1_00", "%zz.1_00", "{5C4E1F5A-9B1D-4E37-8C52-6A0F3D7B2E11}.2_00",
        "LON20000-LON00001-4A48FD56.SHA256:00"}) {
    EXPECT_EQ(get("/SMS_MP/.sms_pol?" + std::string(query)).status, 404) << query;
  }
  v1::Advert advert = seed_advert();
  advert.set_policy_version(2);
  change_policy([&](store::WriteTxn& txn) { return store::kAdverts.put(txn, {"LON20000"}, advert); });
  EXPECT_EQ(get("/SMS_MP/.sms_pol?LON20000-LON00001-4A48FD56.1_00").status, 404);
  EXPECT_EQ(get("/SMS_MP/.sms_pol?LON20000-LON00001-4A48FD56.2_00").status, 200);
}

TEST(Profiles, AreTwo) {
  EXPECT_EQ((*profile_for("2007"))->hash_mismatch_message, 10075u);
  EXPECT_TRUE((*profile_for("2003"))->policy_as_mof);
  EXPECT_EQ(profile_for("2012").status().code(), Code::kInvalidArgument);
  EXPECT_EQ(profile_for("2012").status().field(), "profile");
}

TEST(Assumptions, AreListedOnce) {
  std::vector<std::string_view> ids;
  for (const Assumption& a : assumptions()) {
    EXPECT_FALSE(a.unknown.empty() || a.taken.empty()) << a.id;
    EXPECT_THAT(ids, Not(::testing::Contains(a.id)));
    ids.push_back(a.id);
  }
  for (int i = 1; i <= 18; i++) EXPECT_THAT(ids, ::testing::Contains("A" + std::to_string(i)));
  for (int i = 1; i <= 19; i++) EXPECT_THAT(ids, ::testing::Contains("S11." + std::to_string(i)));
}
}  // namespace
}  // namespace smslab::mp
