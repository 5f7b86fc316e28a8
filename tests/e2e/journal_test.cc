// The journal of the real lab: what clients asked and got, under faults too, found and waited for from the command
// line.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "proto/base/digest.h"
#include "proto/schema/journal.pb.h"
#include "tests/support/http_probe.h"
#include "tests/support/lab.h"

namespace smslab::test {
namespace {
using testing::ElementsAre;
using testing::HasSubstr;
using Record = v1::JournalRecord;

const char kClient[] = "WRK-LON-001";
const char kFile[] = "/SMS_DP_SMSPKG$/LON00001/adminpak.msi";

class JournalOfLab : public testing::Test {
 protected:
  void SetUp() override {
    write(lab_.folder() + "/source/adminpak.msi", content_);
    lab_.must({"package", "create", "LON00001", "--name", "Tools", "--source", lab_.folder() + "/source", "--program",
               "Install=setup.exe"});
    lab_.must({"package", "distribute", "LON00001", "--dp", "LON-DCSMS-01", "--wait"});
    lab_.must({"collection", "create", "Admin Systems", "--member", kClient});
    lab_.must({"advert", "create", "LON20000", "--package", "LON00001", "--program", "Install", "--collection",
               "Admin Systems", "--mandatory", "now", "--download", "--rerun", "always"});
  }
  std::unique_ptr<HttpProbe> connect(const std::string& bind_to = {}) const {
    return std::make_unique<HttpProbe>(parse_url(lab_.dp(), "url")->at, bind_to);
  }
  std::vector<Record> list(std::vector<std::string> arguments = {}) const {
    arguments.insert(arguments.begin(), {"journal", "list"});
    const auto found = lab_.json<v1::JournalList>(std::move(arguments));
    return {found.records().begin(), found.records().end()};
  }
  Record only(std::vector<std::string> arguments) const {
    const auto all = list(std::move(arguments));
    EXPECT_EQ(all.size(), 1u);
    return all.empty() ? Record() : all.front();
  }
  uint64_t count(std::vector<std::string> arguments = {}) const {
    arguments.insert(arguments.begin(), {"journal", "count"});
    return lab_.json<v1::JournalCount>(std::move(arguments)).count();
  }
  std::string rule(const std::string& text) const { return lab_.json<v1::FaultRule>({"fault", "add", text}).id(); }
  std::string sha256(std::string_view bytes) const { return digest_hex(Algorithm::kSha256, bytes); }

