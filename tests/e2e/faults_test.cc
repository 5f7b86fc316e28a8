// Faults of the real lab: added from the command line, met by clients, counted, and gone when they are taken back.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "proto/base/digest.h"
#include "proto/base/hex.h"
#include "proto/base/text.h"
#include "tests/support/http_probe.h"
#include "tests/support/lab.h"

namespace smslab::test {
namespace {
using testing::HasSubstr;

const char kClient[] = "WRK-LON-001";

class Faults : public testing::Test {
 protected:
  void SetUp() override {
    write(lab_.folder() + "/source/adminpak.msi", content_);
    write(lab_.folder() + "/source/readme.txt", "hello\n");
    lab_.must({"package", "create", "LON00001", "--name", "Tools", "--source", lab_.folder() + "/source", "--program",
               "Install=setup.exe"});
    lab_.must({"package", "distribute", "LON00001", "--dp", "LON-DCSMS-01", "--wait"});
    lab_.must({"collection", "create", "Admin Systems", "--member", kClient});
    lab_.must({"advert", "create", "LON20000", "--package", "LON00001", "--program", "Install", "--collection",
               "Admin Systems", "--mandatory", "now", "--download", "--rerun", "always"});
  }
  v1::FaultRule add(const std::string& rule) { return lab_.json<v1::FaultRule>({"fault", "add", rule}); }
  v1::FaultRule show(const v1::FaultRule& rule) { return lab_.json<v1::FaultRule>({"fault", "show", rule.id()}); }
  std::unique_ptr<HttpProbe> connect(const std::string& url) const {
    return std::make_unique<HttpProbe>(parse_url(url, "url")->at);
  }
  HttpProbe::Reply get(const std::string& url, const std::string& target) const {
    return connect(url)->ask("GET", target);
  }
  HttpProbe::Reply file() const { return get(lab_.dp(), "/SMS_DP_SMSPKG$/LON00001/adminpak.msi"); }

