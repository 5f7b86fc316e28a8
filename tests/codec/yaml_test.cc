// Scenario files as people write them: every error of a file at once, each with its place, and back to text.
#include "proto/codec/yaml.h"

#include <gmock/gmock.h>
#include <google/protobuf/util/message_differencer.h>
#include <gtest/gtest.h>

#include "proto/base/text.h"
#include "proto/schema/scenario.pb.h"
#include "tests/support/status.h"

namespace smslab::codec {
namespace {
using ::testing::ElementsAre;

std::vector<std::string> errors_of(std::string_view text, v1::Scenario* scenario) {
  std::vector<std::string> out;
  for (const auto& error : read_yaml(text, scenario).errors) {
    out.push_back(std::to_string(error.place.line) + ":" + std::to_string(error.place.column) + " " + error.path + " " +
                  error.what);
  }
  return out;
}

TEST(YamlFile, EveryErrorAtOnceAndTheRestIsRead) {
  v1::Scenario scenario;
  EXPECT_THAT(errors_of(R"(site: LON
profil: "2007"
packages:
  - id: LON00001
    programs: [{name: a, commandLine: b, flags: {x: [1, {y: 2}]}}]
    sourceVersion: one
    dps: LON-DCSMS-01
  - {id: LON00002, name: {first: a}, name: Tools}
adverts:
  - {id: LON20000, start: tomorrow, rerun: SOMETIMES, download: yes}
  - 7
clients: null
site: AST
)",
                        &scenario),
              ElementsAre("2:1 profil unknown key 'profil'; it takes site, profile, settings, dps, packages, "
                          "collections, adverts, clients, faults",
                          "5:42 packages[0].programs[0].flags unknown key 'flags'; it takes name, commandLine, "
                          "workingDirectory, comment, durationMinutes, userContext, runFirst, runFirstAlways, "
                          "disabled, diskSpace",
                          "6:20 packages[0].sourceVersion expected a whole number, not 'one'",
                          "7:10 packages[0].dps expected a list, not 'LON-DCSMS-01'",
                          "8:26 packages[1].name expected a string, not an object",
                          "8:38 packages[1].name 'name' is given twice",
                          "10:27 adverts[0].start 'tomorrow' is not a time such as 2026-11-21T20:00:00Z",
                          "10:44 adverts[0].rerun 'SOMETIMES' is none of RERUN_DEFAULT, ALWAYS, NEVER, IF_FAILED, "
                          "IF_SUCCEEDED",
                          "10:65 adverts[0].download expected true or false, not 'yes'",
                          "11:5 adverts[1] expected an object, not '7'",
                          "12:10 clients null is no value here; leave the key out", "13:1 site 'site' is given twice"));
  EXPECT_EQ(scenario.site(), "LON");
  ASSERT_EQ(scenario.packages_size(), 2);
  EXPECT_EQ(scenario.packages(0).programs(0).command_line(), "b");
}

TEST(YamlFile, WhatIsNoYamlIsOneError) {
  v1::Scenario scenario;
  for (const std::string_view text : {"site: [1", "site: *a", "site: a\n\tx: b", "", "- 1", "site: a\n---\nsite: b"}) {
    EXPECT_EQ(errors_of(text, &scenario).size(), 1U) << text;
  }
  EXPECT_THAT(errors_of("dps:\n  - &a {}", &scenario), ElementsAre("2:5  anchors are not taken"));
  using namespace std::string_view_literals;
  EXPECT_THAT(errors_of("site: LON\nprofile: \"\u00e4\0\""sv, &scenario),
              ElementsAre("2:12  a control character, which no text has"));
  EXPECT_THAT(errors_of("\x04site: LON", &scenario), ElementsAre("1:1  a control character, which no text has"));
  EXPECT_EQ(read_yaml(std::string(100, ' '), &scenario, {.bytes = 99}).errors.size(), 1U);
}

TEST(YamlFile, KnowsWhereEverythingStands) {
  v1::Scenario scenario;
  const YamlFile file = read_yaml(R"(site: LON
packages:
  - id: LON00001
    source_version: 2
    dps: [A, B]
)",
                                  &scenario);
  EXPECT_TRUE(file.errors.empty());
  EXPECT_EQ(file.place_of("packages[0].sourceVersion"), (Place{4, 21}));
  EXPECT_EQ(file.place_of("packages[0].dps[1]"), (Place{5, 14}));
  EXPECT_EQ(file.place_of("packages[0].name"), (Place{3, 5}));  // absent: the package
  EXPECT_EQ(file.place_of("adverts[3].id"), (Place{1, 1}));
  EXPECT_EQ(file.place_of(""), (Place{1, 1}));
}

TEST(YamlFile, WritesWhatItReads) {
  v1::Scenario scenario;
  const std::string text = R"(site: LON
settings:
  retries: 0
  approveClients: false
packages:
  - id: LON00001
    name: "null"
    manufacturer: "two: parts # and \"quotes\""
    source: /srv/a b
    sourceVersion: 2
    programs:
      - name: Per-system unattended
        commandLine: "\"C:\\WINDOWS\\system32\\msiexec.exe\" /q /i \"adminpak.msi\""
    dps:
      - LON-DCSMS-01
adverts:
  - id: LON20000
    start: 2007-10-25T21:31:20.125Z
    rerun: ALWAYS
clients:
  - {}
  - name: Ö
)";
  const YamlFile file = read_yaml(text, &scenario);
  for (const auto& error : file.errors) ADD_FAILURE() << error.path << ": " << error.what;
  EXPECT_EQ(to_yaml(scenario), text);
  for (const std::string odd :
       {"",    "~",  "true", "-1", "- a", "a: b", "a\nb", "\ttab", " blank ", "#",    "'",
        "\\",  "*a", "&a",   "!a", "%a",  "@a",   "[a",   "{a",    "a,b]",    "null", "2007-10-25T21:31:20Z",
        "\x01"}) {
    v1::Scenario written, read;
    written.add_packages()->add_dps(odd);
    EXPECT_EQ(from_yaml(to_yaml(written), &read), ok_status()) << to_yaml(written);
    EXPECT_TRUE(google::protobuf::util::MessageDifferencer::Equals(written, read)) << to_yaml(written);
  }
}
}  // namespace
}  // namespace smslab::codec
