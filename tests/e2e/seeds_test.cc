// The two seeds, replayed from their scenario files: the messages, the advert's row and the logs that they print.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "proto/base/text.h"
#include "proto/codec/json.h"
#include "proto/control/client.h"
#include "proto/schema/fault.pb.h"
#include "tests/e2e/seed.h"
#include "tests/support/client_log.h"
#include "tests/support/lab.h"

namespace smslab::test {
namespace {
using testing::HasSubstr;
using testing::StartsWith;

std::string seed(const std::string& name) { return read(SMSLAB_SOURCE "/tests/data/seeds/" + name); }

std::string text_of(const Lab& lab, const std::vector<std::string>& which, uint32_t id) {
  std::vector<std::string> arguments = {"status"};
  arguments.insert(arguments.end(), which.begin(), which.end());
  std::string text;
  const auto list = lab.json<v1::StatusMessageList>(arguments);
  for (const auto& message : list.status_messages()) {
    if (message.message_id() == id) text = message.text();
  }
  return text;
}

TEST(SeedA, ServerStepsAndTwoWorkstations) {
  const Seed scenario("seed-a");
  Lab lab({"--scenario", scenario.file(), "--clock", "2007-10-25T20:00:00Z"});
  // A1 and A2: created with six programs, distributed.
  const v1::Package package = when_settled(lab, "LON00001");
  ASSERT_EQ(package.dps_size(), 1);
  EXPECT_EQ(package.dps(0).state(), v1::PackageDp::INSTALLED);
  EXPECT_EQ(package.programs_size(), 6);
  EXPECT_EQ(lab.ladder({"--package", "LON00001"}),
            "30000 30003 30003 30003 30003 30003 30003 2300 2311 2301 30009 2300 2342 2329 2330 2301");
  EXPECT_THAT(text_of(lab, {"--package", "LON00001"}, 30000), HasSubstr("CONTOSO\\administrator"));
  EXPECT_THAT(text_of(lab, {"--package", "LON00001"}, 2330),
              StartsWith("SMS Distribution Manager successfully distributed package \"LON00001\" to distribution point "
                         "\"[\"Display=\\\\LON-DCSMS-01\\\"]MSWNET:[\"SMS_"));
  EXPECT_EQ(text_of(lab, {"--package", "LON00001"}, 2301),
            "SMS Distribution Manager successfully processed package \"Windows Server 2003 Administration Tools Pack\" "
            "(package ID = LON00001).");

  // A4 and A5: one succeeds, the other's disk is full.
  const std::vector<std::string> at = {"--clock", "2007-10-25T20:05:00Z", "--mif"};
  const auto mif = [&](const std::string& text) {
    std::vector<std::string> arguments = at;
    arguments.push_back(text);
    return arguments;
  };
  const Finished first = lab.client("WRK-LON-001", mif("Success"));
  EXPECT_EQ(first.exit_status, 0) << first.err;
  EXPECT_EQ(lab.client("WRK-LON-002", mif("Failed:There is not enough space on the disk.")).exit_status, 1);
  EXPECT_EQ(lab.ladder({"--client", "WRK-LON-001"}), "10002 10005 10009");
  EXPECT_EQ(lab.ladder({"--client", "WRK-LON-002"}), "10002 10005 10007");
  // Figures 8 to 10; the seed breaks the lines for layout and prints no more of 10005 and 10007.
  EXPECT_THAT(without_run(text_of(lab, {"--client", "WRK-LON-001"}, 10005)),
              StartsWith("Program started for advertisement \"LON20000\" (\"LON00001\" - \"Per-system unattended\"). "
                         "Command line: \"C:\\WINDOWS\\system32\\msiexec.exe\" /q ALLUSERS=2 /m MSIUNQ1A /i "
                         "\"adminpak.msi\" Working directory: \\\\LON-DCSMS-01\\SMSPKGC$\\LON00001\\"));
  EXPECT_EQ(text_of(lab, {"--client", "WRK-LON-001"}, 10009),
            "The program for advertisement \"LON20000\" completed successfully (\"LON00001\" - \"Per-system "
            "unattended\"). The success description was \"\". The program generated an installation status Management "
            "Information Format (MIF) file with a status value of Success. For more information, see the documentation "
            "for the program you are distributing.");
  EXPECT_THAT(
      text_of(lab, {"--client", "WRK-LON-002"}, 10007),
      StartsWith("The program for advertisement \"LON20000\" failed (\"LON00001\" - \"Per-system unattended\"). "
                 "The failure description was \"There is not enough space on the disk.\". Possible cause: The "
                 "program generated an installation status Management Information Format (MIF) file with a "
                 "status value of Failed. Solution: For more information about the failure, refer to the "
                 "documentation for the program you are "));
  // Figure 6.
  const auto advert = lab.json<v1::Advert>({"advert", "show", "LON20000"});
  EXPECT_EQ(advert.summary().received(), 2U);
  EXPECT_EQ(advert.summary().started(), 2U);
  EXPECT_EQ(advert.summary().failed(), 1U);
  EXPECT_EQ(advert.summary().succeeded(), 1U);
  // Run from the distribution point: nothing was downloaded.
  const std::string cas = record_texts(read(lab.folder() + "/WRK-LON-001/logs/CAS.log"));
  EXPECT_THAT(cas, HasSubstr("Matching DP Location found 0 - \\\\LON-DCSMS-01\\SMSPKGC$\\LON00001\\\n"));
  EXPECT_THAT(cas, testing::Not(HasSubstr("Download")));
  EXPECT_EQ(lab.stop(), 0);
}

class SeedB : public testing::Test {
 protected:
  SeedB() : scenario_("seed-b"), lab_({"--scenario", scenario_.file(), "--clock", "2007-10-25T21:31:20.279Z"}) {
    when_settled(lab_, "CEN0005E");
    when_settled(lab_, "CEN0005F");
  }
  Finished run_client(const std::string& clock, const std::string& name = "AST-TRAINING1",
                      const std::vector<std::string>& more = {}) {
    std::vector<std::string> arguments = {"--site", "AST", "--clock", clock};
    if (name == "AST-TRAINING1") {
      arguments.insert(arguments.end(), {"--smsid", "GUID:F5EC9167-62AB-43BB-870E-4F40A720AB52"});
    }
    arguments.insert(arguments.end(), more.begin(), more.end());
    return lab_.client(name, arguments);
  }
  // What the client has written since the last call, of one log.
  std::string news(const std::string& log, const std::string& name = "AST-TRAINING1") {
    const std::string text = record_texts(read(lab_.folder() + "/" + name + "/logs/" + log + ".log"));
    size_t& seen = seen_[name + log];
    const std::string fresh = text.substr(seen);
    seen = text.size();
    return fresh;
  }
  // Of a CAS.log, what it says from the request for a content to the next request.
  static std::string about(const std::string& content, const std::string& cas) {
    const std::string request = "Requesting content ";
    const size_t at = cas.find(request + content + ",");
    if (at == std::string::npos) return "no request for " + content + " in:\n" + cas;
    return cas.substr(at, cas.find(request, at + 1) - at);
  }
  // The result blocks of a DataTransferService.log.
  static std::string results(const std::string& log) {
    static const std::regex kBlock(R"((DTS job \{[-0-9A-F]+\} has completed:(?:[^\n]*\n){5}))");
    std::string out;
    for (std::sregex_iterator at(log.begin(), log.end(), kBlock), end; at != end; ++at) out += at->str();
    return out;
  }

