// Scenario files through the command line: what they make, what is refused, and that a start does it once.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "proto/control/client.h"
#include "proto/schema/scenario.pb.h"
#include "tests/support/lab.h"

namespace smslab::test {
namespace {
using testing::ElementsAre;
using testing::HasSubstr;

const char kGood[] = R"(site: LON
settings:
  retries: 7
  approveClients: false
  boundaries:
    - {name: Floor 2, subnet: 192.168.2.0/24, slow: true}
    - {name: Floor 1, subnet: 192.168.1.0/24}
dps:
  - name: LON-DCSMS-01
  - name: LON-DP-02
packages:
  - id: LON00001
    name: Tools
    source: tools
    programs:
      - {name: Install, commandLine: setup.exe, runFirst: CEN0005F;;Install}
      - {name: Remove, commandLine: setup.exe /x, comment: "true"}
    dps: [LON-DP-02, lon-dcsms-01]
  - {id: CEN0005F, name: Of another site, source: ./tools/../more, sourceVersion: 3,
     programs: [{name: Install, commandLine: setup.exe}]}
collections:
  - {name: Everyone, collections: [Beta, Alpha]}
  - {name: Beta, id: LON00007, members: [PC2, PC1]}
  - {name: Alpha, members: [PC3]}
adverts:
  - {id: LON20001, package: LON00001, program: install, collection: everyone, start: 2007-10-25T20:00:00Z, rerun: ALWAYS}
  - {package: CEN0005F, program: Install, collection: Alpha, expires: 2099-01-01T00:00:00Z}
clients:
  - {name: pc1, smsid: "GUID:F5EC9167-62AB-43BB-870E-4F40A720AB52", fqdn: pc1.example}
)";

class ScenarioFiles : public testing::Test {
 protected:
  ScenarioFiles() {
    write(folder_ / "tools/setup.exe", "setup");
    write(folder_ / "more/setup.exe", "another");
    write(good_, kGood);
  }
  Finished smslab(std::vector<std::string> arguments) const {
    arguments.insert(arguments.begin(), SMSLAB_BINARY);
    return run(std::move(arguments), folder_.path());
  }
  std::string file(const std::string& text) const {
    write(folder_ / "case.yaml", text);
    return folder_ / "case.yaml";
  }
  // What `arguments` say about the file on standard error, without its path and the last line.
  std::vector<std::string> errors(const std::string& text, const Finished& finished) const {
    EXPECT_EQ(finished.exit_status, 1) << text;
    EXPECT_EQ(finished.out, "");
    std::vector<std::string> lines;
    std::string left = finished.err;
    for (size_t end = 0; (end = left.find('\n')) != std::string::npos; left.erase(0, end + 1)) {
      std::string line = left.substr(0, end);
      const std::string file = (folder_ / "case.yaml") + ":";
      if (line.starts_with("smslab: " + file)) {
        EXPECT_THAT(line, testing::AnyOf(testing::EndsWith("nothing was changed"), testing::EndsWith(" errors"),
                                         testing::EndsWith(" 1 error")));
        continue;
      }
      EXPECT_TRUE(line.starts_with(file)) << line;
      lines.push_back(line.substr(file.size()));
    }
    return lines;
  }
  std::vector<std::string> validated(const std::string& text) const {
    return errors(text, smslab({"scenario", "validate", file(text)}));
  }

