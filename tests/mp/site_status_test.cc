#include <thread>

#include "mp/inboxes.h"
#include "mp/site_record.h"
#include "proto/base/ids.h"
#include "proto/schema/timestamp.h"
#include "tests/mp/site_fixture.h"
#include "tests/support/golden.h"

namespace smslab::mp {
namespace {
using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(Catalogue, RowsAreInOrderAndWhole) {
  uint32_t last = 0;
  for (const auto& row : status_catalogue().messages()) {
    EXPECT_GT(row.id(), last);
    last = row.id();
    const v1::StatusComponent* component = status_component(row.component());
    ASSERT_NE(component, nullptr) << row.id();
    EXPECT_EQ(component->name(), row.component()) << row.id();
    if (component->last_id() != 0) {
      EXPECT_GE(row.id(), component->first_id());
      EXPECT_LE(row.id(), component->last_id());
    }
    EXPECT_NE(row.type(), v1::StatusMessage::TYPE_UNKNOWN) << row.id();
    EXPECT_NE(row.confidence(), v1::StatusRow::CONFIDENCE_UNKNOWN) << row.id();
    EXPECT_FALSE(row.era().empty()) << row.id();
    EXPECT_FALSE(row.text().empty()) << row.id();
    EXPECT_EQ(status_row(row.id()), &row);
    EXPECT_EQ(row.severity() == v1::StatusMessage::SEVERITY_UNKNOWN, row.id() == 2360) << row.id();
    // Every string of a text is said to be something.
    for (int n = 1; n <= 9; n++) {
      if (row.text().find("%" + std::to_string(n)) == std::string::npos) continue;
      ASSERT_LE(n, row.strings_size()) << row.id();
      EXPECT_FALSE(row.strings(n - 1).empty()) << row.id() << " %" << n;
    }
  }
  EXPECT_EQ(status_row(2357)->era(), "12+!");
  EXPECT_EQ(status_row(2313), nullptr);  // not to be invented
  EXPECT_EQ(status_row(10031), nullptr);
  for (const auto& event : status_catalogue().events()) {
    EXPECT_EQ(event.id() != 0, status_row(event.id()) != nullptr) << event.class_name();
    EXPECT_TRUE(event.id() != 0 || event.hash_mismatch() || event.has_state()) << event.class_name();
  }
}

// IDs with severity and type as the reference has them: I, W, E; m milestone, a audit.
TEST(Catalogue, SeveritiesAndTypes) {
  const auto kinds = [](const std::string& letters) {
    std::string ids;
    for (const auto& row : status_catalogue().messages()) {
      std::string kind = v1::StatusMessage::Severity_Name(row.severity()).substr(0, 1);
      if (row.type() == v1::StatusMessage::MILESTONE) kind += "m";
      if (row.type() == v1::StatusMessage::AUDIT) kind += "a";
      if (kind == letters) ids += (ids.empty() ? "" : " ") + std::to_string(row.id());
    }
    return ids;
  };
  EXPECT_EQ(kinds("Im"), "2300 2301 2311 2330 2333 2342 2357 2375 2376 2399 8200 8210 8212");
  EXPECT_EQ(kinds("Em"), "8211");
  EXPECT_EQ(kinds("Ia"), "30000 30001 30002 30003 30004 30005 30006 30007 30008 30009 30010 30011 30015 30016 30017");
  EXPECT_EQ(kinds("I"),
            "2303 2304 2329 2335 2339 2371 2372 2380 2381 2384 2397 3900 3901 3902 4400 8204 10002 10005 10008 10009 "
            "11030 11031 11035");
  EXPECT_EQ(kinds("W"), "2398 3812 10010 10012 10018 10019 10020 10021 10045 10051 10053 10054 10060 10093");
  EXPECT_EQ(kinds("E"),
            "2302 2305 2306 2307 2308 2309 2310 2312 2321 2323 2324 2328 2331 2332 2336 2343 2344 2345 2346 2347 2348 "
            "2349 2354 2370 2382 2383 2385 2391 4402 8203 10000 10001 10003 10004 10006 10007 10030 10050 10057 10075 "
            "11032");
}

// Every text that is known word for word, filled with strings that name their place.
TEST(Catalogue, ExactTextsArePrintedRight) {
  std::string out;
  for (const auto& row : status_catalogue().messages()) {
    if (row.assumed()) continue;
    std::vector<std::string> strings(row.strings().begin(), row.strings().end());
    for (auto& string : strings) string = "<" + string + ">";
    out += std::to_string(row.id()) + " " + format_status(row.text(), strings) + "\n";
  }
  testing::expect_golden("status/exact_texts.txt", out);
}

TEST(Catalogue, TextsThatMustMatch) {
  const std::string nal = R"(["Display=\\LON-DCSMS-01\"]MSWNET:["SMS_SITE=LON"]\\LON-DCSMS-01\)";
  EXPECT_EQ(format_status(status_row(2330)->text(), {"LON00001", nal}),
            R"(SMS Distribution Manager successfully distributed package "LON00001" to distribution point )"
            R"("["Display=\\LON-DCSMS-01\"]MSWNET:["SMS_SITE=LON"]\\LON-DCSMS-01\".)");
  EXPECT_EQ(format_status(status_row(2301)->text(), {kName, "LON00001"}),
            "SMS Distribution Manager successfully processed package \"Windows Server 2003 Administration Tools Pack\" "
            "(package ID = LON00001).");
  EXPECT_EQ(format_status(status_row(10009)->text(), {"LON20000", "", "", "LON00001", "Per-system unattended"}),
            "The program for advertisement \"LON20000\" completed successfully (\"LON00001\" - \"Per-system "
            "unattended\"). The success description was \"\". The program generated an installation status Management "
            "Information Format (MIF) file with a status value of Success. For more information, see the documentation "
            "for the program you are distributing.");
  EXPECT_FALSE(status_row(2330)->assumed());
  EXPECT_TRUE(status_row(2300)->assumed());
}

TEST(Catalogue, FormatTakesTenStringsAndForgivesAbsentOnes) {
  EXPECT_EQ(format_status("%1 %10 %3%", {"a", "b", "c", "d", "e", "f", "g", "h", "i", "j"}), "a j c%");
  EXPECT_EQ(format_status("[%1][%2]", {"a"}), "[a][]");
  EXPECT_EQ(format_status("%0 %x %", {"a"}), "%0 %x %");
}

TEST(Catalogue, EventsHaveTheirNumbersAndStrings) {
  const Profile& p2007 = **profile_for("2007");
  const Profile& p2003 = **profile_for("2003");
  EXPECT_EQ(status_id_of_event("SoftDistProgramStartedEvent", p2007), 10005u);
  EXPECT_EQ(status_id_of_event("SoftDistHashMismatchEvent", p2007), 10030u);
  EXPECT_EQ(status_id_of_event("SoftDistAdvertHashMismatchEvent", p2003), p2003.hash_mismatch_message);
  EXPECT_EQ(status_id_of_event("SoftDistAdvertHashMismatchEvent", p2007), p2007.hash_mismatch_message);
  EXPECT_EQ(status_id_of_event("SoftDistDownloadStartedEvent", p2007), 0u);
  EXPECT_THAT(strings_of_event("SoftDistProgramStartedEvent", {{"AdvertisementID", "LON20000"},
                                                               {"PackageName", "LON00001"},
                                                               {"ProgramName", "P"},
                                                               {"CommandLine", "setup"},
                                                               {"WorkingDirectory", "C:\\x"},
                                                               {"UserContext", "NT AUTHORITY\\SYSTEM"}}),
              ElementsAre("LON20000", "setup", "C:\\x", "LON00001", "P", "NT AUTHORITY\\SYSTEM"));
  EXPECT_THAT(strings_of_event("SoftDistHashMismatchEvent", {{"PackageId", "LON00001"}, {"PackageVersion", "1"}}),
              ElementsAre("", "1", "", "LON00001"));
}

class StatusTest : public SiteTest {
 protected:
  Status say(uint32_t id, const std::string& advert, const std::string& client) {
    return store_->commit([&](store::WriteTxn& txn) {
      return emit(txn, *site_, {.id = id, .strings = {advert}, .advert = advert, .client = client});
    });
  }
  v1::AdvertSummary summary() { return *advert_summary(store_->read(), "LON20000"); }
  v1::AdvertClient client(const std::string& name) {
    return *store::kAdvertClients.get(store_->read(), {"LON20000", name});
  }
  void put_advert() {
    create(request());
    v1::Collection collection;
    collection.set_name("Admin Systems");
    collection.add_members("WRK-LON-001");
    collection.add_members("WRK-LON-003");
    ASSERT_TRUE(create_collection(*site_, collection).ok());
    v1::Advert advert;
    advert.set_package("lon00001");
    advert.set_program("program 1");
    advert.set_collection("admin systems");
    const auto made = create_advert(*site_, advert);
    ASSERT_EQ(made.status(), ok_status());
    ASSERT_EQ(made->id(), "LON20000");
    ASSERT_EQ(made->collection(), "Admin Systems");
  }
};

TEST_F(StatusTest, SeedAsTwoClients) {
  put_advert();
  for (const uint32_t id : {10002, 10005, 10009}) ASSERT_EQ(say(id, "LON20000", "WRK-LON-001"), ok_status());
  for (const uint32_t id : {10002, 10005, 10007}) ASSERT_EQ(say(id, "LON20000", "WRK-LON-002"), ok_status());
  const auto sum = summary();
  EXPECT_EQ(sum.received(), 2u);
  EXPECT_EQ(sum.started(), 2u);
  EXPECT_EQ(sum.succeeded(), 1u);
  EXPECT_EQ(sum.failed(), 1u);
  EXPECT_EQ(sum.adverts_failed(), 0u);
  EXPECT_EQ(client("WRK-LON-001").state(), v1::AdvertClient::SUCCEEDED);
  EXPECT_EQ(client("WRK-LON-002").state(), v1::AdvertClient::FAILED);
  EXPECT_EQ(client("WRK-LON-002").last_message_id(), 10007u);

  const auto shown = show_advert(*site_, "LON20000");
  ASSERT_TRUE(shown.ok());
  ASSERT_EQ(shown->clients_size(), 3);  // the third is a member that has not reported
  EXPECT_EQ(shown->clients(2).client(), "WRK-LON-003");
  EXPECT_EQ(shown->clients(2).state(), v1::AdvertClient::NO_STATUS);
  EXPECT_EQ(shown->summary().received(), 2u);
}

TEST_F(StatusTest, AClientCountsOnceAndMayStandInTwoCounters) {
  put_advert();
  for (const uint32_t id : {10002, 10005, 10075, 10005, 10009, 10005, 10009, 10002}) {
    ASSERT_EQ(say(id, "LON20000", "WRK-LON-001"), ok_status());
  }
  const auto sum = summary();
  EXPECT_EQ(sum.received(), 1u);
  EXPECT_EQ(sum.started(), 1u);
  EXPECT_EQ(sum.succeeded(), 1u);
  EXPECT_EQ(sum.adverts_failed(), 1u);
  // Receiving the advert again does not take back how its program ended.
  EXPECT_EQ(client("WRK-LON-001").state(), v1::AdvertClient::SUCCEEDED);
  EXPECT_EQ(client("WRK-LON-001").last_message_id(), 10002u);
}

TEST_F(StatusTest, AdvertsThatAreNotThereAreNotCounted) {
  ASSERT_EQ(say(10002, "LON2FFFF", "WRK-LON-001"), ok_status());
  EXPECT_FALSE(store::kAdvertClients.has(store_->read(), {"LON2FFFF", "WRK-LON-001"}));
  ASSERT_EQ(messages({.advert = "LON2FFFF"}).size(), 1u);
}

TEST_F(StatusTest, CountersGoWithTheAdvert) {
  put_advert();
  ASSERT_EQ(say(10002, "LON20000", "WRK-LON-001"), ok_status());
  ASSERT_EQ(delete_advert(*site_, "LON20000"), ok_status());
  EXPECT_EQ(summary().received(), 0u);
  v1::Advert again;
  again.set_package("LON00001");
  again.set_program("program 1");
  again.set_collection("admin systems");
  ASSERT_TRUE(create_advert(*site_, again).ok());
  EXPECT_EQ(summary().received(), 0u);
  EXPECT_FALSE(store::kAdvertClients.has(store_->read(), {"LON20000", "WRK-LON-001"}));
}

TEST_F(StatusTest, StatesWithoutAMessage) {
  put_advert();
  ASSERT_EQ(say(10002, "LON20000", "WRK-LON-001"), ok_status());
  const auto tell = [&](const std::string& advert, v1::AdvertClient::State state) {
    return store_->commit(
        [&](store::WriteTxn& txn) { return set_advert_state(txn, advert, "WRK-LON-001", state, clock_.now()); });
  };
  ASSERT_EQ(tell("LON20000", v1::AdvertClient::REBOOT_PENDING), ok_status());
  EXPECT_EQ(client("WRK-LON-001").state(), v1::AdvertClient::REBOOT_PENDING);
  EXPECT_EQ(client("WRK-LON-001").last_message_id(), 10002u);
  ASSERT_EQ(tell("LON2FFFF", v1::AdvertClient::WAITING), ok_status());
  EXPECT_FALSE(store::kAdvertClients.has(store_->read(), {"LON2FFFF", "WRK-LON-001"}));
}

TEST_F(StatusTest, ComponentsHaveLights) {
  const auto light = [&](const std::string& name) {
    const auto all = *component_status(store_->read());
    for (const auto& c : all.components()) {
      if (c.component() == name) return c;
    }
    ADD_FAILURE() << name;
    return v1::ComponentStatus();
  };
  const std::string dm = "SMS_DISTRIBUTION_MANAGER";
  EXPECT_EQ(component_status(store_->read())->components_size(), status_catalogue().components_size());
  create(request());
  EXPECT_EQ(light(dm).informational(), 3u);
  EXPECT_EQ(light(dm).light(), v1::ComponentStatus::OK);
  EXPECT_EQ(from_timestamp(light(dm).last_message()), clock_.now());
  ASSERT_EQ(say(2302, "", ""), ok_status());
  EXPECT_EQ(light(dm).light(), v1::ComponentStatus::WARNING);
  for (int i = 0; i < 4; i++) ASSERT_EQ(say(2302, "", ""), ok_status());
  EXPECT_EQ(light(dm).errors(), 5u);
  EXPECT_EQ(light(dm).light(), v1::ComponentStatus::CRITICAL);
  EXPECT_EQ(light("SMS_DESPOOLER").light(), v1::ComponentStatus::OK);
}

TEST_F(StatusTest, LogsOfTheOfferComponents) {
  put_advert();
  ASSERT_EQ(say(3900, "LON20000", ""), ok_status());
  ASSERT_EQ(store_->commit([&](store::WriteTxn& txn) {
    return emit(txn, *site_, {.id = 3812, .strings = {"Software Distribution", "20000"}});
  }),
            ok_status());
  ASSERT_EQ(delete_advert(*site_, "LON20000"), ok_status());
  const auto offers = offermgr_->lines();
  ASSERT_EQ(offers.size(), 3u);
  EXPECT_THAT(offers[0], HasSubstr("new advertisement LON20000, writing LON20000.OFR  $$<SMS_OFFER_MANAGER><11-21-2026 "
                                   "20:00:00.000+000><thread=2500 (0x9C4)>"));
  EXPECT_THAT(offers[1], HasSubstr("STATMSG: ID=3900 SEV=I LEV=D"));
  EXPECT_THAT(offers[2], HasSubstr("deleted advertisement LON20000"));
  EXPECT_THAT(
      offersum_->lines(),
      ElementsAre("Warn>: The status message was reported by component \"Software Distribution\" with message ID "
                  "20000 which is not within the valid range of message IDs for that component (10000 to "
                  "10099). The message will be ignored.  $$<SMS_OFFER_STATUS_SUMMARIZER><11-21-2026 "
                  "20:00:00.000+000><thread=2500 (0x9C4)>"));
}

TEST(SiteLog, AQueueThatIsFullSaysWhatItLost) {
  // The first line is being written when the others come.
  struct Slow : LinesLog {
    void write(std::string_view record) override {
      LinesLog::write(record);
      MutexLock lock(mu);
      while (!go) changed.wait(lock);
    }
    Mutex mu;
    CondVar changed;
    bool go = false;
  };
  const auto sink = std::make_shared<Slow>();
  SiteLogs logs(SiteLogs::Sinks{sink}, 1000);
  const LabTime now = *parse_rfc3339("2026-11-21T20:00:00Z");
  logs.queue(SiteLogFile::kDistmgr, now, "first\r\nline");
  while (sink->lines().empty()) std::this_thread::yield();
  for (int i = 0; i < 10; i++) logs.queue(SiteLogFile::kDistmgr, now, std::string(400, 'x'));
  {
    const MutexLock lock(sink->mu);
    sink->go = true;
    sink->changed.notify_all();
  }
  logs.flush();
  ASSERT_EQ(sink->lines().size(), 2u);
  EXPECT_THAT(sink->lines()[0], ::testing::StartsWith("first??line  $$<SMS_DISTRIBUTION_MANAGER>"));
  EXPECT_THAT(sink->lines()[1], HasSubstr("\r\n8 lines are lost here"));
  logs.queue(SiteLogFile::kPolicy, now, "no such file");
  logs.queue(SiteLogFile::kDistmgr, now, "goes on");
  logs.flush();
  EXPECT_THAT(sink->lines().back(), ::testing::StartsWith("goes on"));
}

// 8 MiB of requests are 4 MiB at most on the disk.
TEST_F(StatusTest, TheLogsOfASiteDoNotGrowForEver) {
  std::filesystem::create_directories(folder_ + "/logs");
  const LabTime now = *parse_rfc3339("2026-11-21T20:00:00Z");
  const auto logs = *SiteLogs::open(folder_ + "/logs", clock_);
  for (int i = 0; i < 8192; i++) logs->queue(SiteLogFile::kPolicy, now, std::string(1024, 'x'));
  logs->write(SiteLogFile::kDistmgr, now, "few");
  logs->flush();
  const auto size = [&](const std::string& name) { return std::filesystem::file_size(folder_ + "/logs/" + name); };
  constexpr uint64_t kMost = SiteLogs::kRollAt + (uint64_t{80} << 10);
  EXPECT_LE(size("MP_Policy.log"), kMost);
  EXPECT_GT(size("MP_Policy.lo_"), SiteLogs::kRollAt);
  EXPECT_LE(size("MP_Policy.lo_"), kMost);
  EXPECT_FALSE(std::filesystem::exists(folder_ + "/logs/distmgr.lo_"));
}

TEST_F(StatusTest, InboxesFollowTheirRecords) {
  site_->inboxes = std::make_shared<const Inboxes>(posix_env(), folder_ + "/inboxes", std::vector<std::string>{"AST"});
  ASSERT_EQ(site_->inboxes->settle(*site_), ok_status());
  const auto files = [&] {
    std::vector<std::string> out;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder_ + "/inboxes")) {
      if (entry.path().extension() != ".box") out.push_back(entry.path().filename());
    }
    std::ranges::sort(out);
    return out;
  };
  EXPECT_THAT(files(), ElementsAre());
  add_dp(kDp);
  put_advert();
  EXPECT_THAT(files(), ElementsAre("LON00001.RPT", "LON00001.ico", "LON00001.nal", "LON00001.pkg", "LON20000.OFR"));
  ASSERT_TRUE(distribute(*site_, dps_, "LON00001", on({kDp})).ok());
  EXPECT_EQ(*read_file(posix_env(), folder_ + "/inboxes/pkginfo.box/LON00001.nal", 1000),
            nal_path(kDp, "LON") + "\r\n");
  // Whatever a crash left is put right at the next start.
  std::filesystem::remove(folder_ + "/inboxes/offerinf.box/LON20000.OFR");
  std::ofstream(folder_ + "/inboxes/pkginfo.box/LON00009.pkg") << "stale";
  ASSERT_EQ(site_->inboxes->settle(*site_), ok_status());
  EXPECT_THAT(files(), ElementsAre("LON00001.RPT", "LON00001.ico", "LON00001.nal", "LON00001.pkg", "LON20000.OFR"));
  ASSERT_EQ(delete_advert(*site_, "LON20000"), ok_status());
  EXPECT_THAT(files(), ElementsAre("LON00001.RPT", "LON00001.ico", "LON00001.nal", "LON00001.pkg"));
}

TEST_F(StatusTest, FiltersAndSequence) {
  put_advert();
  ASSERT_EQ(say(10002, "LON20000", "WRK-LON-001"), ok_status());
  ASSERT_EQ(say(4711, "LON20000", "WRK-LON-002"), ok_status());  // not in the catalogue
  const auto all = messages();
  for (size_t i = 0; i < all.size(); i++) EXPECT_EQ(all[i].id(), i + 1);
  EXPECT_EQ(ladder(), "30000 30003 2300 2311 2301");
  EXPECT_EQ(messages({.advert = "LON20000"}).size(), 3u);  // 30006 and the two
  EXPECT_EQ(messages({.client = "WRK-LON-001"}).size(), 1u);
  EXPECT_EQ(messages({.advert = "LON20000", .client = "WRK-LON-002"}).size(), 1u);
  EXPECT_EQ(messages({.after = all.size() - 1}).size(), 1u);
  EXPECT_EQ(messages({.limit = 2}).size(), 2u);
  EXPECT_EQ(messages({.component = "SMS Provider"}).size(), 4u);
  EXPECT_EQ(messages({.package = "LON00001", .component = "SMS Provider"}).size(), 2u);
  EXPECT_EQ(messages({.severity = v1::StatusMessage::ERROR}).size(), 0u);
  EXPECT_EQ(messages({.severity = v1::StatusMessage::SEVERITY_UNKNOWN}).size(), 1u);
  EXPECT_TRUE(messages({.after = ~uint64_t{0}}).empty());
  const auto unknown = messages({.client = "WRK-LON-002"}).front();
  EXPECT_EQ(unknown.severity(), v1::StatusMessage::SEVERITY_UNKNOWN);
  EXPECT_EQ(unknown.system(), "WRK-LON-002");
  const auto audit = all.front();
  EXPECT_EQ(audit.type(), v1::StatusMessage::AUDIT);
  EXPECT_EQ(audit.component(), "SMS Provider");
  EXPECT_EQ(audit.system(), "LON-DCSMS-01");
  EXPECT_EQ(audit.attributes().at(400), "LON00001");
  EXPECT_EQ(audit.attributes().at(403), "CONTOSO\\administrator");
  EXPECT_THAT(audit.text(), HasSubstr("CONTOSO\\administrator"));
}

TEST_F(StatusTest, ThePolicyCookieRisesEvenWhenTheClockStands) {
  const auto bump = [&] {
    EXPECT_EQ(store_->commit([&](store::WriteTxn& txn) { return policy_changed(txn, *site_); }), ok_status());
    return from_timestamp(site_record(store_->read())->policy_cookie());
  };
  const LabTime first = bump();
  EXPECT_EQ(first, clock_.now());
  EXPECT_EQ(bump(), first + LabDuration(1));
  clock_.advance(LabDuration(10));
  EXPECT_EQ(bump(), first + LabDuration(10));
}

TEST_F(StatusTest, ALongPollWakesAtACommitAndIsBounded) {
  const auto none = [](const std::vector<v1::StatusMessage>& all) { return !all.empty(); };
  const auto read = [&] { return list_status(store_->read(), {}); };
  std::vector<std::thread> waiting;
  std::atomic<int> woken = 0;
  for (int i = 0; i < kMaxLongPolls; i++) {
    waiting.emplace_back([&] {
      auto found = polls_->wait<std::vector<v1::StatusMessage>>(kMaxWait, read, none);
      // The main thread's tries below may have held the last place for a moment.
      while (!found.ok()) found = polls_->wait<std::vector<v1::StatusMessage>>(kMaxWait, read, none);
      if (!found->empty()) woken++;
    });
  }
  // Refused as soon as all places are taken; the ones that wait are not disturbed.
  Status refused;
  while (refused.ok()) {
    refused = polls_->wait<std::vector<v1::StatusMessage>>(std::chrono::milliseconds(1), read, none).status();
  }
  EXPECT_EQ(refused.code(), Code::kUnavailable);
  ASSERT_EQ(say(10002, "LON20000", "WRK-LON-001"), ok_status());
  for (auto& thread : waiting) thread.join();
  EXPECT_EQ(woken, kMaxLongPolls);
  EXPECT_TRUE(polls_->wait<std::vector<v1::StatusMessage>>(kMaxWait, read, none).ok());
}

}  // namespace
}  // namespace smslab::mp
