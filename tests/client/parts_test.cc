// Parts that are pure: MOF, policy bodies, the event's text, hashes, listings.
#include "proto/base/digest.h"
#include "proto/base/hex.h"
#include "proto/client/events.h"
#include "proto/client/listing.h"
#include "proto/client/mof.h"
#include "proto/client/policy_agent.h"
#include "tests/client/fixture.h"

namespace smslab::client {
namespace {
using ::testing::HasSubstr;

TEST(Mof, ReadsInstancesOfEveryKindOfValue) {
  const auto got = read_mof(
      "// policy\ninstance of A\n{\n\tText = \"a \\\"b\\\" \\\\c\" \" and more\"; N = -12;\tYes = TRUE;\n"
      "List = {\"x;}\", \"y\"}; None = NULL; Empty = {};\n};\n/* next */ instance of B { };");
  ASSERT_TRUE(got.ok()) << got.status().to_string();
  ASSERT_EQ(got->size(), 2U);
  const auto& a = (*got)[0];
  EXPECT_EQ(a.class_name(), "A");
  ASSERT_EQ(a.properties_size(), 6);
  EXPECT_EQ(a.properties(0).values(0).text(), "a \"b\" \\c and more");
  EXPECT_EQ(a.properties(1).values(0).text(), "-12");
  EXPECT_EQ(a.properties(2).values(0).text(), "true");
  EXPECT_EQ(a.properties(3).values_size(), 2);
  EXPECT_EQ(a.properties(3).values(0).text(), "x;}");
  EXPECT_EQ(a.properties(4).values_size(), 0);
  EXPECT_EQ(a.properties(5).values_size(), 0);
  EXPECT_EQ((*got)[1].class_name(), "B");
}

TEST(Mof, RefusesWhatIsBrokenAndEveryCut) {
  const std::string good = "instance of A\n{\n\tText = \"a\"; List = {1, 2};\n};";
  ASSERT_TRUE(read_mof(good).ok());
  for (size_t size = 1; size < good.size(); size++) {
    EXPECT_EQ(read_mof(good.substr(0, size)).status().code(), Code::kInvalidArgument) << size;
  }
  EXPECT_THAT(read_mof("instance of A\n{\n\tx = ;\n};").status().message(), HasSubstr("line 3"));
  EXPECT_FALSE(read_mof("class A {};").ok());
}

TEST(Policy, ReadsTheRecordedBody) {
  const std::string reply = testing::test_data("wire/replies/13-policy-body.http");
  const auto body = read_policy(std::string_view(reply).substr(reply.find("\r\n\r\n") + 4));
  ASSERT_TRUE(body.ok()) << body.status().to_string();
  EXPECT_EQ(body->id, "LON20000-LON00001-8A7B3A8B");
  ASSERT_EQ(body->instances.size(), 1U);
  EXPECT_EQ(advert_of(*body).status().field(), "PKG_PackageID");  // it names no package: it cannot be carried out
}

TEST(Policy, ReadsACompressedBody) {
  const auto body = read_policy(testing::policy_bytes(
      "<PolicyXML "
      "Compression=\"zlib\">78DAFBFFCF86C19EA182219721874181A18C2195A188A1982193219F218FC1964189C190418FC1004"
      "8DB33D831F0327031D8300400E572802A92192A813A90799E0C2E603D01408C2A1386C35C90C9FA509301D5721668</PolicyXML>"));
  ASSERT_TRUE(body.ok()) << body.status().to_string();
  EXPECT_EQ(body->id, "P");
  EXPECT_EQ(body->version, "1.00");
}

TEST(Policy, HashesInEveryForm) {
  EXPECT_TRUE(policy_hash_matches(digest_hex(Algorithm::kMd5, "x"), "x"));
  EXPECT_TRUE(policy_hash_matches(digest_hex(Algorithm::kSha1, "x"), "x"));
  EXPECT_TRUE(policy_hash_matches("SHA1:" + digest_hex(Algorithm::kSha1, "x"), "x"));
  EXPECT_TRUE(policy_hash_matches("", "x"));
  EXPECT_FALSE(policy_hash_matches(digest_hex(Algorithm::kMd5, "y"), "x"));
  EXPECT_FALSE(policy_hash_matches("SHA1:" + digest_hex(Algorithm::kSha1, "y"), "x"));
}

TEST(Program, FoldersAndCommandLines) {
  EXPECT_EQ(resolved_command_line("MSIEXEC /i x"), "\"C:\\WINDOWS\\system32\\msiexec.exe\" /i x");
  EXPECT_EQ(resolved_command_line("msiexecute /i x"), "msiexecute /i x");
  EXPECT_EQ(resolved_command_line("setup.exe"), "setup.exe");
  EXPECT_EQ(resolved_working_directory("", "C:\\c\\"), "C:\\c\\");
  EXPECT_EQ(resolved_working_directory("bin", "C:\\c\\"), "C:\\c\\bin");
  EXPECT_EQ(resolved_working_directory("D:\\x", "C:\\c\\"), "D:\\x");
  EXPECT_EQ(resolved_working_directory("\\\\s\\x", "C:\\c\\"), "\\\\s\\x");
}

TEST(Listing, TakesWhatAPackageCanHold) {
  const auto got = make_listing({{.href = "http://other:99/Root/P/", .folder = true},
                                 {.href = "http://other:99/root/P/Sub%20x/", .folder = true},
                                 {.href = "/Root/P/Sub%20x/a+b%23.txt", .folder = false, .size = 3},
                                 {.href = "/Root/P/z", .folder = false, .size = 4}},
                                "/Root/P");
  ASSERT_TRUE(got.ok()) << got.status().to_string();
  EXPECT_EQ(got->folders, std::vector<std::string>{"Sub x"});
  ASSERT_EQ(got->files.size(), 2U);
  EXPECT_EQ(got->files[0].path, "Sub x/a+b#.txt");
  EXPECT_EQ(got->files[0].target, "/Root/P/" + percent_encode_path("Sub x/a+b#.txt"));
  EXPECT_EQ(got->bytes, 7U);
}

TEST(Listing, RefusesAbsurdSizes) {
  EXPECT_FALSE(
      make_listing(
          {{.href = "/R/a", .folder = false, .size = UINT64_MAX}, {.href = "/R/b", .folder = false, .size = 1}}, "/R")
          .ok());
}

// Seed B's first event; only numbers that are drawn differ.
TEST_F(ClientTest, EventTextIsSeedBs) {
  LabClock clock(system_time_source(), LabClock::Frozen{now_});
  auto host = Host::open({.name = "AST-TRAINING1", .site = "AST", .folder = folder_, .bind = "", .seed = 1, .run = 1},
                         posix_env(), clock, [](std::string_view, std::string_view) {});
  ASSERT_TRUE(host.ok());
  (*host)->smsid = "GUID:F5EC9167-62AB-43BB-870E-4F40A720AB52";
  const std::string text = event_text(**host, package_event("SoftDistDownloadStartedEvent", "CEN0005E", "2"),
                                      *parse_rfc3339("2007-10-26T16:35:49.724Z"), 5348);
  EXPECT_EQ(
      std::regex_replace(normalised(text), std::regex("\t"), ""),
      "instance of SoftDistDownloadStartedEvent\n{\nClientID = \"GUID:F5EC9167-62AB-43BB-870E-4F40A720AB52\";\n"
      "DateTime = \"20071026163549.724000+000\";\nMachineName = \"AST-TRAINING1\";\nPackageId = \"CEN0005E\";\n"
      "PackageName = \"CEN0005E\";\nPackageVersion = \"2\";\nProcessID = N;\nSiteCode = \"AST\";\nThreadID = N;\n};");
  const Event quotes{"X", {{"WorkingDirectory", "\\\\s\\\"p\""}}};
  EXPECT_THAT(event_text(**host, quotes, now_, 1), HasSubstr("WorkingDirectory = \"\\\\\\\\s\\\\\\\"p\\\"\";"));
}
}  // namespace
}  // namespace smslab::client
