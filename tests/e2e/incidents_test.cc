// The list of incidents (docs/incidents.md), with the reference client: each server preset and each switch ends the
// client's day as its row says, in code, log line, event and status message; and after the row's cure the next day
// ends well.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "proto/base/uri.h"
#include "proto/codec/json.h"
#include "proto/fault/presets.h"
#include "proto/schema/client_run.pb.h"
#include "proto/schema/preset.pb.h"
#include "tests/support/client_log.h"
#include "tests/support/lab.h"
#include "tests/support/tls_probe.h"

namespace smslab::test {
namespace {
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;
using Run = v1::AdvertRun;

constexpr const char* kNow = "2026-11-21T20:00:00Z";
constexpr const char* kDp = "LON-DCSMS-01";
constexpr const char* kFiles[] = {"adminpak.msi", ".settings", "bin/tool.exe", "data.mdb", "c++.txt"};

// One lab for all; each case has a package, an advert and a client of its own.
class Incidents : public ::testing::Test {
 protected:
  static void SetUpTestSuite() { lab_ = new Lab({"--clock", kNow, "--dp", std::string(kDp) + "=127.0.0.1:0"}); }
  static void TearDownTestSuite() {
    delete lab_;
    lab_ = nullptr;
  }
  void TearDown() override { lab_->must({"fault", "clear"}); }

