#include <set>

#include "mp/site_record.h"
#include "proto/schema/timestamp.h"
#include "tests/mp/site_fixture.h"

namespace smslab::mp {
namespace {
using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(Catalogue, RowsAreInOrderAndWhole) {
  const std::set<std::string_view> components = {"SMS_DISTRIBUTION_MANAGER",
                                                 "SMS_DESPOOLER",
                                                 "SMS_OFFER_MANAGER",
                                                 "SMS_OFFER_STATUS_SUMMARIZER",
                                                 "SMS Provider",
                                                 "Software Distribution",
                                                 "Software Distribution Content Access"};
  uint32_t last = 0;
  for (const auto& row : status_catalogue()) {
    EXPECT_GT(row.id, last);
    last = row.id;
    EXPECT_TRUE(components.contains(row.component)) << row.id;
    EXPECT_NE(row.severity, v1::StatusMessage::SEVERITY_UNKNOWN) << row.id;
    EXPECT_NE(row.type, v1::StatusMessage::TYPE_UNKNOWN) << row.id;
    EXPECT_FALSE(row.text.empty()) << row.id;
    EXPECT_EQ(status_row(row.id)->text, row.text);
  }
  EXPECT_EQ(status_row(2357), nullptr);  // 12+
  EXPECT_EQ(status_row(1), nullptr);
}

TEST(Catalogue, TextsThatMustMatch) {
  const std::string nal = R"(["Display=\\LON-DCSMS-01\"]MSWNET:["SMS_SITE=LON"]\\LON-DCSMS-01\)";
  EXPECT_EQ(format_status(status_row(2330)->text, {"LON00001", nal}),
            R"(SMS Distribution Manager successfully distributed package "LON00001" to distribution point )"
            R"("["Display=\\LON-DCSMS-01\"]MSWNET:["SMS_SITE=LON"]\\LON-DCSMS-01\".)");
  EXPECT_EQ(format_status(status_row(2301)->text, {kName, "LON00001"}),
            "SMS Distribution Manager successfully processed package \"Windows Server 2003 Administration Tools Pack\" "
            "(package ID = LON00001).");
  EXPECT_EQ(format_status(status_row(10009)->text, {"LON20000", "", "", "LON00001", "Per-system unattended"}),
            "The program for advertisement \"LON20000\" completed successfully (\"LON00001\" - \"Per-system "
            "unattended\"). The success description was \"\". The program generated an installation status Management "
            "Information Format (MIF) file with a status value of Success. For more information, see the documentation "
            "for the program you are distributing.");
  EXPECT_FALSE(status_row(2330)->assumed);
  EXPECT_TRUE(status_row(2300)->assumed);
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