  Seed scenario_;
  Lab lab_;
  std::map<std::string, size_t> seen_;
};

TEST_F(SeedB, MismatchCureCacheAndAGoodRun) {
  // The packages are of another site; this one has them in the version that they have there.
  EXPECT_EQ(when_settled(lab_, "CEN0005E").source_version(), 2U);
  EXPECT_EQ(when_settled(lab_, "CEN0005E").dps(0).version(), 2U);
  EXPECT_EQ(when_settled(lab_, "CEN0005E").size(), 21857U * 1024);
  EXPECT_EQ(when_settled(lab_, "CEN0005F").size(), 4805U * 1024);
  EXPECT_EQ(lab_.cli({"package", "update", "CEN0005F"}).exit_status, 1);

  // B2: the copy on the DP is damaged.
  const std::string recorded = when_settled(lab_, "CEN0005F").hash().sha1();
  const auto rule = lab_.json<v1::FaultRule>(
      {"fault", "add", R"({"match":{"dp":"AST-DCSMS-01","package":"CEN0005F","file":"data1.cab"},"corrupt":{}})"});
  const std::string foretold = rule.foretold().package().sha1();
  ASSERT_EQ(foretold.size(), 40U);
  ASSERT_NE(foretold, recorded);
  const Finished bad = run_client("2007-10-25T21:31:20.279Z");
  EXPECT_EQ(bad.exit_status, 1);
  EXPECT_THAT(bad.err, HasSubstr("0x80091007"));
  std::string wanted = seed("b2-cas.txt");
  for (const auto& [printed, here] :
       {std::pair<std::string, std::string>{"C0AF9CA9EE8EA440E6E1B498B944286E2147562D", recorded},
        {"1FC839BC858A9CC7936C17208FDC772501666DD2", foretold}}) {
    const size_t at = wanted.find(printed);
    ASSERT_NE(at, std::string::npos);
    wanted.replace(at, printed.size(), here);
  }
  EXPECT_EQ(without_run(news("CAS")), without_run(wanted));

  // B3: the package is refreshed on the DP, the advertisement re-run; the next run finds it in the cache.
  lab_.must({"package", "refresh", "CEN0005F", "--dp", "AST-DCSMS-01", "--wait"});
  const Finished cured = run_client("2007-10-25T22:00:00Z");
  EXPECT_EQ(cured.exit_status, 0) << cured.err;
  EXPECT_THAT(news("CAS"),
              HasSubstr("Hash verification succeeded for content CEN0005F.1 downloaded under context System"));
  const Finished cached = run_client("2007-10-25T23:00:00Z");
  EXPECT_EQ(cached.exit_status, 0) << cached.err;
  EXPECT_EQ(without_run(news("CAS")), without_run(seed("b3-cas.txt")));

  // B1, of the day after.
  lab_.must({"clock", "freeze", "2007-10-26T16:35:49.724Z"});
  const Finished good = run_client("2007-10-26T16:35:49.724Z");
  EXPECT_EQ(good.exit_status, 0) << good.err;
  EXPECT_EQ(without_run(about("CEN0005E.2", news("CAS"))), without_run(seed("b1-cas.txt")));

  // The client is the declared one, known by its GUID.
  const auto clients = lab_.json<v1::ClientList>({"client", "list"});
  ASSERT_EQ(clients.clients_size(), 1);
  EXPECT_EQ(clients.clients(0).smsid(), "GUID:F5EC9167-62AB-43BB-870E-4F40A720AB52");
  EXPECT_TRUE(clients.clients(0).registered());
}

// B4: BITS switched off, then on again.
TEST_F(SeedB, PolicyDownloadWithoutBits) {
  EXPECT_EQ(run_client("2007-10-29T11:26:41Z", "AST-TRAINING2", {"--no-bits"}).exit_status, 1);
  EXPECT_EQ(without_run(results(news("DataTransferService", "AST-TRAINING2"))), without_run(seed("b4-off-dts.txt")));
  const Finished on = run_client("2007-10-29T11:28:39Z", "AST-TRAINING2");
  EXPECT_EQ(on.exit_status, 0) << on.err;
  EXPECT_EQ(without_run(results(news("DataTransferService", "AST-TRAINING2"))), without_run(seed("b4-on-dts.txt")));
}

// B5: the software distribution agent's configuration is not among the policies; then it is.
TEST_F(SeedB, ClientSettingsMissing) {
  const std::string line = "Software Distribution Site Settings for the client are missing from WMI.\n";
  lab_.must({"site", "set", "--client-settings", "off"});
  EXPECT_EQ(run_client("2007-10-25T21:31:20Z", "AST-TRAINING2").exit_status, 1);
  EXPECT_THAT(news("execmgr", "AST-TRAINING2"), HasSubstr(line));
  lab_.must({"site", "set", "--client-settings", "on"});
  const Finished cured = run_client("2007-10-25T21:36:20Z", "AST-TRAINING2");
  EXPECT_EQ(cured.exit_status, 0) << cured.err;
  EXPECT_THAT(news("execmgr", "AST-TRAINING2"), testing::Not(HasSubstr(line)));
}
}  // namespace
}  // namespace smslab::test
