// Faults of a scenario file: checked with the rest, in force with it, damage at rest with its content, exported, and
// what a reset brings back.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "proto/schema/scenario.pb.h"
#include "tests/support/http_probe.h"
#include "tests/support/lab.h"

namespace smslab::test {
namespace {
using ::testing::HasSubstr;
using ::testing::Not;

const char kSite[] = R"(packages:
  - {id: LON00001, name: Tools, source: tools, dps: [LON-DCSMS-01], programs: [{name: Install, commandLine: setup.exe}]}
clients: [{name: WRK-LON-001}]
faults:
  - match: {dp: LON-DCSMS-01, package: LON00001, file: adminpak.msi}
    corrupt: {offset: 7}
  - match: {route: mplist}
    when: {nth: 2}
    status: {code: 500}
)";

class ScenarioFaults : public ::testing::Test {
 protected:
  ScenarioFaults() {
    write(folder_ / "tools/adminpak.msi", content_);
    write(folder_ / "site.yaml", kSite);
  }
  std::vector<std::string> start() const {
    return {"--scenario", folder_ / "site.yaml", "--clock", "2026-11-21T20:00:00Z"};
  }
  static void wait_installed(const Lab& lab) {
    lab.wait_package("LON00001", [](const v1::Package& package) {
      return !package.pass_open() && package.dps(0).state() == v1::PackageDp::INSTALLED;
    });
  }
  static int mplist(const Lab& lab) {
    return HttpProbe(parse_url(lab.mp(), "url")->at).ask("GET", "/SMS_MP/.sms_aut?mplist").status;
  }
  // The file as it is and as its DP gives it: one byte apart.
  void expect_damaged(const Lab& lab) const {
    HttpProbe probe(parse_url(lab.dp(), "url")->at);
    const std::string body = probe.ask("GET", "/SMS_DP_SMSPKG$/LON00001/adminpak.msi").body;
    ASSERT_EQ(body.size(), content_.size());
    EXPECT_NE(body[7], content_[7]);
    EXPECT_EQ(body.substr(8), content_.substr(8));
  }
  static void expect_both(const v1::FaultList& list) {
    ASSERT_EQ(list.faults_size(), 2);
    EXPECT_EQ(list.faults(0).id(), "1");
    EXPECT_EQ(list.faults(0).foretold().first_wrong_offset(), 7u);
    EXPECT_EQ(list.faults(0).foretold().client().error(), "0x80091007");
    EXPECT_FALSE(list.faults(0).waiting());
    EXPECT_EQ(list.faults(1).foretold().status(), 500u);
    EXPECT_EQ(list.faults(1).when().nth(), 2u);
  }

  const std::string content_ = std::string(5000, 'm');
  TempFolder folder_;
};

TEST_F(ScenarioFaults, AreInForceExportedAndResetTo) {
  const Lab lab(start());
  wait_installed(lab);
  expect_damaged(lab);
  expect_both(lab.json<v1::FaultList>({"fault", "list"}));
  EXPECT_EQ(mplist(lab), 200);
  EXPECT_EQ(mplist(lab), 500) << "the second";

  const std::string exported = lab.must({"scenario", "export", "-"});
  EXPECT_THAT(exported, HasSubstr("faults:"));
  EXPECT_THAT(exported, HasSubstr("code: 500"));
  EXPECT_THAT(exported, Not(HasSubstr("foretold")));

  lab.must({"fault", "clear", "1"});
  lab.must({"fault", "add", R"({"emptyBody":{}})"});
  lab.must({"reset"});
  wait_installed(lab);
  expect_damaged(lab);
  expect_both(lab.json<v1::FaultList>({"fault", "list"}));
  EXPECT_EQ(mplist(lab), 200) << "counts begin anew";
  EXPECT_EQ(mplist(lab), 500);
}

TEST_F(ScenarioFaults, AreRefusedWithTheirPlace) {
  Lab lab({"--clock", "2026-11-21T20:00:00Z"});
  const auto refused = [&](const std::string& faults) {
    const std::string site(kSite);
    write(folder_ / "bad.yaml", site.substr(0, site.find("faults:")) + "faults:\n" + faults);
    const Finished finished = lab.cli({"scenario", "apply", folder_ / "bad.yaml"});
    EXPECT_EQ(finished.exit_status, 1);
    EXPECT_EQ(lab.json<v1::FaultList>({"fault", "list"}).faults_size(), 0);
    EXPECT_TRUE(lab.json<v1::PackageList>({"package", "list"}).packages().empty());
    return finished.err;
  };
  EXPECT_THAT(refused("  - when: {probability: 2}\n    emptyBody: {}\n"),
              HasSubstr("bad.yaml:5:25: a probability is above 0 and at most 1 [faults[0].when.probability]"));
  EXPECT_THAT(refused("  - match: {client: NOBODY}\n    emptyBody: {}\n"), HasSubstr("[faults[0].match.client]"));
  EXPECT_THAT(refused("  - match: {package: LON00001, file: nope.txt}\n    emptyBody: {}\n"),
              HasSubstr("[faults[0].match.file]"));
  EXPECT_THAT(refused("  - match: {package: LON00009}\n    emptyBody: {}\n"), HasSubstr("[faults[0].match.package]"));
  EXPECT_THAT(refused("  - match: {package: LON00001}\n    hiddenUnlisted: {}\n"), HasSubstr("faults[0]"));
  EXPECT_THAT(refused("  - id: '7'\n    emptyBody: {}\n"), HasSubstr("[faults[0].id]"));
  lab.must({"scenario", "apply", folder_ / "site.yaml"});
  wait_installed(lab);
  expect_damaged(lab);
}

}  // namespace
}  // namespace smslab::test
