// The list of incidents: every row of it is there, its rules are sound, and docs/incidents.md says the same.
#include "proto/fault/presets.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <iostream>
#include <map>
#include <set>

#include "proto/fault/rules.h"
#include "tests/support/golden.h"

namespace smslab::fault {
namespace {
using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr uint32_t kRows = 35;  // of facts: semantics 9

v1::FaultMatch everything(const Preset& preset) {
  v1::FaultMatch all;
  const auto takes = [&](std::string_view name) {
    return preset.rules.find("{" + std::string(name) + "}") != std::string_view::npos;
  };
  if (takes("dp")) all.set_dp("LON-DCSMS-01");
  if (takes("package")) all.set_package("LON00001");
  if (takes("file")) all.set_file("adminpak.msi");
  if (takes("client")) all.set_client("WRK-LON-001");
  if (takes("address")) all.set_address("127.0.0.2");
  return all;
}

std::string how(const Preset& preset) {
  switch (preset.kind()) {
    case v1::FaultPreset::SERVER: {
      std::string text = "`smslab fault preset add " + std::string(preset.name);
      const v1::FaultPreset described = describe(preset);
      for (const std::string& one : described.needs()) text += " --" + one + " ...";
      return text + "`";
    }
    case v1::FaultPreset::CLIENT: return "`smslab-client run " + std::string(preset.client_switch) + "`";
    default: return "not reproduced: " + std::string(preset.reason);
  }
}

std::string cure(const Preset& preset) {
  const std::string verb = describe(preset).cured_by();
  return std::string(preset.cure) + (verb.empty() ? "" : " (here `" + verb + "`)");
}

TEST(Presets, AreAllTheRows) {
  std::map<v1::FaultPreset::Kind, std::set<uint32_t>> rows;
  std::set<uint32_t> all;
  std::set<std::string_view> names;
  for (const Preset& preset : all_presets()) {
    rows[preset.kind()].insert(preset.row);
    all.insert(preset.row);
    EXPECT_TRUE(names.insert(preset.name).second) << preset.name;
    EXPECT_FALSE(preset.cure.empty() || preset.era.empty() || preset.confidence.empty()) << preset.name;
    const bool one_kind = (!preset.rules.empty()) + (!preset.client_switch.empty()) + (!preset.reason.empty()) == 1;
    EXPECT_TRUE(one_kind) << preset.name;
  }
  EXPECT_EQ(all.size(), kRows);
  EXPECT_EQ(*all.begin(), 1u);
  EXPECT_EQ(*all.rbegin(), kRows);
  const size_t server = rows[v1::FaultPreset::SERVER].size(), client = rows[v1::FaultPreset::CLIENT].size(),
               neither = rows[v1::FaultPreset::NOT_REPRODUCED].size();
  EXPECT_EQ(server + client + neither, kRows) << "a row is of one kind";
  std::cout << kRows << " incidents: " << server << " server presets, " << client
            << " switches of the reference client, " << neither << " not reproduced\n";
}

TEST(Presets, HaveSoundRules) {
  for (const Preset& preset : all_presets()) {
    if (preset.kind() != v1::FaultPreset::SERVER) {
      EXPECT_EQ(rules_of(preset, {}).status().code(), Code::kFailedPrecondition) << preset.name;
      continue;
    }
    const auto rules = rules_of(preset, everything(preset));
    ASSERT_TRUE(rules.ok()) << preset.name << ": " << rules.status().to_string();
    EXPECT_FALSE(rules->empty());
    for (const v1::FaultRule& rule : *rules) {
      EXPECT_EQ(check_rule(rule), ok_status()) << preset.name;
      EXPECT_EQ(rule.match().ShortDebugString().find('{'), std::string::npos) << preset.name;
    }
    // The reference client speaks no TLS, so nothing of its own is known to be trusted or not.
    if (preset.trouble != Trouble::kUntrusted) {
      EXPECT_FALSE(describe(preset).client().line().empty()) << preset.name;
    }
  }
}

TEST(Presets, RefuseWhatTheyLackAndWhatTheyHaveNoUseFor) {
  const Preset& damaged = **find_preset("Damaged-File");
  v1::FaultMatch match;
  match.set_dp("LON-DCSMS-01");
  EXPECT_EQ(rules_of(damaged, match).status().field(), "package");
  match.set_package("LON00001");
  EXPECT_EQ(rules_of(damaged, match)->front().match().file(), "") << "any file";
  match.set_client("WRK-LON-001");
  EXPECT_EQ(rules_of(damaged, match).status().field(), "client") << "damage at rest is everybody's";
}

TEST(Presets, OfUnknownNamesTheNearAreTold) {
  const auto message = [](const std::string& name) { return find_preset(name).status().message(); };
  EXPECT_THAT(message("damaged-fil"), AllOf(HasSubstr("damaged-file"), HasSubstr("did you mean")));
  EXPECT_THAT(message("cache"), AllOf(HasSubstr("cache-full"), HasSubstr("package-larger-than-cache")));
  EXPECT_THAT(message("?"), AllOf(HasSubstr("there are source-changed"), HasSubstr("certificate-expired")));
}

TEST(Presets, StandInTheDocumentation) {
  std::string table =
      "| row | name | incident | what the client shows | how | cure | era | confidence |\n"
      "|---|---|---|---|---|---|---|---|\n";
  for (const Preset& preset : all_presets()) {
    table += "| " + std::to_string(preset.row) + " | `" + std::string(preset.name) + "` | " +
             std::string(preset.trigger) + " | " + std::string(preset.sees) + " | " + how(preset) + " | " +
             cure(preset) + " | " + std::string(preset.era) + " | " + std::string(preset.confidence) + " |\n";
  }
  const std::string page = testing::test_data("../../docs/incidents.md");
  EXPECT_THAT(page, HasSubstr(table)) << "docs/incidents.md is to have these rows:\n" << table;
}

}  // namespace
}  // namespace smslab::fault
