// Faults of whole listeners and of their certificates, through the real lab: who is refused, what a client says of the
// certificate, and that the next connection is as usual.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <iostream>

#include "proto/control/client.h"
#include "proto/schema/journal.pb.h"
#include "tests/support/http_probe.h"
#include "tests/support/lab.h"
#include "tests/support/status.h"
#include "tests/support/tls_probe.h"

namespace smslab::test {
namespace {
using testing::HasSubstr;

constexpr char kMp[] = "/SMS_MP/.sms_aut?mplist";
constexpr char kDp[] = "/SMS_DP_SMSPKG$/LON00001/readme.txt";

class ConnectionFaults : public testing::Test {
 protected:
  ConnectionFaults() {
    write(lab_.folder() + "/source/readme.txt", "hello\n");
    lab_.must({"package", "create", "LON00001", "--name", "Tools", "--source", lab_.folder() + "/source"});
    lab_.must({"package", "distribute", "LON00001", "--dp", "LON-ONE", "--dp", "LON-TWO", "--wait"});
  }
  ~ConnectionFaults() override {
    lab_.must({"fault", "clear"});
    EXPECT_TRUE(serves());
    EXPECT_TRUE(one_serves());
    EXPECT_TRUE(two_serves());
  }

  v1::FaultRule add(const std::string& rule) { return lab_.json<v1::FaultRule>({"fault", "add", rule}); }
  std::string refused(const std::string& rule) const {
    const Finished finished = lab_.cli({"fault", "add", rule});
    EXPECT_EQ(finished.exit_status, 1) << rule;
    return finished.err;
  }
  static HostPort at(const std::string& url) { return parse_url(url, "url")->at; }
  HostPort one() const { return at(lab_.dp("LON-ONE")); }
  std::unique_ptr<TlsProbe> tls(TlsProbe::Versions versions = TlsProbe::Versions::kUsual,
                                const std::string& from = {}) const {
    return std::make_unique<TlsProbe>(one(), lab_.data() + "/tls.pem", from, versions);
  }

  // What a whole new connection gets.
  bool serves() const { return HttpProbe(at(lab_.mp())).ask("GET", kMp).status == 200; }
  bool one_serves() const { return HttpProbe(one()).ask("GET", kDp).body == "hello\n"; }
  bool two_serves() const { return HttpProbe(at(lab_.dp("LON-TWO"))).ask("GET", kDp).body == "hello\n"; }
  static bool refuses(const HostPort& to) {
    errno = 0;
    const HttpProbe probe(to);
    return !probe.connected() && errno == ECONNREFUSED;
  }

  // One connection fails for this reason, the next does not, and plain ones are as usual.
  void expect_bad_certificate(const std::string& effect, const std::string& reason) {
    add(R"({"match":{"dp":"LON-ONE"},"when":{"nth":"1"},")" + effect + R"(":{}})");
    const auto first = tls();
    EXPECT_FALSE(first->connected());
    EXPECT_THAT(first->problem(), HasSubstr(reason));
    EXPECT_EQ(tls()->ask("GET", kDp).body, "hello\n");
    lab_.must({"fault", "clear"});
    add(R"({"match":{"dp":"LON-ONE","address":"127.0.0.1"},")" + effect + R"(":{}})");
    EXPECT_THAT(tls()->problem(), HasSubstr(reason));
    EXPECT_TRUE(one_serves()) << "without TLS";
    EXPECT_EQ(tls(TlsProbe::Versions::kUsual, "127.0.0.2")->ask("GET", kDp).body, "hello\n") << "another client";
  }