  const std::string content_ = std::string(100'000, 'm') + "end";
  Lab lab_{{"--clock", "2026-11-21T20:00:00Z"}};
};

TEST_F(JournalOfLab, AClientsDayIsThere) {
  ASSERT_EQ(lab_.client(kClient, {"--bind", "127.0.0.2", "--clock", "2026-11-21T20:00:00Z"}).exit_status, 0);
  const auto all = list();
  EXPECT_EQ(count(), all.size());
  uint64_t sequence = 0;
  for (const auto& record : all) {
    EXPECT_EQ(record.sequence(), ++sequence);
    EXPECT_EQ(record.time().seconds(), all.front().time().seconds()) << "the lab's clock stands still";
    EXPECT_EQ(record.ended(), Record::WHOLE);
    EXPECT_EQ(record.address(), "127.0.0.2");
    EXPECT_EQ(record.acknowledged_bytes(), record.sent_bytes()) << record.target();
  }
  const Record file = only({"--client", "wrk-lon-001", "--file", "*.msi", "--method", "get"});
  EXPECT_EQ(file.dp(), "LON-DCSMS-01");
  EXPECT_EQ(file.route(), "content");
  EXPECT_EQ(file.package(), "LON00001");
  EXPECT_EQ(file.version(), 1u);
  EXPECT_EQ(file.sent_bytes(), file.head_bytes() + content_.size());
  EXPECT_EQ(file.sha256(), sha256(content_));
  EXPECT_GE(count({"--route", "policy_body", "--role", "mp"}), 1u);
  EXPECT_GE(count({"--route", "policy_assignments", "--client", kClient}), 1u);
  EXPECT_EQ(count({"--role", "mp"}) + count({"--role", "dp"}), all.size());
  EXPECT_THAT(lab_.must({"journal", "list"}), HasSubstr("adminpak.msi"));
}

TEST_F(JournalOfLab, ACutSaysWhatTheClientGot) {
  const std::string id = rule(R"({"match":{"file":"*.msi"},"limitData":{"bytes":"1000","in":"BODY","end":"RST"}})");
  const auto probe = connect();
  probe->send(std::string("GET ") + kFile + " HTTP/1.1\r\nHost: a\r\n\r\n");
  const std::string got = probe->read_rest();
  const Record record = only({"--rule", id});
  EXPECT_EQ(record.ended(), Record::CUT);
  EXPECT_THAT(record.rules(), ElementsAre(id));
  EXPECT_EQ(record.reply_bytes(), record.head_bytes() + content_.size());
  EXPECT_EQ(record.planned_bytes(), got.size());
  EXPECT_EQ(record.sent_bytes(), got.size());
  EXPECT_EQ(record.acknowledged_bytes(), got.size());
  EXPECT_EQ(record.sha256(), sha256(content_.substr(0, 1000))) << "of what has left";
}

TEST_F(JournalOfLab, AStallIsToldWhileItLasts) {
  rule(R"({"match":{"file":"*.msi"},"limitData":{"bytes":"50","in":"BODY","end":"STALL"}})");
  const auto probe = connect();
  probe->send(std::string("GET ") + kFile + " HTTP/1.1\r\nHost: a\r\n\r\n");
  const auto head = probe->read_exactly(1);
  lab_.must({"journal", "wait", "--ended", "stalled"});
  const Record record = only({"--ended", "stalled"});
  EXPECT_EQ(record.acknowledged_bytes(), record.head_bytes() + 50);
  EXPECT_EQ(record.planned_bytes(), record.head_bytes() + 50);
  EXPECT_EQ((head + probe->read_exactly(record.head_bytes() + 49)).size(), record.sent_bytes());
}

TEST_F(JournalOfLab, BytesChangedOnTheirWayHaveTheirOwnDigest) {
  rule(R"({"match":{"file":"*.msi"},"corrupt":{"where":"WIRE"}})");
  const auto reply = connect()->ask("GET", kFile);
  ASSERT_NE(reply.body, content_);
  EXPECT_EQ(only({"--file", "*.msi"}).sha256(), sha256(reply.body));
}

TEST_F(JournalOfLab, APartNamesTheFileItIsOf) {
  EXPECT_EQ(connect()->ask("GET", kFile, "Range: bytes=10-19\r\n").body, content_.substr(10, 10));
  const Record record = only({"--range", "0-15"});
  EXPECT_EQ(record.status(), 206u);
  EXPECT_EQ(record.range().first(), 10u);
  EXPECT_EQ(record.range().last(), 19u);
  EXPECT_EQ(record.part_of_sha256(), sha256(content_));
  EXPECT_EQ(count({"--range", "20-"}), 0u);
}

TEST_F(JournalOfLab, WhatIsRefusedIsThereToo) {
  const auto probe = connect("127.0.0.9");
  probe->send("\x02this is no HTTP\r\n\r\n");
  probe->read_rest();
  const Record garbage = only({"--address", "127.0.0.9"});
  EXPECT_EQ(garbage.status(), 400u);
  EXPECT_EQ(garbage.method(), "");
  EXPECT_NE(garbage.reason(), "");
  const auto half = connect("127.0.0.8");
  half->send("GET /half");
  half->close();
  lab_.must({"journal", "wait", "--address", "127.0.0.8"});
  EXPECT_EQ(only({"--address", "127.0.0.8"}).ended(), Record::UNANSWERED);

  const std::string id = rule(R"({"match":{"role":"DP","address":"127.0.0.7"},"resetOnAccept":{}})");
  connect("127.0.0.7")->read_rest();
  lab_.must({"journal", "wait", "--rule", id});
  const Record reset = only({"--rule", id});
  EXPECT_EQ(reset.ended(), Record::CUT);
  EXPECT_EQ(reset.request(), 0u);
  EXPECT_EQ(count({"--status", "4xx"}), 1u);
}

TEST_F(JournalOfLab, WaitEndsWithTheLastRecordItWaitsFor) {
  std::thread client([this] {
    const auto probe = connect();
    for (int i = 0; i < 3; i++) EXPECT_EQ(probe->ask("GET", kFile).status, 200);
  });
  const auto waited =
      lab_.json<v1::JournalCount>({"journal", "wait", "--file", "adminpak.msi", "--count", "3", "--timeout", "60s"});
  client.join();
  EXPECT_EQ(waited.count(), 3u);
  EXPECT_EQ(connect()->ask("HEAD", kFile).status, 200);
  const Finished late = lab_.cli({"journal", "wait", "--file", "adminpak.*", "--method", "POST", "--timeout", "10ms"});
  EXPECT_EQ(late.exit_status, 1);
  EXPECT_THAT(late.err, HasSubstr("only 0 of 1"));
  EXPECT_THAT(late.err, HasSubstr("method is HEAD, not POST")) << "what came closest";
  EXPECT_EQ(count({"--after", std::to_string(waited.last())}), 1u);
}

TEST_F(JournalOfLab, AKillLosesNothing) {
  const auto probe = connect();
  for (int i = 0; i < 50; i++) EXPECT_EQ(probe->ask("GET", kFile).status, 200);
  lab_.kill();
  lab_.restart({"--clock", "2026-11-21T20:00:00Z"});
  EXPECT_EQ(count({"--file", "*.msi", "--method", "GET"}), 50u);
  EXPECT_EQ(connect()->ask("GET", kFile).status, 200);
  const auto all = list({"--file", "*.msi"});
  EXPECT_EQ(all.back().sequence(), 51u);
  EXPECT_EQ(all.back().client_sequence(), 51u);
}

TEST_F(JournalOfLab, ClearForgetsAll) {
  EXPECT_EQ(connect()->ask("GET", kFile).status, 200);
  lab_.must({"journal", "clear"});
  EXPECT_EQ(count(), 0u);
  EXPECT_EQ(connect()->ask("GET", kFile).status, 200);
  EXPECT_EQ(only({}).client_sequence(), 1u);
}

TEST_F(JournalOfLab, ExportsAnHttpArchive) {
  EXPECT_EQ(connect()->ask("GET", kFile).status, 200);
  v1::Har har;
  const std::string text = lab_.must({"journal", "list", "--har"});
  EXPECT_THAT(text, HasSubstr(R"("version":"1.2")"));
  EXPECT_THAT(text, HasSubstr(R"("cookies":[])"));
  EXPECT_THAT(text, HasSubstr(R"("bodySize":)" + std::to_string(content_.size()) + "}"));
  EXPECT_THAT(text, HasSubstr(R"("url":"http://LON-DCSMS-01)" + std::string(kFile)));
}

TEST_F(JournalOfLab, QuestionsThatCanFitNothingAreRefused) {
  const auto refused = [&](const std::vector<std::string>& arguments) {
    std::vector<std::string> all = {"journal", "count"};
    all.insert(all.end(), arguments.begin(), arguments.end());
    const Finished finished = lab_.cli(all);
    EXPECT_EQ(finished.exit_status, 1);
    return finished.err;
  };
  EXPECT_THAT(refused({"--role", "printer"}), HasSubstr("[role]"));
  EXPECT_THAT(refused({"--role", "mp", "--dp", "LON-DCSMS-01"}), HasSubstr("[dp]"));
  EXPECT_THAT(refused({"--status", "many"}), HasSubstr("[status]"));
  EXPECT_THAT(refused({"--range", "9-1"}), HasSubstr("[range]"));
  EXPECT_THAT(refused({"--range", "x"}), HasSubstr("[range]"));
  EXPECT_THAT(refused({"--version", "two"}), HasSubstr("[version]"));
  EXPECT_THAT(refused({"--ended", "badly"}), HasSubstr("[ended]"));
  EXPECT_THAT(refused({"--rule", "none"}), HasSubstr("[rule]"));
  EXPECT_EQ(connect()->ask("GET", kFile).status, 200);
  EXPECT_EQ(count(), 1u);
}

}  // namespace
}  // namespace smslab::test
