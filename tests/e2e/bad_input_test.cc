// Bad input gets a clear error and changes nothing; the next request is served.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "proto/codec/json.h"
#include "proto/control/client.h"
#include "tests/support/http_probe.h"
#include "tests/support/lab.h"

namespace smslab::test {
namespace {
using testing::HasSubstr;

class BadInput : public testing::Test {
 protected:
  void SetUp() override {
    write(source() + "/setup.exe", "MZ");
    lab_.must(
        {"package", "create", "LON00001", "--name", "Good", "--source", source(), "--program", "Install=setup.exe"});
    lab_.must({"package", "create", "CEN00001", "--name", "Another site's", "--source", source()});
    lab_.must({"package", "distribute", "LON00001", "--dp", "LON-DCSMS-01", "--wait"});
    lab_.must({"collection", "create", "All", "--member", "PC1"});
    lab_.must({"advert", "create", "LON20000", "--package", "LON00001", "--program", "Install", "--collection", "All"});
  }
  std::string source() const { return lab_.folder() + "/source"; }
  // Everything that the API can tell of the site, and every file of its stores.
  std::string state() {
    std::string text;
    for (const char* list :
         {"packages", "collections", "adverts", "clients", "status-messages", "faults", "site", "boundaries", "dps"}) {
      text += get(std::string("/api/v1/") + list) + "\n";
    }
    return text + listing(lab_.data() + "/site/blobs") + listing(lab_.data() + "/site/stage") +
           listing(lab_.data() + "/dp/LON-DCSMS-01/blobs");
  }
  control::HttpReply send(const std::string& method, const std::string& target, const std::string& body = {}) {
    control::HttpClient http({.base = lab_.ready().control(), .token = {}, .bind = {}});
    auto reply =
        http.send({.method = method, .target = target, .fields = {{"Content-Type", "application/json"}}, .body = body});
    EXPECT_TRUE(reply.ok()) << reply.status().to_string();
    return reply.ok() ? *std::move(reply) : control::HttpReply{};
  }
  std::string get(const std::string& target) { return send("GET", target).body; }