  Lab lab_{{"--clock", "2026-11-21T20:00:00Z", "--dp", "LON-ONE=127.0.0.1:0", "--dp", "LON-TWO=127.0.0.1:0"}};
};

TEST_F(ConnectionFaults, DownRefusesAtOneListenerAlone) {
  const auto rule = add(R"({"match":{"dp":"LON-ONE"},"down":{}})");
  EXPECT_TRUE(refuses(one()));
  EXPECT_TRUE(serves());
  EXPECT_TRUE(two_serves());
  lab_.must({"fault", "clear", rule.id()});
  EXPECT_TRUE(one_serves());
  add(R"({"match":{"role":"MP"},"down":{}})");
  EXPECT_TRUE(refuses(at(lab_.mp())));
  EXPECT_TRUE(one_serves());
}

TEST_F(ConnectionFaults, DownEndsWhatIsOpen) {
  HttpProbe idle(one()), busy(one());
  EXPECT_EQ(idle.ask("GET", kDp).body, "hello\n");
  busy.send("GET /SMS_DP_SMSPKG$/LON00001/rea");
  add(R"({"match":{"dp":"LON-ONE"},"down":{}})");
  EXPECT_TRUE(idle.at_end());
  EXPECT_TRUE(busy.at_end());
}

TEST_F(ConnectionFaults, DownFollowsTheLabsClock) {
  add(R"({"match":{"role":"DP"},"when":{"from":"2026-11-21T21:00:00Z","until":"2026-11-21T22:00:00Z"},"down":{}})");
  EXPECT_TRUE(one_serves());
  lab_.must({"clock", "advance", "1h"});
  EXPECT_TRUE(refuses(one()));
  EXPECT_TRUE(refuses(at(lab_.dp("LON-TWO"))));
  EXPECT_TRUE(serves());
  lab_.must({"clock", "advance", "59m"});
  EXPECT_TRUE(refuses(one()));
  lab_.must({"clock", "advance", "1m"});
  EXPECT_TRUE(one_serves());
  EXPECT_TRUE(two_serves());
}

TEST_F(ConnectionFaults, DownTwiceIsOverWithTheLast) {
  const auto first = add(R"({"match":{"dp":"LON-ONE"},"down":{}})");
  const auto second = add(R"({"match":{"role":"DP"},"down":{}})");
  lab_.must({"fault", "clear", first.id()});
  EXPECT_TRUE(refuses(one()));
  lab_.must({"fault", "clear", second.id()});
  EXPECT_TRUE(one_serves());
}

TEST_F(ConnectionFaults, DownSinceBeforeTheStart) {
  add(R"({"match":{"dp":"LON-ONE"},"down":{}})");
  lab_.stop();
  lab_.restart({"--clock", "2026-11-21T20:00:00Z", "--dp", "LON-ONE=127.0.0.1:0", "--dp", "LON-TWO=127.0.0.1:0"});
  EXPECT_TRUE(refuses(one()));
  EXPECT_TRUE(two_serves());
}

TEST_F(ConnectionFaults, CertExpired) { expect_bad_certificate("certExpired", "certificate has expired"); }
TEST_F(ConnectionFaults, CertNotYetValid) { expect_bad_certificate("certNotYetValid", "certificate is not yet valid"); }
TEST_F(ConnectionFaults, CertWrongHost) { expect_bad_certificate("certWrongHost", "IP address mismatch"); }
TEST_F(ConnectionFaults, CertUnknownCa) {
  expect_bad_certificate("certUnknownCa", "self-signed certificate in certificate chain");
}
TEST_F(ConnectionFaults, CertBadChain) {
  expect_bad_certificate("certBadChain", "unable to get local issuer certificate");
}

TEST_F(ConnectionFaults, OldTlsIsAllThatIsSpoken) {
  expect_bad_certificate("oldTls", "SSL routines");  // which, is its configuration's
  const auto old = tls(TlsProbe::Versions::kOld);
  EXPECT_EQ(old->version(), "TLSv1.1");
  EXPECT_EQ(old->ask("GET", kDp).body, "hello\n") << old->problem();
  lab_.must({"fault", "clear"});
  EXPECT_FALSE(tls(TlsProbe::Versions::kOld)->connected());
}

TEST_F(ConnectionFaults, WhatCannotBeIsRefused) {
  EXPECT_THAT(refused(R"({"match":{"address":"127.0.0.1"},"down":{}})"), HasSubstr("[match]"));
  EXPECT_THAT(refused(R"({"match":{"package":"LON00001"},"down":{}})"), HasSubstr("[match]"));
  EXPECT_THAT(refused(R"({"when":{"nth":"1"},"down":{}})"), HasSubstr("[when]"));
  EXPECT_THAT(refused(R"({"limit":"1","down":{}})"), HasSubstr("[limit]"));
  EXPECT_THAT(refused(R"({"match":{"file":"a"},"certExpired":{}})"), HasSubstr("[match]"));
  EXPECT_EQ(lab_.json<v1::FaultList>({"fault", "list"}).faults_size(), 0);
}

// Its CA is not ours: what we would show were wrong in more ways than one.
// Prints how long the control plane takes, alone and while the client plane is full of those who wait.
TEST_F(ConnectionFaults, TheControlPlaneDoesNotWaitForWhoStalls) {
  constexpr size_t kStalled = 500;
  control::HttpClient control({.base = lab_.ready().control(), .token = {}, .bind = {}});
  const auto measure = [&](const std::string& when) {
    std::vector<double> milliseconds;
    for (int i = 0; i < 200; i++) {
      const auto begin = std::chrono::steady_clock::now();
      v1::FaultList list;
      EXPECT_EQ(control.call("GET", "/api/v1/faults", nullptr, &list), ok_status());
      milliseconds.push_back(
          std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begin).count());
    }
    std::ranges::sort(milliseconds);
    std::cout << "control plane, " << when << ": p50 " << milliseconds[100] << " ms, p99 " << milliseconds[198]
              << " ms\n";
  };
  measure("alone");
  add(R"({"match":{"dp":"LON-ONE"},"limitData":{"bytes":"3","in":"BODY","end":"STALL"}})");
  std::vector<std::unique_ptr<HttpProbe>> stalled;
  for (size_t i = 0; i < kStalled; i++) {
    stalled.push_back(std::make_unique<HttpProbe>(one()));
    ASSERT_TRUE(stalled.back()->send("GET " + std::string(kDp) + " HTTP/1.1\r\nHost: x\r\n\r\n"));
  }
  v1::JournalCount count;
  const std::string all = "/api/v1/journal/wait?dp=LON-ONE&ended=stalled&count=500&wait_ms=20000";
  EXPECT_EQ(control.call("GET", all, nullptr, &count), ok_status());
  ASSERT_EQ(count.count(), kStalled);
  measure("while 500 connections stall");
  EXPECT_TRUE(two_serves());
  for (const auto& probe : stalled) EXPECT_THAT(probe->read_exactly(1), "H");
}

TEST(OwnCertificate, HasNoFlawedTwin) {
  const TempFolder folder;
  const Finished made = run({"/usr/bin/openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                             "-nodes", "-subj", "/CN=mine", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout",
                             folder / "key.pem", "-out", folder / "cert.pem"},
                            folder.path());
  ASSERT_EQ(made.exit_status, 0) << made.err;
  const Lab lab({"--tls-cert", folder / "cert.pem", "--tls-key", folder / "key.pem"});
  const Finished refused = lab.cli({"fault", "add", R"({"certExpired":{}})"});
  EXPECT_EQ(refused.exit_status, 1);
  EXPECT_THAT(refused.err, HasSubstr("without --tls-cert"));
  EXPECT_THAT(refused.err, HasSubstr("[certExpired]"));
  lab.must({"fault", "add", R"({"when":{"nth":"1"},"certUnknownCa":{}})"});
  const HostPort at = parse_url(lab.dp(), "url")->at;
  EXPECT_FALSE(TlsProbe(at, folder / "cert.pem").connected());
  EXPECT_TRUE(TlsProbe(at, folder / "cert.pem").connected());
}

}  // namespace
}  // namespace smslab::test