  const std::string content_ = std::string(100'000, 'm') + "end";
  Lab lab_;
};

TEST_F(Faults, ACutIsExactAndOnlyForWhomItIsMeant) {
  const auto rule = add(R"({"match":{"role":"DP","package":"LON00001","file":"*.msi"},"when":{"nth":"2"},)"
                        R"("limitData":{"bytes":"1000","in":"BODY","end":"RST"}})");
  EXPECT_EQ(file().body, content_) << "the first is whole";
  const auto probe = connect(lab_.dp());
  probe->send("GET /SMS_DP_SMSPKG$/LON00001/adminpak.msi HTTP/1.1\r\nHost: a\r\n\r\n");
  const std::string cut = probe->read_rest();
  EXPECT_TRUE(probe->was_reset());
  EXPECT_EQ(cut.size() - (cut.find("\r\n\r\n") + 4), 1000u);
  EXPECT_EQ(file().body, content_) << "and the third";
  EXPECT_EQ(get(lab_.dp(), "/SMS_DP_SMSPKG$/LON00001/readme.txt").body, "hello\n");
  EXPECT_EQ(show(rule).counts().matched(), 3u);
  EXPECT_EQ(show(rule).counts().hit(), 1u);
  EXPECT_THAT(lab_.must({"fault", "list"}), HasSubstr("limit_data"));
}

TEST_F(Faults, TheManagementPointsDatabaseIsDown) {
  add(R"({"match":{"route":"mplist"},"status":{"code":500}})");
  EXPECT_EQ(get(lab_.mp(), "/SMS_MP/.sms_aut?mplist").status, 500);
  EXPECT_EQ(get(lab_.mp(), "/SMS_MP/.sms_aut?mpcert").status, 200);
  lab_.must({"fault", "clear"});
  EXPECT_EQ(get(lab_.mp(), "/SMS_MP/.sms_aut?mplist").status, 200);
}

TEST_F(Faults, CorruptionOnTheWireIsForetoldAndSeenByTheClient) {
  const auto rule =
      add(R"({"match":{"dp":"LON-DCSMS-01","package":"LON00001","file":"adminpak.msi","client":"WRK-LON-001"},)"
          R"("corrupt":{"where":"WIRE"},"limit":"1"})");
  ASSERT_EQ(rule.foretold().package().sha1().size(), 40u);
  EXPECT_NE(lab_.client(kClient).exit_status, 0);
  EXPECT_THAT(read(lab_.folder() + "/" + kClient + "/logs/CAS.log"),
              HasSubstr(", actual " + rule.foretold().package().sha1()));
  EXPECT_EQ(show(rule).counts().last_client(), kClient);
  // What lay at rest was right all the time; a client run again gets it.
  EXPECT_EQ(lab_.client(kClient).exit_status, 0);
}

TEST_F(Faults, ARestartKeepsTheRulesAndBeginsTheCountsAnew) {
  const auto rule = add(R"({"match":{"route":"content"},"when":{"first":"1"},"emptyBody":{}})");
  EXPECT_EQ(file().body, "");
  EXPECT_EQ(file().body, content_);
  lab_.stop();
  lab_.restart();
  EXPECT_EQ(show(rule).counts().matched(), 0u);
  EXPECT_EQ(file().body, "");
  EXPECT_EQ(file().body, content_);
}

TEST_F(Faults, ACertificateStandsForItsClient) {
  EXPECT_EQ(lab_.client(kClient).exit_status, 0);
  const auto client = lab_.json<v1::Client>({"client", "show", kClient});
  const std::string sha1 = digest_hex(Algorithm::kSha1, *from_hex(client.certificate()));
  const auto matched = [](const std::string& certificate, const std::string& more = {}) {
    return R"({"match":{"certificate":")" + certificate + "\"" + more + R"(},"refuse":{"code":503}})";
  };
  const auto rule = add(matched(ascii_lower(sha1)));
  EXPECT_EQ(rule.match().client(), kClient);
  EXPECT_EQ(rule.match().certificate(), sha1);
  EXPECT_EQ(lab_.client(kClient).exit_status, 1);
  EXPECT_GT(show(rule).counts().hit(), 0u);
  lab_.must({"fault", "clear"});
  for (const auto& wrong : {matched(std::string(40, 'A')), matched(sha1, R"(,"client":"WRK-LON-002")")}) {
    EXPECT_THAT(lab_.cli({"fault", "add", wrong}).err, HasSubstr("[match.certificate]"));
  }
  EXPECT_EQ(lab_.client(kClient).exit_status, 0);
}

TEST_F(Faults, AreForWhatThereIs) {
  const auto refused = [&](const std::string& rule) {
    const Finished finished = lab_.cli({"fault", "add", rule});
    EXPECT_EQ(finished.exit_status, 1) << rule;
    return finished.err;
  };
  EXPECT_THAT(refused(R"({"match":{"dp":"NOWHERE"},"emptyBody":{}})"), HasSubstr("[match.dp]"));
  EXPECT_THAT(refused(R"({"match":{"package":"LON00009"},"emptyBody":{}})"), HasSubstr("[match.package]"));
  EXPECT_THAT(refused(R"({"match":{"package":"LON00001","version":3},"emptyBody":{}})"), HasSubstr("[match.version]"));
  EXPECT_THAT(refused(R"({"match":{"package":"LON00001","file":"*.exe"},"emptyBody":{}})"), HasSubstr("[match.file]"));
  EXPECT_THAT(refused(R"({"match":{"file":"none.exe"},"emptyBody":{}})"), HasSubstr("[match.file]"));
  EXPECT_THAT(refused(R"({"match":{"client":"NOBODY"},"emptyBody":{}})"), HasSubstr("[match.client]"));
  EXPECT_THAT(refused(R"({"match":{"package":"LON00001","route":"content"},"limitData":{"bytes":"4000000000"}})"),
              HasSubstr("[limitData.bytes]"));
  EXPECT_THAT(refused(R"({"when":{"until":"2001-01-01T00:00:00Z"},"emptyBody":{}})"), HasSubstr("[when.until]"));
  EXPECT_THAT(refused(R"({"latency":{"latency":"0"}})"), HasSubstr("[latency.latency]"));
  EXPECT_THAT(refused(R"({"match":{}})"), HasSubstr("exactly one effect"));
  EXPECT_EQ(lab_.json<v1::FaultList>({"fault", "list"}).faults_size(), 0);
  EXPECT_EQ(file().body, content_);
}

TEST_F(Faults, AConnectionThatIsResetIsOneOfMany) {
  add(R"({"match":{"dp":"LON-DCSMS-01"},"when":{"nth":"1"},"resetOnAccept":{}})");
  EXPECT_EQ(connect(lab_.dp())->read_rest(), "");
  EXPECT_EQ(file().body, content_);
}

}  // namespace
}  // namespace smslab::test