  void make(bool distributed = true) {
    number_ = ++cases_;
    package_ = "LON" + std::to_string(10000 + number_);
    client_ = "WRK-LON-" + std::to_string(100 + number_);
    source_ = lab_->folder() + "/" + package_;
    for (const char* file : kFiles) write(source_ + "/" + file, package_ + file + std::string(700'000 / 5, 'x'));
    lab_->must({"client", "create", client_});
    lab_->must(
        {"package", "create", package_, "--name", package_, "--source", source_, "--program", "Install=setup.exe"});
    if (distributed) distribute();
    lab_->must({"collection", "create", client_, "--member", client_});
    advertise("LON" + std::to_string(20000 + number_), package_);
  }
  void distribute() const { lab_->must({"package", "distribute", package_, "--dp", kDp, "--wait"}); }
  void advertise(const std::string& id, const std::string& package) const {
    lab_->must({"advert", "create", id, "--package", package, "--program", "Install", "--collection", client_,
                "--start", kNow, "--mandatory", "now", "--download"});
  }

  std::string address() const { return "127.0.3." + std::to_string(number_); }

  v1::FaultList add(const std::string& preset) const {
    std::vector<std::string> arguments = {"fault", "preset", "add", preset};
    const std::string_view rules = (*fault::find_preset(preset))->rules;
    const auto give = [&](const std::string& name, const std::string& value) {
      if (rules.find("{" + name + "}") == std::string_view::npos) return;
      arguments.insert(arguments.end(), {"--" + name, value});
    };
    give("dp", kDp);
    give("package", package_);
    give("file", "adminpak.msi");
    // Whoever asks a management point for its list has no name yet.
    const bool nameless = rules.find("{address}") != std::string_view::npos;
    if (nameless) give("address", address());
    if (!nameless) give("client", client_);
    return lab_->json<v1::FaultList>(arguments);
  }

  v1::ClientRun run(std::vector<std::string> more = {}, const std::string& clock = kNow) const {
    std::vector<std::string> arguments = {"--bind", address(), "--clock", clock, "--json"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    v1::ClientRun out;
    const Finished finished = lab_->client(client_, arguments);
    EXPECT_EQ(codec::from_json(finished.out, &out), ok_status()) << finished.out << finished.err;
    EXPECT_EQ(finished.exit_status, out.error().empty() ? 0 : 1);
    return out;
  }
  std::string log(const std::string& name) const {
    return record_texts(read(lab_->folder() + "/" + client_ + "/logs/" + name));
  }
  static std::vector<std::string> events(const v1::ClientRun& run) {
    std::vector<std::string> out;
    for (const auto& message : run.messages()) out.push_back(message.event());
    return out;
  }

  // What the preset's row says of the client.
  void expect_symptom(const std::string& preset, const v1::ClientRun& run) const {
    const v1::ClientSymptom symptom = fault::describe(**fault::find_preset(preset)).client();
    EXPECT_THAT(log(symptom.log()), HasSubstr(symptom.line())) << run.error();
    if (!symptom.event().empty()) {
      EXPECT_THAT(events(run), Contains(symptom.event()));
    }
    const std::string ladder = lab_->ladder({"--client", client_});
    for (const uint32_t id : symptom.messages()) EXPECT_THAT(ladder, HasSubstr(std::to_string(id)));
    if (!run.adverts().empty() && run.adverts(0).has_content()) {
      EXPECT_EQ(run.adverts(0).content().error_code(), symptom.error()) << run.error();
    }
  }
  void expect_cured() const {
    const v1::ClientRun well = run();
    EXPECT_EQ(well.error(), "");
    ASSERT_EQ(well.adverts_size(), 1);
    EXPECT_EQ(well.adverts(0).result(), Run::SUCCEEDED) << well.adverts(0).reason();
  }
  void cure(const std::string& preset) const {
    switch ((*fault::find_preset(preset))->cured_by) {
      case fault::CuredBy::kClear: lab_->must({"fault", "clear"}); break;
      case fault::CuredBy::kRefresh: lab_->must({"package", "refresh", package_, "--dp", kDp, "--wait"}); break;
      case fault::CuredBy::kUpdate: lab_->must({"package", "update", package_, "--wait"}); break;
      case fault::CuredBy::kClient: break;
    }
  }

  static inline Lab* lab_ = nullptr;
  static inline int cases_ = 0;
  int number_ = 0;
  std::string package_, client_, source_;
};

// ---- presets that need nothing but to be added
struct Case {
  const char* preset;
  std::optional<Run::Result> result;  // none: the client gets no further than its MP
};
class Presets : public Incidents, public ::testing::WithParamInterface<Case> {};

TEST_P(Presets, EndAsTheirRowSays) {
  const std::string preset = GetParam().preset;
  make();
  const v1::FaultList rules = add(preset);
  ASSERT_FALSE(rules.faults().empty());
  const v1::ClientRun run = this->run();
  EXPECT_NE(run.error(), "");
  expect_symptom(preset, run);
  if (GetParam().result) {
    ASSERT_EQ(run.adverts_size(), 1) << run.error();
    EXPECT_EQ(run.adverts(0).result(), *GetParam().result) << run.adverts(0).reason();
  } else {
    EXPECT_EQ(run.adverts_size(), 0);
  }
  cure(preset);
  expect_cured();
}

INSTANTIATE_TEST_SUITE_P(
    Row, Presets,
    ::testing::Values(Case{"source-changed", Run::FAILED}, Case{"hidden-files", Run::FAILED},
                      Case{"damaged-file", Run::FAILED}, Case{"binary-delta", Run::FAILED},
                      Case{"drive-root", Run::FAILED}, Case{"hidden-segment", Run::WAITING_FOR_CONTENT},
                      Case{"denied-extension", Run::WAITING_FOR_CONTENT},
                      Case{"plus-in-name", Run::WAITING_FOR_CONTENT}, Case{"range-ignored", Run::FAILED},
                      Case{"no-size", Run::FAILED}, Case{"multipart-range", Run::FAILED},
                      Case{"no-locations", Run::WAITING_FOR_CONTENT}, Case{"old-version", Run::WAITING_FOR_CONTENT},
                      Case{"content-deleted", Run::FAILED}, Case{"anonymous-access-off", Run::FAILED},
                      Case{"access-account-added", Run::FAILED}, Case{"no-settings", std::nullopt},
                      Case{"mp-down", std::nullopt}, Case{"mp-database-down", std::nullopt},
                      Case{"dp-busy", Run::FAILED}, Case{"webdav-off", Run::FAILED},
                      Case{"head-refused", Run::WAITING_FOR_CONTENT}),
    [](const auto& test) {
      std::string name;
      for (const char c : std::string(test.param.preset)) name += c == '-' ? '_' : c;
      return name;
    });

// ---- more of what their rows say
TEST_F(Incidents, AHashMismatchIsWordForWord) {
  make();
  add("damaged-file");
  run();
  EXPECT_THAT(log("CAS.log"), HasSubstr("Hash does not match expected "));
  EXPECT_THAT(log("CAS.log"),
              HasSubstr("Download failed for content " + package_ + ".1 under context System, error 0x80091007"));
  EXPECT_THAT(log("CAS.log"), HasSubstr("Successfully raised SoftDistHashMismatchEvent event."));
  EXPECT_THAT(log("execmgr.log"), HasSubstr("OnContentAvailable program Install NOT available, 0x80091007"));
  EXPECT_THAT(log("execmgr.log"), HasSubstr("Fatal error 0x80008602 encountered for program Install."));
}

TEST_F(Incidents, AnEmptyListingIsAMismatchOfNothing) {
  make();
  add("drive-root");
  run();
  EXPECT_THAT(log("ContentTransferManager.log"), HasSubstr("Code 0x80040215"));
  EXPECT_THAT(log("CAS.log"), HasSubstr(", actual \n"));
}

TEST_F(Incidents, AFileThatIsRefusedIsBegunThreeTimesAgainAndThenHangs) {
  make();
  add("denied-extension");
  run();
  const std::string dts = log("DataTransferService.log");
  size_t failures = 0;
  const std::string failure = "with error 0x80190194";
  for (size_t at = dts.find(failure); at != std::string::npos; at = dts.find(failure, at + 1)) failures++;
  EXPECT_EQ(failures, 4u);
  EXPECT_THAT(dts, HasSubstr("data.mdb"));
  EXPECT_THAT(dts, Not(HasSubstr("failed to download source file /SMS_DP_SMSPKGC$/" + package_ + "/adminpak.msi")));
  EXPECT_THAT(log("CAS.log"), Not(HasSubstr("Download failed"))) << "SMS is not told";
  EXPECT_THAT(log("ContentTransferManager.log"), Not(HasSubstr("encountered error")));
}

TEST_F(Incidents, ABusyDpIsTriedOnceMore) {
  make();
  const v1::FaultList rules = add("dp-busy");
  run();
  const auto rule = lab_->json<v1::FaultRule>({"fault", "show", rules.faults(0).id()});
  EXPECT_EQ(rule.counts().hit(), 2u);
}

TEST_F(Incidents, WhoseDatabaseIsDownStillShowsItsCertificate) {
  make();
  add("mp-database-down");
  const std::string text = lab_->mp().substr(std::string("http://").size());
  HttpProbe probe(*parse_host_port(text, "mp"), address());
  EXPECT_EQ(probe.ask("GET", "/SMS_MP/.sms_aut?mpcert").status, 200);
}

TEST_F(Incidents, WhatARefreshEndsIsListedAsHealed) {
  make();
  const v1::FaultList rules = add("content-deleted");
  EXPECT_EQ(lab_->json<v1::Package>({"package", "show", package_}).dps(0).state(), v1::PackageDp::INSTALLED);
  lab_->must({"package", "refresh", package_, "--dp", kDp, "--wait"});
  EXPECT_TRUE(lab_->json<v1::FaultRule>({"fault", "show", rules.faults(0).id()}).healed());
  EXPECT_EQ(lab_->stop(), 0);
  lab_->restart({"--clock", kNow, "--dp", std::string(kDp) + "=127.0.0.1:0"});
  expect_cured();
}

// ---- the site's own trouble
class SiteTrouble : public Incidents, public ::testing::WithParamInterface<const char*> {};

TEST_P(SiteTrouble, EndsAsItsRowSays) {
  const std::string preset = GetParam();
  make(false);
  add(preset);
  lab_->must({"package", "distribute", package_, "--dp", kDp});
  const v1::Package retrying = lab_->wait_package(package_, [](const v1::Package& package) {
    return package.dps(0).state() == v1::PackageDp::INSTALL_RETRYING && !package.pass_open();
  });
  EXPECT_EQ(retrying.dps(0).win32_error(), preset == "dp-disk-full" ? 112u : 53u);
  EXPECT_THAT(lab_->ladder({"--package", package_}), HasSubstr(preset == "dp-disk-full" ? "2328 2302" : "2302"));
  const v1::ClientRun waits = run();
  expect_symptom(preset, waits);
  EXPECT_EQ(waits.adverts(0).result(), Run::WAITING_FOR_CONTENT);

  lab_->must({"fault", "clear"});
  lab_->must({"clock", "advance", "30m"});
  lab_->wait_package(package_,
                     [](const v1::Package& package) { return package.dps(0).state() == v1::PackageDp::INSTALLED; });
  expect_cured();
  lab_->must({"clock", "freeze", kNow});
}
INSTANTIATE_TEST_SUITE_P(Row, SiteTrouble, ::testing::Values("dp-unreachable", "dp-disk-full"), [](const auto& test) {
  return std::string(test.param) == "dp-disk-full" ? "dp_disk_full" : "dp_unreachable";
});

TEST_F(Incidents, ACertificateThatHasExpiredIsNotTrusted) {
  make();
  const auto trusted = [&] {
    TlsProbe probe(*parse_host_port(lab_->mp().substr(std::string("http://").size()), "mp"), lab_->data() + "/tls.pem");
    return probe.connected();
  };
  EXPECT_TRUE(trusted());
  add("certificate-expired");
  EXPECT_FALSE(trusted());
  lab_->must({"fault", "clear"});
  EXPECT_TRUE(trusted());
}

// ---- switches of the client
TEST_F(Incidents, BitsDisabled) {
  make();
  const v1::ClientRun off = run({"--no-bits"});
  expect_symptom("bits-disabled", off);
  EXPECT_THAT(log("DataTransferService.log"), HasSubstr("Elapsed time : 0 seconds"));
  expect_cured();
}

TEST_F(Incidents, PackageLargerThanCache) {
  make();
  write(source_ + "/large.bin", std::string(1'500'000, 'l'));
  lab_->must({"package", "update", package_, "--wait"});
  const v1::ClientRun small = run({"--cache-size", "1"});
  expect_symptom("package-larger-than-cache", small);
  EXPECT_EQ(small.adverts(0).result(), Run::FAILED);
  EXPECT_EQ(run({"--cache-size", "10"}).adverts(0).result(), Run::SUCCEEDED);
}

TEST_F(Incidents, CacheFull) {
  make();
  EXPECT_EQ(run({"--cache-size", "1"}).error(), "");
  const std::string second = "LON" + std::to_string(50000 + number_);
  write(lab_->folder() + "/" + second + "/b.bin", std::string(700'000, 'b'));
  lab_->must({"package", "create", second, "--name", second, "--source", lab_->folder() + "/" + second, "--program",
              "Install=setup.exe"});
  lab_->must({"package", "distribute", second, "--dp", kDp, "--wait"});
  advertise("LON" + std::to_string(30000 + number_), second);
  const v1::ClientRun full = run({"--cache-size", "1"});
  expect_symptom("cache-full", full);
  EXPECT_THAT(full.error(), HasSubstr("18 times"));
  // A day later the first one may go.
  const v1::ClientRun later = run({"--cache-size", "1"}, "2026-11-22T21:00:00Z");
  EXPECT_EQ(later.error(), "");
}

TEST_F(Incidents, PathTooLong) {
  make();
  const v1::ClientRun deep = run({"--cache-path", "C:\\" + std::string(230, 'p')});
  expect_symptom("path-too-long", deep);
  EXPECT_THAT(deep.error(), HasSubstr("255 characters"));
  expect_cured();
}

TEST_F(Incidents, ClientClock) {
  make();
  const v1::ClientRun early = run({}, "2026-11-20T20:00:00Z");
  expect_symptom("client-clock", early);
  EXPECT_EQ(early.adverts(0).result(), Run::NOT_DUE);
  EXPECT_EQ(lab_->ladder({"--client", client_}), "10002") << "and then nothing";
  expect_cured();
}

TEST_F(Incidents, ProgramTooSlow) {
  make();
  lab_->must({"program", "set", package_, "--name", "Install", "--duration", "60"});
  const v1::ClientRun slow = run({"--run-time", "61"});
  expect_symptom("program-too-slow", slow);
  EXPECT_EQ(slow.adverts(0).result(), Run::FAILED);
  lab_->must({"program", "set", package_, "--name", "Install", "--duration", "120"});
  EXPECT_EQ(run({"--run-time", "61"}).adverts(0).result(), Run::SUCCEEDED);
}

TEST_F(Incidents, ProgramDiskFull) {
  make();
  const v1::ClientRun full = run({"--mif", "Failed:There is not enough space on the disk."});
  expect_symptom("program-disk-full", full);
  expect_cured();
}

// ---- the verbs
TEST_F(Incidents, PresetsAreListedAndRefusedByName) {
  make();
  const auto list = lab_->json<v1::FaultPresetList>({"fault", "preset", "list"});
  EXPECT_EQ(static_cast<size_t>(list.presets_size()), fault::all_presets().size());
  const auto refused = [&](std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {"fault", "preset", "add"});
    const Finished finished = lab_->cli(arguments);
    EXPECT_EQ(finished.exit_status, 1);
    return finished.err;
  };
  EXPECT_THAT(refused({"damaged-fil"}), HasSubstr("did you mean damaged-file?"));
  EXPECT_THAT(refused({"damaged-file", "--dp", kDp}), HasSubstr("package"));
  EXPECT_THAT(refused({"damaged-file", "--dp", "NOWHERE", "--package", package_}), HasSubstr("NOWHERE"));
  EXPECT_THAT(refused({"bits-disabled"}), HasSubstr("smslab-client run --no-bits"));
  EXPECT_THAT(refused({"corrupt-offer"}), HasSubstr("not reproduced"));
  EXPECT_THAT(refused({"mp-database-down", "--client", "NOBODY"}), HasSubstr("NOBODY"));
  EXPECT_TRUE(lab_->json<v1::FaultList>({"fault", "list"}).faults().empty()) << "nothing of it stays";
}

// Every preset of a server and every switch is in a test above.
TEST(IncidentTests, LackNone) {
  const std::string text = read(SMSLAB_SOURCE "/tests/e2e/incidents_test.cc");
  for (const fault::Preset& preset : fault::all_presets()) {
    if (preset.kind() == v1::FaultPreset::NOT_REPRODUCED) continue;
    EXPECT_THAT(text, HasSubstr("\"" + std::string(preset.name) + "\""));
  }
}

}  // namespace
}  // namespace smslab::test
