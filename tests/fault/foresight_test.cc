// What follows from a rule alone: of every effect what its client shows, or that nothing follows.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "proto/codec/json.h"
#include "proto/fault/effects.h"
#include "proto/fault/oracle.h"
#include "proto/fault/rules.h"

namespace smslab::fault {
namespace {
using ::testing::HasSubstr;

v1::FaultRule rule_of(const std::string& json) {
  v1::FaultRule rule;
  EXPECT_EQ(codec::from_json(json, &rule), ok_status()) << json;
  EXPECT_EQ(check_rule(rule), ok_status()) << json;
  return rule;
}

struct Case {
  const char* effect;  // its name
  const char* rule;    // JSON
  uint32_t status;     // 0: none is told
  std::optional<uint64_t> bytes;
  const char* error;  // "": no symptom
  const char* line;
};
const std::optional<uint64_t> kUnknown;
const Case kCases[] = {
    {"corrupt", R"({"match":{"dp":"D","package":"LON00001"},"corrupt":{}})", 0, kUnknown, "0x80091007",
     "Download failed for content LON00001.1"},
    {"limit_data", R"({"match":{"role":"DP","route":"content"},"limitData":{"bytes":"0","in":"BODY"}})", 0, 0,
     "0x80200010", "with error 0x80200010"},
    {"limit_data", R"({"match":{"role":"DP","route":"content"},"limitData":{"bytes":"1000","in":"BODY"}})", 0, 1000, "",
     ""},
    {"limit_data", R"({"limitData":{"bytes":"1000","in":"STREAM"}})", 0, kUnknown, "", ""},
    {"truncate_body_at_fraction", R"({"truncateBodyAtFraction":{"fraction":0.5}})", 0, kUnknown, "", ""},
    {"empty_response", R"({"match":{"role":"DP"},"emptyResponse":{}})", 0, 0, "0x800704CF", "0x800704cf"},
    {"empty_response", R"({"match":{"role":"DP"},"when":{"nth":"1"},"emptyResponse":{}})", 0, 0, "", ""},
    {"timeout", R"({"timeout":{}})", 0, 0, "", ""},
    {"reset_peer", R"({"match":{"file":"a"},"resetPeer":{}})", 0, 0, "0x80200010", "0x80200010"},
    {"random_data_then_close", R"({"match":{"dp":"D"},"randomDataThenClose":{}})", 0, 0, "0x800704CF", "0x800704cf"},
    {"malformed_response_chunk", R"({"malformedResponseChunk":{}})", 0, kUnknown, "", ""},
    {"response_bytes", R"({"responseBytes":{"raw":"eA=="}})", 0, kUnknown, "", ""},
    {"latency", R"({"latency":{"latency":"1"}})", 0, kUnknown, "", ""},
    {"bandwidth", R"({"bandwidth":{"rate":"1"}})", 0, kUnknown, "", ""},
    {"slicer", R"({"slicer":{"averageSize":"1","delay":"1"}})", 0, kUnknown, "", ""},
    {"slow_close", R"({"slowClose":{"delay":"1"}})", 0, kUnknown, "", ""},
    {"content_length_override",
     R"({"match":{"route":"content","method":"HEAD"},"contentLengthOverride":{"missing":true}})", 0, kUnknown,
     "0x80200011", "with error 0x80200011"},
    {"status", R"({"match":{"role":"DP","route":"content"},"status":{"code":403}})", 403, kUnknown, "0x80190193",
     "with error 0x80190193"},
    {"status", R"({"match":{"role":"DP"},"status":{"code":503}})", 503, kUnknown, "0x801901F7",
     "Error sending DAV request. HTTP code 503"},
    {"status", R"({"match":{"route":"propfind"},"status":{"code":405}})", 405, kUnknown, "0x80190195",
     "Error sending DAV request. HTTP code 405"},
    {"status", R"({"match":{"role":"DP","file":"a"},"status":{"code":404}})", 404, kUnknown, "0x80190194",
     "BITS event 16384"},
    {"status", R"({"match":{"route":"mplist"},"status":{"code":500}})", 500, kUnknown, "0x87D0027E",
     "CCM_E_BAD_HTTP_STATUS_CODE"},
    {"header", R"({"header":{"remove":["ETag"]}})", 0, kUnknown, "", ""},
    {"malformed_body", R"({"malformedBody":{"bytes":"1"}})", 0, kUnknown, "", ""},
    {"empty_body", R"({"match":{"route":"content","method":"GET"},"emptyBody":{}})", 0, 0, "0x80200010", "0x80200010"},
    {"ignore_range", R"({"match":{"route":"content"},"ignoreRange":{}})", 200, kUnknown, "0x80200013",
     "BITS event 202"},
    {"force_multipart", R"({"match":{"route":"content"},"forceMultipart":{}})", 206, kUnknown, "0x80200013",
     "BITS event 202"},
    {"swap_file", R"({"match":{"file":"a"},"swapFile":{"file":"b"}})", 0, kUnknown, "", ""},
    {"missing_file", R"({"match":{"file":"a"},"missingFile":{}})", 404, kUnknown, "0x80091007", "Download failed"},
    {"missing_file", R"({"match":{"file":"a"},"missingFile":{"from":"CONTENT"}})", 404, kUnknown, "0x80190194",
     "BITS event 16384"},
    {"extra_file", R"({"extraFile":{"file":"x","size":"5"}})", 404, kUnknown, "0x80190194", "BITS event 16384"},
    {"wrong_size", R"({"match":{"file":"a"},"wrongSize":{"by":"1"}})", 0, kUnknown, "0x80200011", "0x80200011"},
    {"empty_listing", R"({"emptyListing":{}})", 0, kUnknown, "0x80091007", "There are 0 files in the directory"},
    {"huge_listing", R"({"hugeListing":{"entries":"5"}})", 404, kUnknown, "0x80190194", "BITS event 16384"},
    {"hidden_unlisted", R"({"hiddenUnlisted":{}})", 0, kUnknown, "0x80091007", "Download failed"},
    {"request_filtering", R"({"requestFiltering":{}})", 404, kUnknown, "0x80190194", "BITS event 16384"},
    {"eio", R"({"match":{"file":"a"},"eio":{"offset":"7"}})", 0, 7, "0x80200010", "0x80200010"},
    {"no_space", R"({"noSpace":{}})", 0, kUnknown, "", "Calling back with empty distribution points list"},
    {"stale", R"({"match":{"package":"LON00001"},"stale":{}})", 0, kUnknown, "0x80091007", "Download failed"},
    {"torn_refresh", R"({"match":{"package":"LON00001"},"tornRefresh":{"old":"BYTES"}})", 0, kUnknown, "", ""},
    {"down", R"({"match":{"dp":"D"},"down":{}})", 0, 0, "0x800704CF", "0x800704cf"},
    {"cert_expired", R"({"certExpired":{}})", 0, kUnknown, "", ""},
    {"cert_not_yet_valid", R"({"certNotYetValid":{}})", 0, kUnknown, "", ""},
    {"cert_wrong_host", R"({"certWrongHost":{}})", 0, kUnknown, "", ""},
    {"cert_unknown_ca", R"({"certUnknownCa":{}})", 0, kUnknown, "", ""},
    {"cert_bad_chain", R"({"certBadChain":{}})", 0, kUnknown, "", ""},
    {"old_tls", R"({"oldTls":{}})", 0, kUnknown, "", ""},
    {"reset_on_accept", R"({"match":{"role":"DP"},"resetOnAccept":{}})", 0, 0, "0x800704CF", "0x800704cf"},
    {"never_read", R"({"neverRead":{}})", 0, kUnknown, "", ""},
    {"handshake_abort", R"({"handshakeAbort":{}})", 0, kUnknown, "", ""},
    {"assignments", R"({"assignments":{"how":"NO_SETTINGS"}})", 0, kUnknown, "",
     "Software Distribution Site Settings for the client are missing from WMI."},
    {"policy_body", R"({"policyBody":{"how":"CUT"}})", 0, kUnknown, "", ""},
    {"locations", R"({"locations":{"how":"EMPTY"}})", 0, kUnknown, "",
     "Calling back with empty distribution points list"},
    {"registration", R"({"registration":{"how":"PENDING"}})", 0, kUnknown, "", ""},
    {"refuse", R"({"refuse":{"code":503}})", 503, kUnknown, "0x87D0027E", "CCM_E_BAD_HTTP_STATUS_CODE"},
    {"clock_skew", R"({"clockSkew":{"by":"1000"}})", 0, kUnknown, "", ""},
};

TEST(Foresight, IsWhatFollowsFromTheRule) {
  for (const Case& one : kCases) {
    const v1::FaultRule rule = rule_of(one.rule);
    ASSERT_NE(effect_of(rule), nullptr);
    EXPECT_EQ(effect_of(rule)->name, one.effect);
    const v1::Foretold told = foretell_effect(rule, "LON00001.1");
    EXPECT_EQ(told.status(), one.status) << one.rule;
    EXPECT_EQ(told.has_bytes() ? std::optional<uint64_t>(told.bytes()) : std::nullopt, one.bytes) << one.rule;
    EXPECT_EQ(told.client().error(), one.error) << one.rule;
    EXPECT_THAT(told.client().line(), HasSubstr(one.line)) << one.rule;
    if (*one.line == '\0' && !rule.has_policy_body()) {
      EXPECT_FALSE(told.has_client()) << one.rule;
    }
  }
}

TEST(Foresight, LeavesNoEffectOut) {
  std::set<std::string_view> told;
  for (const Case& one : kCases) told.insert(one.effect);
  for (const Effect& effect : all_effects()) EXPECT_TRUE(told.contains(effect.name)) << effect.name;
}

}  // namespace
}  // namespace smslab::fault
