// What the management point can be made to say: each saying through a real socket, plain and over TLS, that the next
// request is served right, and what the reference client makes of it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "proto/base/digest.h"
#include "proto/base/ids.h"
#include "proto/base/time_text.h"
#include "proto/base/utf16.h"
#include "proto/ccm/envelope.h"
#include "proto/codec/xml.h"
#include "proto/fault/pages.h"
#include "proto/fault/sayings.h"
#include "proto/schema/client_messages.pb.h"
#include "proto/wire/lab_certificate.h"
#include "tests/support/golden.h"
#include "tests/support/lab.h"
#include "tests/support/recorded.h"
#include "tests/support/tls_probe.h"

namespace smslab::test {
namespace {
using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

constexpr const char* kNow = "2026-11-21T20:00:00Z";
constexpr const char* kSettings = "{5C4E1F5A-9B1D-4E37-8C52-6A0F3D7B2E11}";
constexpr const char* kBom = "\xFF\xFE";

// A site with two DPs and a package, advertised to all its clients; one for all tests, which have clients of their own.
class MpFaults : public ::testing::TestWithParam<bool> {
 protected:
  struct Client {
    std::string name, address;
  };

  static void SetUpTestSuite() {
    lab_ = new Lab({"--clock", kNow, "--dp", "LON-DCSMS-01=127.0.0.1:0", "--dp", "LON-DCSMS-02=127.0.0.1:0"});
    write(lab_->folder() + "/ca.pem", std::string(wire::lab_ca()));
    write(lab_->folder() + "/source/adminpak.msi", std::string(10'000, 'm'));
    lab_->must({"package", "create", "LON00001", "--name", "Tools", "--source", lab_->folder() + "/source", "--program",
                "Install=setup.exe"});
    lab_->must({"package", "distribute", "LON00001", "--dp", "LON-DCSMS-01", "--dp", "LON-DCSMS-02", "--wait"});
    lab_->must({"advert", "create", "LON20000", "--package", "LON00001", "--program", "Install", "--collection",
                "All Systems", "--start", kNow, "--mandatory", "now", "--download", "--rerun", "always"});
  }
  static void TearDownTestSuite() {
    delete lab_;
    lab_ = nullptr;
  }
  // Whatever a test did, the site says the truth afterwards.
  void TearDown() override {
    lab_->must({"fault", "clear"});
    const Client other = new_client();
    EXPECT_THAT(ids(assignments(other)), ElementsAre(kSettings, policy_id()));
    EXPECT_THAT(dps_of(locations(other)), ElementsAre("LON-DCSMS-01", "LON-DCSMS-02"));
  }

  // ---- clients
  static Client new_client() {
    const int number = ++clients_;
    Client client{.name = "WRK-LON-" + std::to_string(100 + number), .address = "127.0.1." + std::to_string(number)};
    lab_->must({"client", "create", client.name});
    return client;
  }
  static Finished run(const Client& client) {
    return lab_->client(client.name, {"--bind", client.address, "--clock", kNow});
  }
  static std::string log(const Client& client, const std::string& name) {
    return read(lab_->folder() + "/" + client.name + "/logs/" + name);
  }

  // ---- faults
  // For this client; `effect` is the rest of the rule.
  v1::FaultRule add(const Client& client, const std::string& effect, const std::string& match = "") const {
    return lab_->json<v1::FaultRule>(
        {"fault", "add", R"({"match":{"client":")" + client.name + "\"" + match + "}," + effect + "}"});
  }
  static v1::FaultCounts counts(const v1::FaultRule& rule) {
    return lab_->json<v1::FaultRule>({"fault", "show", rule.id()}).counts();
  }
  static std::string refused(const std::string& rule) {
    const Finished finished = lab_->cli({"fault", "add", rule});
    EXPECT_EQ(finished.exit_status, 1) << rule;
    return finished.err;
  }

  // ---- asking
  std::unique_ptr<HttpProbe> connect(const std::string& url, const std::string& from = {}) const {
    const HostPort at = parse_url(url, "url")->at;
    if (GetParam()) return std::make_unique<TlsProbe>(at, lab_->folder() + "/ca.pem", from);
    return std::make_unique<HttpProbe>(at, from);
  }
  HttpProbe::Reply get(const std::string& target, const std::string& from = {}, std::string_view method = "GET",
                       std::string_view fields = {}) const {
    return connect(lab_->mp(), from)->ask(method, target, fields);
  }
  HttpProbe::Reply post(const Client& client, const std::string& endpoint, const std::string& document,
                        const std::string& mode = "Sync") const {
    v1::Msg header;
    header.set_schema_version("1.1");
    header.set_id("{00000000-0000-0000-0000-00000000000A}");
    header.set_source_host(client.name);
    header.set_reply_mode(mode);
    header.set_target_endpoint(endpoint);
    const std::string payload = ccm::encode_payload({document}, true, &header);
    const ccm::Multipart message = ccm::write_request(header, payload);
    return connect(lab_->mp(), client.address)
        ->ask("CCM_POST", "/ccm_system/request", "Content-Type: " + message.content_type + "\r\n", message.body);
  }
  HttpProbe::Reply replay(const std::string& name) const {
    const auto message = ::smslab::testing::recorded("requests/" + name);
    return connect(lab_->mp())
        ->ask("CCM_POST", "/ccm_system/request", "Content-Type: " + message.field("Content-Type") + "\r\n",
              message.body);
  }
  template <class M>
  static M parsed(const HttpProbe::Reply& reply) {
    M message;
    const auto xml = ccm::read_reply(reply.field("Content-Type"), reply.body);
    EXPECT_TRUE(xml.ok()) << reply.head;
    const Status read = xml.ok() ? codec::from_xml(*xml, &message) : xml.status();
    EXPECT_TRUE(read.ok()) << read.to_string();
    return message;
  }
  // An empty 200 as a real MP gives it: no Content-Type.
  static void expect_empty(const HttpProbe::Reply& reply) {
    EXPECT_EQ(reply.status, 200);
    EXPECT_EQ(reply.field("Content-Length"), "0");
    EXPECT_EQ(reply.field("Content-Type"), "");
    EXPECT_EQ(reply.body, "");
  }

  HttpProbe::Reply ask_policy(const Client& client, const std::string& cookie = "") const {
    return post(client, "MP_PolicyManager",
                "<RequestAssignments SchemaVersion=\"1.00\" RequestType=\"Always\"><Identification><Machine><ClientID/>"
                "</Machine></Identification><PolicySource>SMS:LON</PolicySource><Resource ResourceType=\"Machine\"/>"
                "<ServerCookie>" +
                    cookie + "</ServerCookie></RequestAssignments>");
  }
  v1::ReplyAssignments assignments(const Client& client, const std::string& cookie = "") const {
    return parsed<v1::ReplyAssignments>(ask_policy(client, cookie));
  }
  static std::vector<std::string> ids(const v1::ReplyAssignments& reply) {
    std::vector<std::string> out;
    for (const auto& one : reply.assignments()) out.push_back(one.policy().policy_id());
    return out;
  }
  static std::string policy_id() { return smslab::policy_id("LON20000", "LON00001", "Install"); }
  // The advertisement's location in a reply.
  static v1::PolicyLocation location(const v1::ReplyAssignments& reply) {
    for (const auto& one : reply.assignments()) {
      if (one.policy().policy_id() == policy_id()) return one.policy().policy_location();
    }
    ADD_FAILURE() << "no policy";
    return {};
  }
  static std::string target(const v1::PolicyLocation& location) {
    return location.url().substr(std::string("http://<mp>").size());
  }
  HttpProbe::Reply body(const Client& client, const v1::ReplyAssignments& reply) const {
    return get(target(location(reply)), client.address);
  }

  HttpProbe::Reply ask_location(const Client& client, const std::string& version = "1") const {
    return post(client, "MP_LocationManager",
                "<ContentLocationRequest SchemaVersion=\"1.00\"><AssignedSite SiteCode=\"LON\"/><ClientLocationInfo>"
                "<ADSite/><IPAddresses/></ClientLocationInfo><Package ID=\"LON00001\" Version=\"" +
                    version + "\"/></ContentLocationRequest>");
  }
  v1::ContentLocationReply locations(const Client& client, const std::string& version = "1") const {
    return parsed<v1::ContentLocationReply>(ask_location(client, version));
  }
  // By the names in their shares.
  static std::vector<std::string> dps_of(const v1::ContentLocationReply& reply) {
    std::vector<std::string> out;
    for (const auto& record : reply.sites(0).records()) out.push_back(record.smb_paths(0).name().substr(2, 12));
    return out;
  }
  static std::vector<std::string> urls_of(const v1::ContentLocationReply& reply) {
    std::vector<std::string> out;
    for (const auto& record : reply.sites(0).records()) out.push_back(record.urls(0).name());
    return out;
  }

  // The body is the foretold one, its hashes in the assignments go with it, and it is so for this client alone, twice.
  std::string expect_consistent(const Client& client, const std::string& effect) const {
    const Client other = new_client();
    const std::string honest = body(other, assignments(other)).body;
    const auto rule = add(client, effect + R"(,"limit":"2")", R"(,"package":"LON00001")");
    const auto reply = assignments(client);
    const auto told = body(client, reply);
    EXPECT_EQ(told.status, 200);
    EXPECT_NE(told.body, honest);
    EXPECT_EQ(told.field("Content-Length"), std::to_string(told.body.size()));
    EXPECT_EQ(told.field("ETag"), "\"" + digest_hex(Algorithm::kSha256, told.body) + "\"");
    EXPECT_EQ(location(reply).policy_hash(), digest_hex(Algorithm::kMd5, told.body));
    EXPECT_EQ(location(reply).policy_hash_ex(), digest_hex(Algorithm::kSha1, told.body));
    EXPECT_EQ(rule.foretold().policies_size(), 1);
    EXPECT_EQ(rule.foretold().policies(0).id(), policy_id());
    EXPECT_EQ(rule.foretold().policies(0).policy_hash(), location(reply).policy_hash());
    EXPECT_EQ(rule.foretold().policies(0).policy_hash_ex(), location(reply).policy_hash_ex());
    EXPECT_EQ(body(other, assignments(other)).body, honest) << "others get what is true";

    EXPECT_EQ(get(target(location(reply)), client.address, "GET", "Range: bytes=4-9\r\n").body, told.body.substr(4, 6));
    EXPECT_EQ(counts(rule).hit(), 2u);
    const auto after = assignments(client);
    EXPECT_EQ(body(client, after).body, honest);
    EXPECT_EQ(location(after).policy_hash(), digest_hex(Algorithm::kMd5, honest));
    return told.body;
  }
  // The reference client cannot use it, says so, and is well when it asks again.
  void expect_unusable(const std::string& effect) const {
    if (GetParam()) return;  // it has no TLS
    const Client client = new_client();
    const auto rule = add(client, effect + R"(,"limit":"1")", R"(,"package":"LON00001")");
    EXPECT_EQ(rule.foretold().client().event(), "CCM_PolicyAgent_PolicyDownloadFailed");
    EXPECT_NE(run(client).exit_status, 0);
    EXPECT_THAT(log(client, rule.foretold().client().log()), HasSubstr("policy " + policy_id() + ": "));
    const Finished again = run(client);
    EXPECT_EQ(again.exit_status, 0) << again.err;
  }
  static std::string honest_text(const std::string& bytes) { return *utf8_from_utf16le(bytes); }

  static Lab* lab_;
  static int clients_;
};
Lab* MpFaults::lab_ = nullptr;
int MpFaults::clients_ = 0;

// ---- assignments
TEST_P(MpFaults, AssignmentsEmptyLooksLikeNothingNew) {
  const Client client = new_client(), other = new_client();
  const auto rule = add(client, R"("assignments":{"how":"EMPTY"},"limit":"2")");
  expect_empty(ask_policy(client));
  EXPECT_EQ(assignments(other).assignments_size(), 2);
  expect_empty(ask_policy(client));
  EXPECT_EQ(assignments(client).assignments_size(), 2);
  EXPECT_EQ(counts(rule).hit(), 2u);
  EXPECT_EQ(counts(rule).matched(), 3u);
  EXPECT_EQ(counts(rule).last_client(), client.name);

  if (GetParam()) return;  // the reference client has no TLS
  const Client reference = new_client();
  add(reference, R"("assignments":{"how":"EMPTY"},"limit":"1")");
  EXPECT_THAT(run(reference).err, HasSubstr("the MP gave no policy"));
  EXPECT_EQ(run(reference).exit_status, 0);
}

TEST_P(MpFaults, AssignmentsNoSettingsLeavesThemOut) {
  const Client client = new_client();
  const auto rule = add(client, R"("assignments":{"how":"NO_SETTINGS"},"limit":"1")");
  EXPECT_THAT(ids(assignments(client)), ElementsAre(policy_id()));
  EXPECT_THAT(ids(assignments(client)), ElementsAre(kSettings, policy_id()));

  if (GetParam()) return;  // the reference client has no TLS
  const Client reference = new_client();
  add(reference, R"("assignments":{"how":"NO_SETTINGS"})");
  EXPECT_NE(run(reference).exit_status, 0);
  EXPECT_EQ(rule.foretold().client().log(), "execmgr.log");
  EXPECT_THAT(lab_->must({"fault", "show", rule.id()}), HasSubstr("execmgr.log: " + rule.foretold().client().line()));
  EXPECT_THAT(log(reference, "execmgr.log"), HasSubstr(rule.foretold().client().line()));
}

TEST_P(MpFaults, AssignmentsDuplicateComeTwice) {
  const Client client = new_client();
  add(client, R"("assignments":{"how":"DUPLICATE"},"when":{"nth":"1"})");
  add(client, R"("assignments":{"how":"DUPLICATE","policy":"LON2*"},"when":{"nth":"2"})");
  EXPECT_THAT(ids(assignments(client)), ElementsAre(kSettings, kSettings, policy_id(), policy_id()));
  EXPECT_THAT(ids(assignments(client)), ElementsAre(kSettings, policy_id(), policy_id()));
  EXPECT_THAT(ids(assignments(client)), ElementsAre(kSettings, policy_id()));

  if (GetParam()) return;  // the reference client has no TLS
  const Client reference = new_client();
  add(reference, R"("assignments":{"how":"DUPLICATE"})");
  EXPECT_EQ(run(reference).exit_status, 0);
}

TEST_P(MpFaults, AssignmentsReorderedBeginWithTheLast) {
  const Client client = new_client();
  add(client, R"("assignments":{"how":"REORDERED"},"limit":"1")");
  EXPECT_THAT(ids(assignments(client)), ElementsAre(policy_id(), kSettings));
  EXPECT_THAT(ids(assignments(client)), ElementsAre(kSettings, policy_id()));

  if (GetParam()) return;  // the reference client has no TLS
  const Client reference = new_client();
  add(reference, R"("assignments":{"how":"REORDERED"})");
  EXPECT_EQ(run(reference).exit_status, 0);
}

TEST_P(MpFaults, AssignmentsWrongHashIsOfNoBody) {
  const Client client = new_client();
  const auto rule = add(client, R"("assignments":{"how":"WRONG_HASH","policy":"LON2*"},"limit":"1")");
  const auto wrong = assignments(client), honest = assignments(client);
  const std::string bytes = body(client, wrong).body;
  EXPECT_EQ(location(honest).policy_hash(), digest_hex(Algorithm::kMd5, bytes));
  EXPECT_NE(location(wrong).policy_hash(), location(honest).policy_hash());
  EXPECT_NE(location(wrong).policy_hash_ex(), location(honest).policy_hash_ex());
  EXPECT_EQ(location(wrong).policy_hash_ex().size(), 40u);
  EXPECT_EQ(wrong.assignments(0).policy().policy_location().policy_hash(),
            honest.assignments(0).policy().policy_location().policy_hash())
      << "the settings' own is right";
  ASSERT_EQ(rule.foretold().policies_size(), 1);
  EXPECT_EQ(rule.foretold().policies(0).policy_hash(), location(wrong).policy_hash());
  EXPECT_EQ(rule.foretold().policies(0).policy_hash_ex(), location(wrong).policy_hash_ex());

  if (GetParam()) return;  // the reference client has no TLS
  const Client reference = new_client();
  add(reference, R"("assignments":{"how":"WRONG_HASH","policy":"LON2*"},"limit":"1")");
  EXPECT_NE(run(reference).exit_status, 0);
  EXPECT_THAT(log(reference, "PolicyAgent.log"), HasSubstr("the body of policy " + policy_id() + " does not match"));
  EXPECT_EQ(run(reference).exit_status, 0);
}

TEST_P(MpFaults, AssignmentsWrongSignatureStandsWhereNoneIs) {
  const Client client = new_client();
  add(client, R"("assignments":{"how":"WRONG_SIGNATURE"},"limit":"1")");
  const auto wrong = assignments(client), honest = assignments(client);
  ASSERT_EQ(wrong.signature().references_size(), 2);
  for (int i = 0; i < 2; i++) {
    const auto& reference = wrong.signature().references(i);
    EXPECT_EQ(reference.policy_assignment_id(), wrong.assignments(i).policy_assignment_id());
    EXPECT_EQ(reference.value().size(), 512u);
    EXPECT_EQ(reference.algorithm().oid(), "1.2.840.113549.1.1.11");
  }
  EXPECT_NE(wrong.signature().references(0).value(), wrong.signature().references(1).value());
  EXPECT_FALSE(honest.has_signature()) << "all that this site says is unsigned";
  EXPECT_EQ(honest.assignments_size(), 2);

  if (GetParam()) return;  // the reference client has no TLS
  const Client reference = new_client();
  add(reference, R"("assignments":{"how":"WRONG_SIGNATURE"})");
  EXPECT_EQ(run(reference).exit_status, 0) << "it takes unsigned policy, so it does not look";
}

TEST_P(MpFaults, AssignmentsCookieSkewIsExact) {
  const Client client = new_client();
  add(client, R"("assignments":{"how":"COOKIE_SKEW","by":"-3600000"},"limit":"1")");
  const std::string skewed = assignments(client).server_cookie();
  const std::string honest = assignments(client, skewed).server_cookie();
  EXPECT_THAT(honest, StartsWith("2026-11-21 20:00:00"));
  EXPECT_EQ(skewed, "2026-11-21 19" + honest.substr(13));
  expect_empty(ask_policy(client, honest));

  if (GetParam()) return;  // the reference client has no TLS
  const Client reference = new_client();
  add(reference, R"("assignments":{"how":"COOKIE_SKEW","by":"86400000"},"limit":"1")");
  EXPECT_EQ(run(reference).exit_status, 0);
  EXPECT_EQ(run(reference).exit_status, 0) << "it asks with that cookie, and gets the whole again";
}

// ---- policy bodies
TEST_P(MpFaults, PolicyBodyMalformedDoesNotEnd) {
  const Client client = new_client();
  const std::string text = honest_text(expect_consistent(client, R"("policyBody":{"how":"MALFORMED"})"));
  EXPECT_THAT(text, EndsWith("<Policy>\r\n"));
  v1::Policy policy;
  EXPECT_FALSE(codec::from_xml(text, &policy).ok());

  expect_unusable(R"("policyBody":{"how":"MALFORMED"})");
}

TEST_P(MpFaults, PolicyBodyCutIsItsFirstHalf) {
  const Client client = new_client(), other = new_client();
  const std::string honest = body(other, assignments(other)).body;
  const std::string cut = expect_consistent(client, R"("policyBody":{"how":"CUT"})");
  EXPECT_EQ(cut, honest.substr(0, honest.size() / 4 * 2));
  expect_unusable(R"("policyBody":{"how":"CUT"})");
}

TEST_P(MpFaults, PolicyBodyUtf8HasNoMark) {
  const Client client = new_client(), other = new_client();
  const std::string honest = body(other, assignments(other)).body;
  EXPECT_EQ(expect_consistent(client, R"("policyBody":{"how":"UTF8"})"), honest_text(honest));
  expect_unusable(R"("policyBody":{"how":"UTF8"})");
}

TEST_P(MpFaults, PolicyBodyUtf8AsUtf16HasTheWrongMark) {
  const Client client = new_client(), other = new_client();
  const std::string honest = body(other, assignments(other)).body;
  EXPECT_EQ(expect_consistent(client, R"("policyBody":{"how":"UTF8_AS_UTF16"})"), kBom + honest_text(honest));
  expect_unusable(R"("policyBody":{"how":"UTF8_AS_UTF16"})");
}

TEST_P(MpFaults, PolicyBodyPackageHashIsOfNoContent) {
  const Client client = new_client();
  const std::string effect = R"("policyBody":{"how":"PACKAGE_HASH"})";
  const auto foretold = add(new_client(), effect, R"(,"package":"LON00001")").foretold();
  const auto truth = lab_->json<v1::Package>({"package", "show", "LON00001"}).hash();
  const std::string text = honest_text(expect_consistent(client, effect));
  EXPECT_THAT(text, Not(HasSubstr(truth.sha1())));
  EXPECT_THAT(text, Not(HasSubstr(truth.sha256())));
  EXPECT_EQ(foretold.policies(0).package_version(), "1");
  EXPECT_EQ(foretold.client().error(), "0x80091007");
  EXPECT_EQ(foretold.client().line(), "Download failed for content LON00001.1 under context System, error 0x80091007");
  EXPECT_THAT(foretold.client().messages(), ElementsAre(10030, 10075));

  if (GetParam()) return;  // the reference client has no TLS
  const Client reference = new_client();
  const auto rule = add(reference, effect, R"(,"package":"LON00001")");
  EXPECT_NE(run(reference).exit_status, 0);
  EXPECT_THAT(log(reference, "CAS.log"), HasSubstr(rule.foretold().client().line()));
  EXPECT_THAT(log(reference, "CAS.log"),
              HasSubstr("Hash does not match expected " + rule.foretold().policies(0).package_hash()));
  EXPECT_THAT(log(reference, "CAS.log"), HasSubstr(foretold.client().event()));
  EXPECT_THAT(lab_->ladder({"--client", reference.name}), HasSubstr("10030 10075"));
  // Policy that has been taken over stays until it changes.
  lab_->must({"fault", "clear"});
  EXPECT_NE(run(reference).exit_status, 0);
  lab_->must({"advert", "set", "LON20000", "--expires", "2027-01-01T00:00:00Z"});
  EXPECT_EQ(run(reference).exit_status, 0);
}

TEST_P(MpFaults, PolicyBodyPackageVersionIsOffEitherWay) {
  const Client client = new_client(), later = new_client();
  const auto version = [](const std::string& text) {
    const std::string mark = "name=\"PKG_SourceVersion\" type=\"8\"><value><![CDATA[";
    return text.substr(text.find(mark) + mark.size(), 2);
  };
  const std::string text = honest_text(expect_consistent(client, R"("policyBody":{"how":"PACKAGE_VERSION"})"));
  EXPECT_EQ(version(text), "2]");
  const std::string more = honest_text(expect_consistent(later, R"("policyBody":{"how":"PACKAGE_VERSION","by":4})"));
  EXPECT_EQ(version(more), "5]");
  EXPECT_THAT(refused(R"({"match":{"package":"LON00001"},"policyBody":{"how":"PACKAGE_VERSION","by":-1}})"),
              HasSubstr("[policyBody.by]"));

  if (GetParam()) return;  // the reference client has no TLS
  const Client reference = new_client();
  const auto rule = add(reference, R"("policyBody":{"how":"PACKAGE_VERSION"})", R"(,"package":"LON00001")");
  run(reference);
  EXPECT_THAT(log(reference, rule.foretold().client().log()), HasSubstr(rule.foretold().client().line()));
  EXPECT_THAT(log(reference, "LocationServices.log"), HasSubstr(R"(ID="LON00001" Version="2")"));
}

// ---- locations
TEST_P(MpFaults, LocationsEmptyAreAWellFormedReply) {
  const Client client = new_client();
  add(client, R"("locations":{"how":"EMPTY"},"limit":"1")", R"(,"package":"LON00001")");
  const auto reply = locations(client);
  EXPECT_EQ(reply.sites(0).records_size(), 0);
  EXPECT_EQ(reply.sites(0).mp_site().site_locality(), "FALLBACK");
  EXPECT_EQ(reply.content_info().hashes_size(), 0);
  EXPECT_THAT(dps_of(locations(client)), ElementsAre("LON-DCSMS-01", "LON-DCSMS-02"));

  if (GetParam()) return;  // the reference client has no TLS
  const Client reference = new_client();
  const auto rule = add(reference, R"("locations":{"how":"EMPTY"},"limit":"1")");
  EXPECT_NE(run(reference).exit_status, 0);
  EXPECT_THAT(log(reference, rule.foretold().client().log()), HasSubstr(rule.foretold().client().line()));
  EXPECT_EQ(run(reference).exit_status, 0);
}

TEST_P(MpFaults, LocationsDeadDpIsWhereNobodyListens) {
  const Client client = new_client();
  const auto honest = urls_of(locations(client));
  add(client, R"("locations":{"how":"DEAD_DP"},"when":{"nth":"1"})");
  add(client, R"("locations":{"how":"DEAD_DP","dp":"LON-DCSMS-01","at":"127.0.0.9:99"},"when":{"nth":"2"})");
  const std::string path = "/SMS_DP_SMSPKGC$/LON00001/";
  EXPECT_THAT(urls_of(locations(client)), ElementsAre("http://127.0.0.1:9" + path, "http://127.0.0.1:9" + path));
  EXPECT_THAT(urls_of(locations(client)), ElementsAre("http://127.0.0.9:99" + path, honest[1]));
  EXPECT_EQ(urls_of(locations(client)), honest);

  if (GetParam()) return;  // the reference client has no TLS
  const Client reference = new_client();
  add(reference, R"("locations":{"how":"DEAD_DP","dp":"LON-DCSMS-01"},"limit":"1")");
  EXPECT_EQ(run(reference).exit_status, 0) << "it goes on to the next";
  const Client lost = new_client();
  const auto rule = add(lost, R"("locations":{"how":"DEAD_DP"},"limit":"1")");
  EXPECT_NE(run(lost).exit_status, 0);
  EXPECT_THAT(log(lost, rule.foretold().client().log()), HasSubstr(rule.foretold().client().line()));
  EXPECT_THAT(log(lost, "CAS.log"), HasSubstr(rule.foretold().client().error()));
}

TEST_P(MpFaults, LocationsWrongVersionNamesWhoHoldsAnother) {
  const Client client = new_client();
  const auto rule = add(client, R"("locations":{"how":"WRONG_VERSION"},"limit":"1")");
  EXPECT_THAT(dps_of(locations(client)), ElementsAre("LON-DCSMS-01", "LON-DCSMS-02")) << "all hold it";
  EXPECT_EQ(counts(rule).hit(), 0u) << "there was nothing to change";
  EXPECT_EQ(counts(rule).held_back(), 1u);
  EXPECT_THAT(dps_of(locations(client, "2")), ElementsAre("LON-DCSMS-01", "LON-DCSMS-02"));
  EXPECT_EQ(counts(rule).hit(), 1u);
  EXPECT_EQ(locations(client, "2").sites(0).records_size(), 0);

  // Policy of a version that the DPs do not hold yet, and they are named all the same.
  if (GetParam()) return;  // the reference client has no TLS
  const Client reference = new_client();
  const std::string package = R"(,"package":"LON00001")";
  add(reference, R"("policyBody":{"how":"PACKAGE_VERSION"})", package);
  add(reference, R"("policyBody":{"how":"PACKAGE_HASH"})", package);
  const auto told = add(reference, R"("locations":{"how":"WRONG_VERSION"})", package + R"(,"version":2)");
  EXPECT_NE(run(reference).exit_status, 0);
  EXPECT_THAT(told.foretold().client().line(), HasSubstr("LON00001.2"));
  EXPECT_THAT(log(reference, "CAS.log"), HasSubstr(told.foretold().client().line()));
}

TEST_P(MpFaults, LocationsReorderedBeginWithTheLast) {
  const Client client = new_client();
  add(client, R"("locations":{"how":"REORDERED"},"limit":"1")");
  EXPECT_THAT(dps_of(locations(client)), ElementsAre("LON-DCSMS-02", "LON-DCSMS-01"));
  EXPECT_THAT(dps_of(locations(client)), ElementsAre("LON-DCSMS-01", "LON-DCSMS-02"));

  if (GetParam()) return;  // the reference client has no TLS
  const Client reference = new_client();
  add(reference, R"("locations":{"how":"REORDERED"})");
  EXPECT_EQ(run(reference).exit_status, 0);
}

TEST_P(MpFaults, LocationsNoHashLeaveItOut) {
  const Client client = new_client();
  add(client, R"("locations":{"how":"NO_HASH"},"limit":"1")");
  const auto wrong = locations(client), honest = locations(client);
  EXPECT_EQ(wrong.content_info().hashes_size(), 0);
  EXPECT_EQ(wrong.sites(0).records_size(), 2);
  ASSERT_EQ(honest.content_info().hashes_size(), 1);
  EXPECT_EQ(honest.content_info().hashes(0).hash_string(),
            lab_->json<v1::Package>({"package", "show", "LON00001"}).hash().sha256());
}

// ---- registration
TEST_P(MpFaults, RegistrationPendingRecordsNothing) {
  const Client client = new_client();
  const auto before = lab_->must({"client", "show", client.name, "--json"});
  const auto rule = add(client, R"("registration":{"how":"PENDING"},"limit":"1")");
  EXPECT_THAT(run(client).err, HasSubstr("is pending"));
  EXPECT_EQ(counts(rule).hit(), 1u);
  EXPECT_EQ(lab_->must({"client", "show", client.name, "--json"}), before);
  EXPECT_EQ(run(client).exit_status, 0);
}

TEST_P(MpFaults, RegistrationAnswersAreWhatTheMessageSays) {
  // The recorded client's own, over the socket of this test; whoever it is of, so by route.
  const auto answer = [&](const std::string& how) {
    lab_->must({"fault", "add",
                R"({"match":{"route":"registration"},"registration":{"how":")" + how +
                    R"("},"when":{"across":true},"limit":"1"})"});
    return parsed<v1::ClientRegistrationResponse>(replay("10-client-registration"));
  };
  EXPECT_EQ(answer("PENDING").status(), 1);
  const auto pending = answer("PENDING");
  EXPECT_EQ(pending.approval_status(), 0);
  EXPECT_THAT(pending.smsid(), StartsWith("GUID:")) << "what it will be";
  const auto reset = answer("RESET"), rejected = answer("REJECTED");
  EXPECT_EQ(reset.status(), 2);
  EXPECT_EQ(rejected.status(), 3);
  EXPECT_EQ(rejected.approval_status(), -1);
  const auto honest = parsed<v1::ClientRegistrationResponse>(replay("10-client-registration"));
  EXPECT_EQ(honest.status(), 0);
  EXPECT_EQ(honest.smsid(), pending.smsid());
}

TEST_P(MpFaults, RegistrationRejectedStopsTheClient) {
  const Client client = new_client();
  add(client, R"("registration":{"how":"REJECTED"},"limit":"1")");
  EXPECT_THAT(run(client).err, HasSubstr("refused to register"));
  EXPECT_EQ(run(client).exit_status, 0);
}

TEST_P(MpFaults, RegistrationResetMakesTheClientANewKey) {
  const Client client = new_client();
  const auto rule = add(client, R"("registration":{"how":"RESET"},"limit":"1")");
  EXPECT_EQ(run(client).exit_status, 0) << "it registers anew at once";
  EXPECT_EQ(counts(rule).matched(), 2u);
  EXPECT_EQ(counts(rule).hit(), 1u);
}

// ---- refusals, statuses, clocks
TEST_P(MpFaults, RefuseLeavesTheMessageAlone) {
  const Client client = new_client();
  const std::string event =
      "<Status SchemaVersion=\"1.00\"><Properties><Property Name=\"PackageId\">LON00001</Property><Property "
      "Name=\"PackageVersion\">1</Property><Property Name=\"PackageName\">LON00001</Property><Property "
      "Name=\"MachineName\">" +
      client.name +
      "</Property><Property Name=\"SiteCode\">LON</Property><Property "
      "Name=\"DateTime\">20261121200056.804000+000</Property></Properties><Qualifiers/>"
      "<Type>SoftDistHashMismatchEvent</Type></Status>";
  const auto rule = add(client, R"("refuse":{"code":503},"when":{"nth":"1"})", R"(,"route":"status")");
  add(client, R"("refuse":{},"when":{"nth":"2"})", R"(,"route":"status")");
  const auto reply = post(client, "StatusReceiver", event, "Async");
  EXPECT_EQ(reply.status, 503);
  EXPECT_EQ(reply.field("Content-Type"), "text/html");
  EXPECT_EQ(reply.body, *fault::page_of("503"));
  expect_empty(post(client, "StatusReceiver", event, "Async"));
  EXPECT_EQ(lab_->ladder({"--client", client.name}), "") << "neither was taken";
  expect_empty(post(client, "StatusReceiver", event, "Async"));
  EXPECT_EQ(lab_->ladder({"--client", client.name}), "10030");
  EXPECT_EQ(rule.foretold().client().error(), "0x87D0027E");

  if (GetParam()) return;  // the reference client has no TLS
  const Client reference = new_client();
  add(reference, R"("refuse":{"code":503},"limit":"1")", R"(,"route":"policy_assignments")");
  EXPECT_THAT(run(reference).err, HasSubstr("asked at MP_PolicyManager: it answers 503"));
  EXPECT_EQ(run(reference).exit_status, 0);
}

TEST_P(MpFaults, RefuseTellsTheKindsOfReportApart) {
  const Client client = new_client();
  const std::string ddr =
      "<Report><ReportHeader><Identification><Machine><ClientID/><NetBIOSName>" + client.name +
      "</NetBIOSName></Machine></Identification><ReportDetails><ReportContent>Inventory Data</ReportContent>"
      "<ReportType>Full</ReportType></ReportDetails></ReportHeader><ReportBody/></Report>";
  add(client, R"("refuse":{"code":500},"limit":"1")", R"(,"route":"ddr")");
  add(client, R"("refuse":{"code":403},"limit":"1")", R"(,"route":"hardware_inventory")");
  expect_empty(post(client, "MP_SinvEndpoint", ddr, "Async"));
  expect_empty(post(client, "MP_RelayEndpoint", ddr, "Async"));
  EXPECT_EQ(post(client, "MP_DdrEndpoint", ddr, "Async").status, 500);
  EXPECT_EQ(post(client, "MP_HinvEndpoint", ddr, "Async").status, 403);
  expect_empty(post(client, "MP_DdrEndpoint", ddr, "Async"));
  expect_empty(post(client, "MP_HinvEndpoint", ddr, "Async"));
  EXPECT_EQ(get("/SMS_MP/.sms_aut?MPLIST").status, 200);
}

TEST_P(MpFaults, StatusPagesAreTheWebServers) {
  lab_->must({"fault", "add", R"({"match":{"route":"mplist"},"status":{"code":403,"page":"403.7"}})"});
  lab_->must({"fault", "add", R"({"match":{"route":"mpcert"},"status":{"code":200,"page":"500"}})"});
  const auto list = get("/SMS_MP/.sms_aut?MPLIST"), certificate = get("/SMS_MP/.sms_aut?MPCERT");
  EXPECT_EQ(list.status, 403);
  EXPECT_EQ(list.field("Content-Type"), "text/html");
  EXPECT_EQ(list.body, *fault::page_of("403.7"));
  EXPECT_EQ(certificate.status, 200);
  EXPECT_EQ(certificate.field("Content-Type"), "text/html");
  EXPECT_THAT(certificate.body, HasSubstr("HTTP Error 500. "));
  EXPECT_EQ(get("/SMS_MP/.sms_aut?MPLIST1").status, 200);
  EXPECT_THAT(refused(R"({"status":{"code":403,"page":"403.77"}})"), HasSubstr("[status.page]"));
}

TEST_P(MpFaults, StatusOfItsDatabaseDownIsOfListsAlone) {
  for (const char* route : {"mplist", "mplist1", "mplist2"}) {
    lab_->must(
        {"fault", "add", std::string(R"({"match":{"route":")") + route + R"("},"status":{"code":500,"page":"500"}})"});
  }
  for (const char* query : {"MPLIST", "mplist&LON", "MPLIST1&LON", "MPLIST2&LON"}) {
    EXPECT_EQ(get(std::string("/SMS_MP/.sms_aut?") + query).status, 500) << query;
  }
  for (const char* query : {"MPCERT", "MPCERT2", "MPKEYINFORMATION", "MPTRK", "SITESIGNCERT"}) {
    EXPECT_EQ(get(std::string("/SMS_MP/.sms_aut?") + query).status, 200) << query;
  }
}

TEST_P(MpFaults, ClockSkewIsOfTheDateAlone) {
  const auto date = [&](const std::string& url) {
    return connect(url)->ask("GET", "/SMS_MP/.sms_aut?MPLIST").field("Date");
  };
  EXPECT_EQ(date(lab_->mp()), "Sat, 21 Nov 2026 20:00:00 GMT");
  lab_->must({"fault", "add", R"({"match":{"role":"MP"},"clockSkew":{"by":"-3601000"}})"});
  EXPECT_EQ(date(lab_->mp()), "Sat, 21 Nov 2026 18:59:59 GMT");
  EXPECT_EQ(date(lab_->dp()), "Sat, 21 Nov 2026 20:00:00 GMT");
  const Client client = new_client();
  EXPECT_EQ(ask_policy(client).field("Date"), "Sat, 21 Nov 2026 18:59:59 GMT");
  EXPECT_THAT(assignments(client).server_cookie(), StartsWith("2026-11-21 20:00:00"));
}

TEST_P(MpFaults, RulesThatCanNeverApplyAreRefused) {
  const auto expect = [&](const std::string& rule, const std::string& field) {
    EXPECT_THAT(refused(rule), HasSubstr("[" + field + "]")) << rule;
  };
  expect(R"({"match":{"role":"DP"},"locations":{"how":"EMPTY"}})", "match.role");
  expect(R"({"match":{"dp":"LON-DCSMS-01"},"locations":{"how":"EMPTY"}})", "match.dp");
  expect(R"({"match":{"route":"status"},"locations":{"how":"EMPTY"}})", "match.route");
  expect(R"({"match":{"file":"adminpak.msi"},"locations":{"how":"EMPTY"}})", "match.file");
  expect(R"({"locations":{}})", "locations.how");
  expect(R"({"locations":{"how":"DEAD_DP","dp":"NOWHERE"}})", "locations.dp");
  expect(R"({"locations":{"how":"DEAD_DP","at":"nowhere"}})", "locations.at");
  expect(R"({"locations":{"how":"EMPTY","dp":"LON-DCSMS-01"}})", "locations.dp");
  expect(R"({"match":{"package":"LON00001"},"assignments":{"how":"EMPTY"}})", "match.package");
  expect(R"({"assignments":{"how":"EMPTY","policy":"LON*"}})", "assignments.policy");
  expect(R"({"assignments":{"how":"COOKIE_SKEW"}})", "assignments.by");
  expect(R"({"assignments":{"how":"EMPTY","by":"5"}})", "assignments.by");
  expect(R"({"assignments":{}})", "assignments.how");
  expect(R"({"match":{"smsid":"GUID:F5EC9167-62AB-43BB-870E-4F40A720AB52"},"policyBody":{"how":"CUT"}})",
         "match.smsid");
  expect(R"({"match":{"range":{"first":"1"}},"policyBody":{"how":"CUT"}})", "match.range");
  expect(R"({"policyBody":{"how":"CUT","by":2}})", "policyBody.by");
  expect(R"({"match":{"version":1},"registration":{"how":"RESET"}})", "match.version");
  expect(R"({"match":{"route":"mplist"},"refuse":{"code":500}})", "match.route");
  expect(R"({"refuse":{"code":200}})", "refuse.code");
  expect(R"({"clockSkew":{"by":"0"}})", "clockSkew.by");
  expect(R"({"clockSkew":{"by":"9223372036854775807"}})", "clockSkew.by");
  expect(R"({"clockSkew":{"by":"-9223372036854775808"}})", "clockSkew.by");
  EXPECT_EQ(lab_->json<v1::FaultList>({"fault", "list"}).faults_size(), 0);
}

INSTANTIATE_TEST_SUITE_P(Sockets, MpFaults, ::testing::Bool(),
                         [](const auto& chosen) { return chosen.param ? "Tls" : "Plain"; });

}  // namespace
}  // namespace smslab::test
