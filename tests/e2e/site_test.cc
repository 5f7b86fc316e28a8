// The site through its command line: packages, adverts, clients, damage and its cure.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <set>

#include "proto/base/digest.h"
#include "proto/base/tree_hash.h"
#include "proto/control/client.h"
#include "tests/support/lab.h"

namespace smslab::test {
namespace {
using testing::ElementsAre;
using testing::HasSubstr;

const char kProgram[] = "Per-system unattended";

class Site : public testing::Test {
 protected:
  void SetUp() override {
    write(source() + "/adminpak.msi", std::string(300'000, 'm') + "end");
    write(source() + "/Tools/read me.txt", "hello\n");
    write(source() + "/Tools/\xC3\xA4+#%.dat", "x");
    write(source() + "/empty", "");
    std::filesystem::create_directories(source() + "/Empty folder");
  }
  std::string source() const { return lab_.folder() + "/source"; }
  std::string create(const std::string& id = "LON00001") {
    return lab_.must({"package", "create", id, "--name", "Administration Tools", "--source", source(), "--program",
                      std::string(kProgram) + "=msiexec.exe /q /i \"adminpak.msi\""});
  }
  void distribute(const std::string& id = "LON00001") {
    lab_.must({"package", "distribute", id, "--dp", "LON-DCSMS-01", "--wait"});
  }
  void advertise(const std::string& client, const std::vector<std::string>& more = {}) {
    lab_.must({"collection", "create", "Admin Systems", "--member", client});
    std::vector<std::string> arguments = {"advert",        "create",      "LON20000", "--package",
                                          "LON00001",      "--program",   kProgram,   "--collection",
                                          "Admin Systems", "--mandatory", "now"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    lab_.must(arguments);
  }
  v1::Package package() { return lab_.json<v1::Package>({"package", "show", "LON00001"}); }
  // "200 hello", "404".
  std::string get(const std::string& path) {
    control::HttpClient http({.base = lab_.dp(), .token = {}, .bind = {}});
    const auto reply = http.send({.method = "GET", .target = path});
    EXPECT_TRUE(reply.ok()) << path << " " << reply.status().to_string();
    if (!reply.ok()) return "";
    return std::to_string(reply->status) + (reply->status == 200 ? " " + reply->body : "");
  }

  Lab lab_;
};

TEST_F(Site, ClimbsTheLadderOfSeedA) {
  create();
  EXPECT_EQ(lab_.ladder({"--package", "LON00001"}), "30000 30003 2300 2311 2301");
  distribute();
  EXPECT_EQ(lab_.ladder({"--package", "LON00001"}), "30000 30003 2300 2311 2301 30009 2300 2342 2329 2330 2301");
  const v1::Package shown = package();
  EXPECT_EQ(shown.source_version(), 1u);
  EXPECT_EQ(shown.file_count(), 4u);
  EXPECT_EQ(shown.dps(0).state(), v1::PackageDp::INSTALLED);
  PackageTree tree;
  tree.add_file("adminpak.msi", content_digests(std::string(300'000, 'm') + "end"));
  tree.add_file("Tools/read me.txt", content_digests("hello\n"));
  tree.add_file("Tools/\xC3\xA4+#%.dat", content_digests("x"));
  tree.add_file("empty", content_digests(""));
  tree.add_folder("Empty folder");
  EXPECT_EQ(shown.hash().sha1(), tree.hash(Algorithm::kSha1));
  EXPECT_EQ(shown.hash().sha256(), tree.hash(Algorithm::kSha256));
}

TEST_F(Site, MessagesSayWhatTheSeedPrints) {
  create();
  distribute();
  const auto list = lab_.json<v1::StatusMessageList>({"status", "--package", "LON00001"});
  std::set<uint32_t> seen;
  for (const auto& message : list.status_messages()) {
    seen.insert(message.message_id());
    EXPECT_EQ(message.attributes().at(400), "LON00001");
    EXPECT_EQ(message.site(), "LON");
    if (message.message_id() == 2330) {
      EXPECT_EQ(message.text(),
                "SMS Distribution Manager successfully distributed package \"LON00001\" to distribution point "
                "\"[\"Display=\\\\LON-DCSMS-01\\\"]MSWNET:[\"SMS_SITE=LON\"]\\\\LON-DCSMS-01\\\".");
      EXPECT_EQ(message.type(), v1::StatusMessage::MILESTONE);
    }
    if (message.message_id() == 2301) {
      EXPECT_EQ(
          message.text(),
          "SMS Distribution Manager successfully processed package \"Administration Tools\" (package ID = LON00001).");
    }
  }
  EXPECT_THAT(seen, testing::IsSupersetOf({2330u, 2301u}));
}

TEST_F(Site, ServesContentUnderEveryFormOfItsUrl) {
  create();
  distribute();
  for (const char* path :
       {"/SMS_DP_SMSPKG$/LON00001/Tools/read%20me.txt", "/SMS_DP_SMSPKGD$/lon00001/TOOLS/READ%20ME.TXT",
        "/sms_dp_smspkgc%24/LON00001.1/tools/read%20me.txt", "/SMS_DP_SMSPKG$/LON00001/sccm?/Tools/read%20me.txt"}) {
    EXPECT_EQ(get(path), "200 hello\n") << path;
  }
  EXPECT_EQ(get("/SMS_DP_SMSPKG$/LON00001/Tools/%C3%A4%2B%23%25.dat"), "200 x");
  EXPECT_EQ(get("/SMS_DP_SMSPKG$/LON00001/empty"), "200 ");
  EXPECT_EQ(get("/SMS_DP_SMSPKG$/LON00001.2/empty"), "404");
}

TEST_F(Site, UpdateIsANewVersionEverywhere) {
  create();
  distribute();
  const std::string before = package().hash().sha1();
  write(source() + "/Tools/read me.txt", "changed\n");
  EXPECT_EQ(get("/SMS_DP_SMSPKG$/LON00001/Tools/read%20me.txt"), "200 hello\n")
      << "an edit of the source alone changes nothing";
  lab_.must({"package", "update", "LON00001", "--wait"});
  EXPECT_EQ(package().source_version(), 2u);
  EXPECT_NE(package().hash().sha1(), before);
  EXPECT_EQ(package().dps(0).version(), 2u);
  EXPECT_EQ(get("/SMS_DP_SMSPKG$/LON00001/Tools/read%20me.txt"), "200 changed\n");
  EXPECT_EQ(get("/SMS_DP_SMSPKG$/LON00001.1/Tools/read%20me.txt"), "404") << "a DP keeps one version";
  EXPECT_THAT(lab_.ladder({"--package", "LON00001"}), testing::EndsWith("2301 2300 2311 2342 2329 2330 2301"));
}

TEST_F(Site, RemoveTakesTheContentAway) {
  create();
  distribute();
  lab_.must({"package", "remove", "LON00001", "--dp", "LON-DCSMS-01", "--wait"});
  EXPECT_EQ(package().dps_size(), 0);
  EXPECT_EQ(get("/SMS_DP_SMSPKG$/LON00001/empty"), "404");
  EXPECT_THAT(lab_.ladder({"--package", "LON00001"}), testing::EndsWith("2301 30011 2300 2301"));
  EXPECT_THAT(listing(lab_.data() + "/dp/LON-DCSMS-01/blobs"), testing::Not(HasSubstr(" "))) << "no blob is left";
  ASSERT_EQ(lab_.stop(), 0);
  EXPECT_EQ(lab_.cli({"fsck", "--data", lab_.data()}).exit_status, 0);
}

TEST_F(Site, WhatWasForetoldStaysTrueWhenOtherDamageComesAndGoes) {
  create();
  distribute();
  const std::string match = R"({"match":{"dp":"LON-DCSMS-01","package":"LON00001","file":)";
  const auto msi = lab_.json<v1::FaultRule>({"fault", "add", match + R"("adminpak.msi"},"corrupt":{}})"});
  const auto text = lab_.json<v1::FaultRule>({"fault", "add", match + R"("Tools/read me.txt"},"corrupt":{}})"});
  const auto now = [&](const v1::FaultRule& rule) {
    return lab_.json<v1::FaultRule>({"fault", "show", rule.id()}).foretold();
  };
  EXPECT_EQ(now(msi).package().sha1(), text.foretold().package().sha1()) << "both see the package with both damages";
  lab_.must({"fault", "clear", text.id()});
  EXPECT_EQ(now(msi).package().sha1(), msi.foretold().package().sha1()) << "as before the other one came";
}

TEST_F(Site, AClientRunsItFromTheDp) {
  create();
  distribute();
  advertise("WRK-LON-001");
  const Finished run = lab_.client("WRK-LON-001", {"--mif", "Success"});
  EXPECT_EQ(run.exit_status, 0) << run.out << run.err;
  EXPECT_EQ(lab_.ladder({"--client", "WRK-LON-001"}), "10002 10005 10009");
  const auto advert = lab_.json<v1::Advert>({"advert", "show", "LON20000"});
  EXPECT_EQ(advert.summary().received(), 1u);
  EXPECT_EQ(advert.summary().started(), 1u);
  EXPECT_EQ(advert.summary().succeeded(), 1u);
  EXPECT_EQ(advert.summary().failed(), 0u);
  ASSERT_EQ(advert.clients_size(), 1);
  EXPECT_EQ(advert.clients(0).state(), v1::AdvertClient::SUCCEEDED);
}

TEST_F(Site, AnAdvertsTimesComeAndGo) {
  create();
  distribute();
  advertise("WRK-LON-001", {"--expires", "2099-01-01T00:00:00Z"});
  const auto set = [&](const std::string& option, const std::string& value) {
    return lab_.json<v1::Advert>({"advert", "set", "LON20000", option, value});
  };
  EXPECT_FALSE(set("--expires", "none").has_expires());
  EXPECT_FALSE(set("--mandatory", "none").has_mandatory());
  EXPECT_TRUE(set("--start", "2098-01-01T00:00:00Z").has_start());
  EXPECT_LT(set("--start", "none").start().seconds(), 4'000'000'000) << "from now on";
  EXPECT_EQ(lab_.client("WRK-LON-001").exit_status, 0);
  EXPECT_EQ(lab_.ladder({"--client", "WRK-LON-001"}), "10002") << "received, and left to the user";
  EXPECT_THAT(lab_.cli({"advert", "set", "LON20000", "--expires", "never"}).err, HasSubstr("nor none"));
}

TEST_F(Site, AFailedMifIsTheProgramErrorOfSeedA) {
  create();
  distribute();
  advertise("WRK-LON-002");
  EXPECT_EQ(lab_.client("WRK-LON-002", {"--mif", "Failed:There is not enough space on the disk."}).exit_status, 1);
  EXPECT_EQ(lab_.ladder({"--client", "WRK-LON-002"}), "10002 10005 10007");
  const auto list = lab_.json<v1::StatusMessageList>({"status", "--client", "WRK-LON-002"});
  EXPECT_THAT(list.status_messages(2).text(),
              HasSubstr("The failure description was \"There is not enough space on the disk.\""));
}

TEST_F(Site, DamageIsSeenAsForetoldSurvivesARestartAndARefreshCuresIt) {
  create();
  distribute();
  advertise("AST-TRAINING1", {"--download"});
  const std::string expected = package().hash().sha1();
  const auto rule = lab_.json<v1::FaultRule>(
      {"fault", "add",
       R"({"match":{"dp":"LON-DCSMS-01","package":"LON00001","version":1,"file":"ADMINPAK.msi"},"corrupt":{}})"});
  const std::string damaged = get("/SMS_DP_SMSPKG$/LON00001/adminpak.msi").substr(std::string("200 ").size());
  EXPECT_EQ(digest_hex(Algorithm::kSha256, damaged), rule.foretold().file().sha256());
  EXPECT_EQ(std::mismatch(damaged.begin(), damaged.end(), (std::string(300'000, 'm') + "end").begin()).first -
                damaged.begin(),
            static_cast<ptrdiff_t>(rule.foretold().first_wrong_offset()));

  ASSERT_EQ(lab_.stop(), 0);
  lab_.restart();
  EXPECT_EQ(get("/SMS_DP_SMSPKG$/LON00001/adminpak.msi"), "200 " + damaged);

  const Finished failed = lab_.client("AST-TRAINING1", {"--mif", "Success"});
  EXPECT_EQ(failed.exit_status, 1);
  const std::string cas = lab_.folder() + "/AST-TRAINING1/logs/CAS.log";
  EXPECT_THAT(read(cas),
              HasSubstr("Hash does not match expected " + expected + ", actual " + rule.foretold().package().sha1()));
  EXPECT_EQ(lab_.ladder({"--client", "AST-TRAINING1"}), "10002 10030 10075");

  lab_.must({"package", "refresh", "LON00001", "--dp", "LON-DCSMS-01", "--wait"});
  EXPECT_TRUE(lab_.json<v1::FaultRule>({"fault", "show", rule.id()}).healed());
  const Finished cured = lab_.client("AST-TRAINING1", {"--mif", "Success"});
  EXPECT_EQ(cured.exit_status, 0) << cured.out << cured.err;
  EXPECT_EQ(package().source_version(), 1u) << "a refresh is no new version";
  EXPECT_EQ(lab_.ladder({"--client", "AST-TRAINING1"}), "10002 10030 10075 10005 10009");
}

TEST_F(Site, TheSameLabGivesTheSameBytes) {
  const auto story = [](Lab& lab, const std::string& source) {
    lab.must({"package", "create", "LON00001", "--name", "P", "--source", source, "--program", "Install=setup.exe"});
    lab.must({"package", "distribute", "LON00001", "--dp", "LON-DCSMS-01", "--wait"});
    lab.must({"collection", "create", "All", "--member", "PC1"});
    lab.must({"advert", "create", "LON20000", "--package", "LON00001", "--program", "Install", "--collection", "All"});
    const std::string fault =
        lab.must({"fault", "add", "--json", R"({"match":{"dp":"LON-DCSMS-01","package":"LON00001"},"corrupt":{}})"});
    return fault + lab.must({"status", "--json"}) + lab.must({"advert", "show", "LON20000", "--json"}) +
           lab.must({"package", "list"});
  };
  Lab first({"--clock", "2026-11-21T20:00:00Z", "--seed", "7"}),
      second({"--clock", "2026-11-21T20:00:00Z", "--seed", "7"}),
      other({"--clock", "2026-11-21T20:00:00Z", "--seed", "8"});
  const std::string once = story(first, source());
  EXPECT_EQ(once, story(second, source()));
  EXPECT_NE(once, story(other, source())) << "the seed counts";
}

}  // namespace
}  // namespace smslab::test