  Lab lab_;
};

struct ApiCase {
  const char* method;
  const char* target;
  std::string body;
  int status;
  const char* code;
  const char* field;
};

TEST_F(BadInput, TheApiRefusesWithCodeMessageAndField) {
  const std::string good_source = "\"source\":\"" + source() + "\"";
  const std::vector<ApiCase> cases = {
      {"POST", "/api/v1/packages", R"({"id":"LON1","name":"x",)" + good_source + "}", 400, "INVALID_ARGUMENT", "id"},
      {"POST", "/api/v1/packages", R"({"id":"LON00002","name":"",)" + good_source + "}", 400, "INVALID_ARGUMENT",
       "name"},
      {"POST", "/api/v1/packages", R"({"id":"LON00001","name":"x",)" + good_source + "}", 409, "ALREADY_EXISTS", "id"},
      {"POST", "/api/v1/packages", R"({"id":"LON00002","name":"x","source":"/no/such/folder"})", 400,
       "INVALID_ARGUMENT", "source"},
      {"POST", "/api/v1/packages", R"({"id":"LON00002","name":"x","source":"/etc/passwd"})", 400, "INVALID_ARGUMENT",
       "source"},
      {"POST", "/api/v1/packages", R"({"id":"LON00002","name":"x","sauce":"/etc"})", 400, "INVALID_ARGUMENT", "sauce"},
      {"POST", "/api/v1/packages", R"({"id":"LON00002","name":"x","name":"y",)" + good_source + "}", 400,
       "INVALID_ARGUMENT", "name"},
      {"POST", "/api/v1/packages", R"({"id":"LON00002",)", 400, "INVALID_ARGUMENT", ""},
      {"POST", "/api/v1/packages", R"([])", 400, "INVALID_ARGUMENT", ""},
      {"POST", "/api/v1/packages", R"({"id":7})", 400, "INVALID_ARGUMENT", "id"},
      {"GET", "/api/v1/packages/LON00009", "", 404, "NOT_FOUND", "id"},
      {"POST", "/api/v1/packages/CEN00001/update", "", 409, "FAILED_PRECONDITION", "id"},
      {"POST", "/api/v1/packages/LON00001/distribute", R"({"dps":["NOWHERE"]})", 404, "NOT_FOUND", "dps"},
      {"POST", "/api/v1/packages/LON00001/distribute", R"({"dps":[]})", 400, "INVALID_ARGUMENT", "dps"},
      {"POST", "/api/v1/packages/CEN00001/refresh", R"({"dps":["LON-DCSMS-01"]})", 409, "FAILED_PRECONDITION", "dps"},
      {"POST", "/api/v1/packages/LON00001/programs", R"({"name":"Install","commandLine":"x"})", 409, "ALREADY_EXISTS",
       "name"},
      {"POST", "/api/v1/packages/LON00001/programs", R"({"name":"New","commandLine":""})", 400, "INVALID_ARGUMENT",
       "commandLine"},
      {"POST", "/api/v1/collections", R"({"name":"All"})", 409, "ALREADY_EXISTS", "name"},
      {"POST", "/api/v1/collections", R"({"name":"B","members":["a b"]})", 400, "INVALID_ARGUMENT", "members"},
      {"POST", "/api/v1/adverts", R"({"id":"LON20001","package":"LON00009","program":"Install","collection":"All"})",
       404, "NOT_FOUND", "package"},
      {"POST", "/api/v1/adverts", R"({"id":"LON20001","package":"LON00001","program":"Nope","collection":"All"})", 404,
       "NOT_FOUND", "program"},
      {"POST", "/api/v1/adverts", R"({"id":"LON20001","package":"LON00001","program":"Install","collection":"None"})",
       404, "NOT_FOUND", "collection"},
      {"POST", "/api/v1/adverts", R"({"id":"LON20000","package":"LON00001","program":"Install","collection":"All"})",
       409, "ALREADY_EXISTS", "id"},
      {"POST", "/api/v1/clients", R"({"name":"PC9","smsid":"GUID:1"})", 400, "INVALID_ARGUMENT", "smsid"},
      {"POST", "/api/v1/clients", R"({"name":"PC9","certificate":"not one"})", 400, "INVALID_ARGUMENT", "certificate"},
      {"POST", "/api/v1/faults", R"({"match":{"dp":"NOWHERE","package":"LON00001"},"corrupt":{}})", 404, "NOT_FOUND",
       "match.dp"},
      {"POST", "/api/v1/faults", R"({"match":{"dp":"LON-DCSMS-01","package":"LON00009"},"corrupt":{}})", 404,
       "NOT_FOUND", "match.package"},
      {"POST", "/api/v1/faults", R"({"match":{"dp":"LON-DCSMS-01","package":"LON00001","file":"x"},"corrupt":{}})", 404,
       "NOT_FOUND", "match.file"},
      {"POST", "/api/v1/faults", R"({"match":{"dp":"LON-DCSMS-01","package":"LON00001","version":9},"corrupt":{}})",
       404, "NOT_FOUND", "match.version"},
      {"POST", "/api/v1/faults", R"({"match":{"dp":"LON-DCSMS-01","package":"LON00001"},"corrupt":{"offset":"99"}})",
       400, "INVALID_ARGUMENT", "corrupt.offset"},
      {"POST", "/api/v1/faults", R"({"match":{"dp":"LON-DCSMS-01","package":"LON00001"},"corrupt":{"length":"0"}})",
       400, "INVALID_ARGUMENT", "corrupt.length"},
      {"POST", "/api/v1/faults", R"({"match":{"dp":"LON-DCSMS-01","package":"LON00001"}})", 400, "INVALID_ARGUMENT",
       ""},
      {"POST", "/api/v1/faults", R"({"match":{"dp":"LON-DCSMS-01","pakage":"LON00001"},"corrupt":{}})", 400,
       "INVALID_ARGUMENT", "match.pakage"},
      // What can never come true, or contradicts itself.
      {"POST", "/api/v1/faults", R"({"when":{"probability":1.5},"emptyBody":{}})", 400, "INVALID_ARGUMENT",
       "when.probability"},
      {"POST", "/api/v1/faults", R"({"when":{"probability":0},"emptyBody":{}})", 400, "INVALID_ARGUMENT",
       "when.probability"},
      {"POST", "/api/v1/faults", R"({"when":{"nth":"3","first":"2"},"emptyBody":{}})", 400, "INVALID_ARGUMENT",
       "when.nth"},
      {"POST", "/api/v1/faults", R"({"when":{"untilRefresh":true},"emptyBody":{}})", 400, "INVALID_ARGUMENT",
       "match.dp"},
      {"POST", "/api/v1/faults", R"({"bandwidth":{"rate":"0"}})", 400, "INVALID_ARGUMENT", "bandwidth.rate"},
      {"POST", "/api/v1/faults", R"({"slicer":{"averageSize":"0","delay":"1"}})", 400, "INVALID_ARGUMENT",
       "slicer.averageSize"},
      {"POST", "/api/v1/faults", R"({"match":{"route":"nonsense"},"emptyBody":{}})", 400, "INVALID_ARGUMENT",
       "match.route"},
      {"POST", "/api/v1/faults", R"({"match":{"role":"DP","route":"mplist"},"emptyBody":{}})", 400, "INVALID_ARGUMENT",
       "match.role"},
      {"POST", "/api/v1/faults", R"({"match":{"client":"NOBODY"},"emptyBody":{}})", 404, "NOT_FOUND", "match.client"},
      {"POST", "/api/v1/faults", R"({"match":{"address":"not one"},"emptyBody":{}})", 400, "INVALID_ARGUMENT",
       "match.address"},
      {"POST", "/api/v1/faults", R"({"match":{"smsid":"not one"},"emptyBody":{}})", 400, "INVALID_ARGUMENT",
       "match.smsid"},
      {"POST", "/api/v1/faults",
       R"({"match":{"package":"LON00001","route":"content"},"limitData":{"bytes":"999999","in":"BODY"}})", 400,
       "INVALID_ARGUMENT", "limitData.bytes"},
      {"POST", "/api/v1/faults",
       R"({"match":{"package":"LON00001","route":"content","range":{"first":"999999"}},"emptyBody":{}})", 400,
       "INVALID_ARGUMENT", "match.range.first"},
      {"POST", "/api/v1/faults",
       R"({"match":{"package":"LON00001","route":"content"},"corrupt":{"where":"WIRE","offset":"999999"}})", 400,
       "INVALID_ARGUMENT", "corrupt.offset"},
      {"POST", "/api/v1/faults/plan", R"({"asks":{"client":"PC1","package":"LON00009"}})", 404, "NOT_FOUND",
       "asks.package"},
      {"POST", "/api/v1/faults/plan", R"({"attempts":3})", 400, "INVALID_ARGUMENT", "asks.client"},
      {"POST", "/api/v1/fault-presets/damaged-fil", "{}", 404, "NOT_FOUND", "name"},
      {"POST", "/api/v1/fault-presets/damaged-file", R"({"package":"LON00001"})", 400, "INVALID_ARGUMENT", "dp"},
      {"POST", "/api/v1/clock", R"({"freeze":"today"})", 400, "INVALID_ARGUMENT", "freeze"},
      {"GET", "/api/v1/nonsense", "", 404, "NOT_FOUND", ""},
      {"PUT", "/api/v1/packages", "", 405, "", ""},
  };
  const std::string before = state();
  for (const ApiCase& c : cases) {
    const control::HttpReply reply = send(c.method, c.target, c.body);
    const std::string shown = std::string(c.method) + " " + c.target + " " + c.body + " -> " + reply.body;
    EXPECT_EQ(reply.status, c.status) << shown;
    v1::ErrorReply error;
    ASSERT_TRUE(codec::from_json(reply.body, &error).ok()) << shown;
    EXPECT_TRUE(*c.code == '\0' || error.error().code() == c.code) << shown;
    EXPECT_TRUE(*c.field == '\0' || error.error().field() == c.field) << shown << ", wanted field " << c.field;
    EXPECT_FALSE(error.error().message().empty()) << shown;
  }
  EXPECT_EQ(state(), before) << "nothing written";
  lab_.must({"package", "create", "LON00002", "--name", "Next", "--source", source()});
}

TEST_F(BadInput, ARefusedNameNamesThePathAndLeavesNothing) {
  const std::string before = state();
  for (const char* name : {"colon:name.txt", "trailing.", "star*", "sub/deep/back\\slash"}) {
    const std::string bad = lab_.folder() + "/bad";
    write(bad + "/good.txt", std::string(10'000, 'g'));
    write(bad + "/" + name, "x");
    const Finished refused = lab_.cli({"package", "create", "LON00003", "--name", "x", "--source", bad});
    EXPECT_EQ(refused.exit_status, 1);
    EXPECT_THAT(refused.err, HasSubstr(name));
    std::filesystem::remove_all(bad);
  }
  write(lab_.folder() + "/twice/Read.me", "1");
  write(lab_.folder() + "/twice/READ.ME", "2");
  const Finished twice =
      lab_.cli({"package", "create", "LON00003", "--name", "x", "--source", lab_.folder() + "/twice"});
  EXPECT_EQ(twice.exit_status, 1);
  EXPECT_THAT(twice.err, HasSubstr("READ.ME"));
  EXPECT_EQ(state(), before);
}

TEST_F(BadInput, NoPathLeavesTheStore) {
  control::HttpClient http({.base = lab_.dp(), .token = {}, .bind = {}});
  for (const char* path :
       {"/SMS_DP_SMSPKG$/LON00001/../../etc/passwd", "/SMS_DP_SMSPKG$/LON00001/%2e%2e/%2e%2e/etc/passwd",
        "/SMS_DP_SMSPKG$/../../etc/passwd", "/SMS_DP_SMSPKG$/LON00001/..%2f..%2fetc/passwd",
        "/SMS_DP_SMSPKG$/LON00001/..%5c..%5cetc", "/SMS_DP_SMSPKG$/LON00001/sccm?/../../etc/passwd",
        "/SMS_DP_SMSPKG$/LON00001/sccm?/%2e%2e/%2e%2e/etc/passwd", "/SMS_DP_SMSPKG$/LON00001/%252e%252e/x",
        "/SMS_DP_SMSPKG$/LON00001/%c0%ae%c0%ae/x", "/SMS_DP_SMSPKG$/LON00001/setup.exe%00.txt",
        "/SMS_DP_SMSPKG$/LON00001/setup.exe/", "/SMS_DP_SMSPKG$/LON00001.999/setup.exe"}) {
    const auto reply = http.send({.method = "GET", .target = path});
    ASSERT_TRUE(reply.ok()) << path << reply.status().to_string();
    EXPECT_TRUE(reply->status == 400 || reply->status == 404) << path << " " << reply->status;
  }
  EXPECT_EQ(http.send({.method = "GET", .target = "/SMS_DP_SMSPKG$/LON00001/setup.exe"})->body, "MZ");
}

TEST_F(BadInput, AMalformedMessageIsRefusedAndTheNextOneServed) {
  const std::string before = state();
  control::HttpClient http({.base = lab_.mp(), .token = {}, .bind = {}});
  const std::string type = "multipart/mixed; boundary=\"b\"";
  const std::vector<std::pair<std::string, std::string>> bodies = {
      {"text/plain", "hello"},
      {type, ""},
      {type, "--b\r\n\r\nonly one part\r\n--b--"},
      {type, "--b\r\ncontent-type: text/plain; charset=UTF-16\r\n\r\nodd\r\n--b\r\n\r\nx\r\n--b--"},
      {"multipart/mixed", "--b\r\n\r\nx\r\n--b\r\n\r\ny\r\n--b--"},
  };
  for (const auto& [content_type, body] : bodies) {
    const auto reply = http.send({.method = "CCM_POST",
                                  .target = "/ccm_system/request",
                                  .fields = {{"Content-Type", content_type}},
                                  .body = body});
    ASSERT_TRUE(reply.ok()) << reply.status().to_string();
    EXPECT_EQ(reply->status, 400) << body;
  }
  EXPECT_EQ(state(), before);
  EXPECT_EQ(http.send({.method = "GET", .target = "/SMS_MP/.sms_aut?MPLIST"})->status, 200);
}

TEST_F(BadInput, ABodyOverTheLimitIsRefused) {
  HttpProbe probe(parse_url(lab_.mp(), "url")->at);
  probe.send("CCM_POST /ccm_system/request HTTP/1.1\r\nHost: a\r\nContent-Length: 17000000\r\n\r\n");
  EXPECT_EQ(probe.read_reply().status, 413) << "refused by its head, before it is sent";
  control::HttpClient http({.base = lab_.mp(), .token = {}, .bind = {}});
  EXPECT_EQ(http.send({.method = "GET", .target = "/SMS_MP/.sms_aut?MPLIST"})->status, 200);
}

TEST_F(BadInput, AFaultRuleIsReadStrictly) {
  const std::string match = R"({"match":{"dp":"LON-DCSMS-01","package":"LON00001"},"corrupt":)";
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"{", "line 1"},
      {"{}", "effect"},
      {match + "{},}", "line 1"},
      {match + "{}} x", "line 1"},
      {match + R"({"where":"MOON"}})", "MOON"},
      {match + R"({"offset":-1}})", "corrupt.offset"},
      {match + R"({"offset":"1","offset":"2"}})", "corrupt.offset"},
      {match + R"({"ofset":1}})", "ofset"},
      {"@/no/such/file", "/no/such/file"},
  };
  for (const auto& [rule, said] : cases) {
    const Finished finished = lab_.cli({"fault", "add", rule});
    EXPECT_EQ(finished.exit_status, 1) << rule;
    EXPECT_THAT(finished.err, HasSubstr(said)) << rule;
  }
  EXPECT_EQ(lab_.json<v1::FaultList>({"fault", "list"}).faults_size(), 0);
  EXPECT_EQ(lab_.json<v1::FaultRule>({"fault", "add", match + "{}}"}).id(), "1") << "a refused rule takes no number";
}

// A certificate whose key has the modulus 0: a client may send anything.
TEST_F(BadInput, ACertificateWithAnImpossibleKeyIsRefused) {
  const Finished refused =
      lab_.cli({"client", "create", "PC66", "--certificate", std::string(SMSLAB_TEST_DATA) + "/ccm/zero-modulus.pem"});
  EXPECT_EQ(refused.exit_status, 1);
  EXPECT_THAT(refused.err, HasSubstr("certificate"));
  EXPECT_EQ(lab_.json<v1::ClientList>({"client", "list"}).clients_size(), 0);
}

}  // namespace
}  // namespace smslab::test