  TempFolder folder_;
  const std::string good_ = folder_ / "good.yaml";
};

TEST_F(ScenarioFiles, ExportedAndAppliedAgainTheSiteIsEqual) {
  EXPECT_EQ(smslab({"scenario", "validate", good_}).out, "site LON: 2 packages, 3 collections, 2 adverts, 1 client\n");
  Lab lab({"--scenario", good_, "--clock", "2007-10-25T21:00:00Z"});
  const std::string first = lab.must({"scenario", "export", "-"});
  EXPECT_EQ(lab.json<v1::Package>({"package", "show", "CEN0005F"}).source_version(), 3U);
  EXPECT_EQ(lab.json<v1::Package>({"package", "show", "LON00001"}).dps_size(), 2);
  EXPECT_EQ(lab.json<v1::Collection>({"collection", "show", "beta"}).id(), "LON00007");
  EXPECT_EQ(lab.json<v1::Advert>({"advert", "show", "LON20000"}).package(), "CEN0005F");
  // As separate commands would have said it; the distribution manager speaks later.
  EXPECT_THAT(lab.ladder({"--package", "LON00001"}),
              testing::StartsWith("30000 30003 30003 2300 2311 2301 30009 30009"));

  write(folder_ / "again.yaml", first);
  Lab again({"--scenario", folder_ / "again.yaml", "--clock", "2031-01-01T00:00:00Z"});
  EXPECT_EQ(again.must({"scenario", "export", "-"}), first);
  EXPECT_EQ(again.must({"scenario", "export", folder_ / "third.yaml"}), "");
  EXPECT_EQ(read(folder_ / "third.yaml"), first);
}

TEST_F(ScenarioFiles, AppliedToALabThatHasSomethingItIsAdded) {
  Lab lab({"--dp", "LON-DCSMS-01=127.0.0.1:0"});
  lab.must({"scenario", "apply", file("collections: [{name: A, members: [PC1]}]\n")});
  EXPECT_EQ(lab.must({"scenario", "apply", file("collections: [{name: B, collections: [a]}]\n")}),
            "site LON: 0 packages, 2 collections, 0 adverts, 0 clients\n");
}

TEST_F(ScenarioFiles, AStartOnTheSameFolderDoesNotApplyItAgain) {
  Lab lab({"--scenario", good_});
  lab.must({"advert", "delete", "LON20000"});
  const std::string now = lab.must({"scenario", "export", "-"});
  EXPECT_EQ(lab.stop(), 0);
  write(good_, "site: LON\ncollections: [{name: Another}]\n");
  lab.restart({"--scenario", good_});
  EXPECT_EQ(lab.must({"advert", "list", "--json"}).find("LON20000"), std::string::npos);
  EXPECT_EQ(lab.must({"collection", "list", "--json"}).find("Another"), std::string::npos);
  EXPECT_THAT(lab.log(), HasSubstr("holds a site already"));
}

TEST_F(ScenarioFiles, EveryErrorAtOnceWithItsPlace) {
  EXPECT_THAT(validated(R"(site: LON
settings:
  boundaries:
    - {name: A, subnet: 10.0.0.0/8}
    - {name: B, subnet: 10.1.0.0/16}
packages:
  - {id: LON00001, name: Tools, source: nowhere, dps: [LON-DP-09], programs: [{name: p}]}
  - {id: LON00002, name: " B", source: tools}
collections:
  - {name: A, collections: [B]}
  - {name: B, collections: [C]}
  - {name: C, collections: [A]}
  - {name: D, collections: [Z]}
  - {name: E}
  - {name: e}
adverts:
  - {id: LON20000, package: LON00009, program: p, collection: Z}
  - {id: LON20000, package: LON00002, program: p, collection: E, schedule: [0000000000000000]}
clients: [{name: X, created: 2007-10-25T21:31:00Z}]
)"),
              ElementsAre(HasSubstr("5:25: boundaries 'B' and 'A' overlap [settings.boundaries[1].subnet]"),
                          HasSubstr("7:41: the source folder cannot be read"),
                          HasSubstr("7:56: the site has no distribution point 'LON-DP-09' [packages[0].dps[0]]"),
                          HasSubstr("7:79: program 'p' has no command line [packages[0].programs[0].commandLine]"),
                          HasSubstr("8:26: name must not begin or end with a blank [packages[1].name]"),
                          HasSubstr("12:28: a cycle of collections: 'A' contains 'B' contains 'C' contains 'A'"),
                          HasSubstr("13:28: there is no collection 'Z'"),
                          HasSubstr("15:12: e is given twice; first as collections[4] [collections[5].name]"),
                          HasSubstr("17:29: there is no package LON00009 [adverts[0].package]"),
                          HasSubstr("17:63: there is no collection 'Z' [adverts[0].collection]"),
                          HasSubstr("18:10: LON20000 is given twice; first as adverts[0] [adverts[1].id]"),
                          HasSubstr("18:77: "),
                          HasSubstr("19:30: created is what the site says; leave it out [clients[0].created]")));
  EXPECT_THAT(validated("site: LON\npackages: 7\nprofile: {}\nsites: 1\n"),
              ElementsAre(HasSubstr("2:11: expected a list"), HasSubstr("3:10: expected a string"),
                          HasSubstr("4:1: unknown key 'sites'; it takes site")));
  EXPECT_THAT(validated("site: LONDON\n"), ElementsAre(HasSubstr("1:7: ")));
  EXPECT_THAT(validated("profile: '1999'\n"), ElementsAre(HasSubstr("1:10: ")));
  EXPECT_THAT(validated("site: [\n"), ElementsAre(HasSubstr("2:1: ")));
  EXPECT_THAT(validated("dps: [{name: A}, {name: a}]\n"),
              ElementsAre(HasSubstr("1:25: two distribution points are named A")));
  EXPECT_THAT(smslab({"scenario", "validate", folder_ / "none.yaml"}).err, HasSubstr("none.yaml"));
}

// What is wrong in the file's form, or with the site and its DPs, hides nothing else, and brings nothing of its own:
// not that a program is missing while a key of a package could not be read.
TEST_F(ScenarioFiles, OneErrorDoesNotHideTheOthers) {
  EXPECT_THAT(
      validated(R"(site: LONDON
profile: '1999'
sites: 1
dps:
  - {name: A, at: nowhere}
  - {name: a b}
packages:
  - {id: LON00001, name: N, source: 7, dps: [A], programs: [{name: p, commandLine: c}]}
  - {id: LON00002, name: N, source: tools, nmae: x, dps: [A, a b]}
collections:
  - {name: C, members: {}}
  - {name: " D"}
adverts:
  - {package: LON00001, program: p, collection: C}
  - {package: LON00002, program: p, collection: C, rerun: SOMETIMES}
)"),
      ElementsAre(HasSubstr("1:7: "), HasSubstr("2:10: "), HasSubstr("3:1: unknown key 'sites'"), HasSubstr("5:19: "),
                  HasSubstr("6:12: "), HasSubstr("8:37: "), HasSubstr("9:44: unknown key 'nmae'"), HasSubstr("11:24: "),
                  HasSubstr("12:12: "), HasSubstr("15:59: ")));
  Lab lab({"--dp", "LON-DCSMS-01=127.0.0.1:0"});
  const std::string text = "colections: []\ncollections: [{name: ' A'}]\nprofile: '2003'\n";
  EXPECT_THAT(errors(text, lab.cli({"scenario", "apply", file(text)})),
              ElementsAre(HasSubstr("1:1: unknown key"), HasSubstr("2:22: "), HasSubstr("3:10: ")));
  const Finished served = run({SMSLAB_BINARY, "serve", "--data", folder_ / "data", "--mp", "127.0.0.1:0", "--control",
                               "127.0.0.1:0", "--scenario", file(text)},
                              folder_.path());
  EXPECT_EQ(served.exit_status, 1);
  EXPECT_THAT(served.err, HasSubstr("case.yaml:1:1: unknown key"));
  EXPECT_THAT(served.err, HasSubstr("case.yaml:2:22: "));
}

TEST_F(ScenarioFiles, ExportedAsJsonToo) {
  Lab lab({"--dp", "LON-DCSMS-01=127.0.0.1:0"});
  lab.must({"collection", "create", "A", "--member", "PC1"});
  lab.must({"--json", "scenario", "export", folder_ / "site.json"});
  EXPECT_EQ(lab.must({"--json", "scenario", "export", "-"}), read(folder_ / "site.json"));
  EXPECT_THAT(read(folder_ / "site.json"), HasSubstr(R"("members":["PC1"])"));
  Lab other({"--dp", "LON-DCSMS-01=127.0.0.1:0", "--scenario", folder_ / "site.json"});
  EXPECT_EQ(other.must({"--json", "scenario", "export", "-"}), read(folder_ / "site.json"));
  // What could not be written is said.
  for (const char* arguments : {"scenario export -", "status", "--json collection list"}) {
    const Finished full =
        run({"/bin/sh", "-c",
             std::string(SMSLAB_BINARY) + " --control " + lab.ready().control() + " " + arguments + " > /dev/full"},
            folder_.path());
    EXPECT_EQ(full.exit_status, 1) << arguments;
    EXPECT_THAT(full.err, HasSubstr("No space left on device")) << arguments;
  }
}

TEST_F(ScenarioFiles, AVerbThatThereIsNotIsNamed) {
  EXPECT_THAT(smslab({"client", "erase", "PC1"}).err, HasSubstr("there is no verb 'erase'; see smslab client --help"));
  EXPECT_THAT(smslab({"--control", "http://x", "clients"}).err, HasSubstr("there is no verb 'clients'"));
  EXPECT_THAT(smslab({"dp", "--data", "x", "lsit"}).err, HasSubstr("there is no verb 'lsit'; see smslab dp --help"));
  EXPECT_EQ(smslab({"client", "erase", "PC1"}).exit_status, 2);
  const Finished known = smslab({"client", "show"});
  EXPECT_EQ(known.exit_status, 2);
  EXPECT_THAT(known.err, testing::Not(HasSubstr("there is no verb")));
}

TEST_F(ScenarioFiles, ARefusedOneChangesNothing) {
  Lab lab({"--dp", "LON-DCSMS-01=127.0.0.1:0"});
  lab.must({"scenario", "apply", file("collections: [{name: A, members: [PC1]}]\n")});
  const std::string before = lab.must({"scenario", "export", "-"}), messages = lab.must({"status", "--json"});
  const std::string stored = listing(lab.data() + "/site/blobs");
  for (const std::string text : {
           "packages: [{id: LON00001, name: N, source: tools, dps: [LON-DCSMS-01]}]\ncollections: [{name: a}]\n",
           "packages: [{id: LON00001, name: N, source: tools, dps: [LON-DCSMS-01]}]\n"
           "adverts: [{package: LON00001, program: p, collection: A}]\n",
           "site: AST\ncollections: [{name: B}]\n",
           "profile: '2003'\ncollections: [{name: B}]\n",
           "dps: [{name: LON-DP-09}]\ncollections: [{name: B}]\n",
           "settings: {retries: 3}\ncollections: [{name: B}, {name: b}]\n",
       }) {
    EXPECT_FALSE(errors(text, lab.cli({"scenario", "apply", file(text)})).empty()) << text;
    EXPECT_EQ(lab.must({"scenario", "export", "-"}), before) << text;
    EXPECT_EQ(lab.must({"status", "--json"}), messages) << text;
    EXPECT_EQ(listing(lab.data() + "/site/blobs"), stored) << text;
  }
  // A source that cannot be taken shows only when it is read: after a good one.
  write(folder_ / "odd/a?b", "x");
  const std::string text = "packages: [{id: LON00001, name: N, source: tools}, {id: LON00002, name: N, source: odd}]\n";
  EXPECT_THAT(errors(text, lab.cli({"scenario", "apply", file(text)})), ElementsAre(HasSubstr("1:84: ")));
  EXPECT_EQ(lab.must({"scenario", "export", "-"}), before);
  EXPECT_EQ(listing(lab.data() + "/site/blobs"), stored);
  EXPECT_EQ(listing(lab.data() + "/site/stage"), "");
  // And the next request is served.
  lab.must({"scenario", "apply", file("packages: [{id: LON00001, name: N, source: tools, dps: [LON-DCSMS-01]}]\n")});
}

TEST_F(ScenarioFiles, AServeWithABadOneEndsWithEveryError) {
  const Finished ended =
      run({SMSLAB_BINARY, "serve", "--data", folder_ / "data", "--mp", "127.0.0.1:0", "--control", "127.0.0.1:0",
           "--dp", "127.0.0.1:0", "--scenario", file("packages: [{id: L}]\nadverts: [{id: M}]\n")},
          folder_.path());
  EXPECT_EQ(ended.exit_status, 1);
  EXPECT_EQ(ended.out, "");
  EXPECT_THAT(ended.err, HasSubstr("case.yaml:1:17: "));
  EXPECT_THAT(ended.err, HasSubstr("case.yaml:2:16: "));
  EXPECT_THAT(ended.err, HasSubstr("errors; nothing was changed"));
}

TEST_F(ScenarioFiles, TheApiNamesEveryErrorByItsPath) {
  Lab lab({"--dp", "LON-DCSMS-01=127.0.0.1:0"});
  control::HttpClient http({.base = lab.ready().control(), .token = {}, .bind = {}});
  const auto post = [&](const std::string& body) {
    return http.send({.method = "POST",
                      .target = "/api/v1/scenario",
                      .fields = {{"Content-Type", "application/json"}},
                      .body = body});
  };
  const auto refused = post(R"({"packages":[{"id":"L","name":"N","source":"tools"}],"clients":[{"name":"a b"}]})");
  ASSERT_TRUE(refused.ok());
  EXPECT_EQ(refused->status, 400);
  EXPECT_THAT(refused->body, HasSubstr(R"("field":"packages[0].source")"));
  EXPECT_THAT(refused->body, HasSubstr(R"("field":"packages[0].id")"));
  EXPECT_THAT(refused->body, HasSubstr(R"("field":"clients[0].name")"));
  EXPECT_EQ(post(R"({"clients":[{"name":"a"}]})")->status, 200);
  EXPECT_EQ(post(R"({"clients":[{"name":"a"}]})")->status, 409);
  EXPECT_EQ(post(R"({"client":[]})")->status, 400);
}
}  // namespace
}  // namespace smslab::test
