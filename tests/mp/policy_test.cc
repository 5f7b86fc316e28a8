// MP_PolicyManager: which policies a client has, and when they change.
#include <tuple>

#include "mp/adverts.h"
#include "mp/clients.h"
#include "mp/packages.h"
#include "mp/policy_body.h"
#include "mp/programs.h"
#include "mp/settings.h"
#include "proto/base/digest.h"
#include "proto/base/hex.h"
#include "proto/base/ids.h"
#include "proto/base/utf16.h"
#include "proto/ccm/zlib.h"
#include "tests/mp/client_plane_fixture.h"

namespace smslab::mp {
namespace {
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

class Policy : public ClientPlane {
 protected:
  static v1::Msg policy_header() {
    v1::Msg out = header("MP_PolicyManager");
    out.set_source_id(kRecordedSmsid);
    return out;
  }
  static std::string policy_request(const std::string& cookie, const std::string& id = kRecordedSmsid) {
    return "<RequestAssignments SchemaVersion=\"1.00\" RequestType=\"Always\"><Identification><Machine><ClientID>" +
           id +
           "</ClientID></Machine></Identification><PolicySource>SMS:LON</PolicySource><Resource "
           "ResourceType=\"Machine\"/><ServerCookie>" +
           cookie + "</ServerCookie></RequestAssignments>";
  }
  v1::ReplyAssignments assignments(const std::string& cookie = "") {
    return parse<v1::ReplyAssignments>(xml(send(policy_header(), {policy_request(cookie)})));
  }
  // "<policy ID> <version>", without the settings.
  std::vector<std::string> assigned() {
    std::vector<std::string> out;
    const v1::ReplyAssignments reply = assignments();
    for (const auto& each : reply.assignments()) {
      if (!each.policy().policy_id().starts_with("{")) {
        out.push_back(each.policy().policy_id() + " " + each.policy().policy_version());
      }
    }
    return out;
  }
  std::string cookie() { return assignments().server_cookie(); }
  std::string body(const std::string& id, int version) {
    const std::string text = bytes(get("/SMS_MP/.sms_pol?" + id + "." + std::to_string(version) + "_00"));
    return text.empty() ? "" : *utf8_from_utf16le(text);
  }
  static v1::Collection collection(const std::string& name, const std::vector<std::string>& members,
                                   const std::vector<std::string>& collections = {}) {
    v1::Collection out;
    out.set_name(name);
    out.mutable_members()->Assign(members.begin(), members.end());
    out.mutable_collections()->Assign(collections.begin(), collections.end());
    return out;
  }
  v1::Advert advertise(const std::string& to) {
    v1::Advert advert;
    advert.set_package("LON00001");
    advert.set_program("Per-system unattended");
    advert.set_collection(to);
    auto made = create_advert(*site_, advert);
    EXPECT_EQ(made.status(), ok_status());
    return made.ok() ? *made : v1::Advert();
  }
  void put_second_package(const std::string& run_first = "") {
    v1::Package package = seed_package();
    package.set_id("LON00002");
    package.mutable_programs(0)->set_name("Setup");
    package.mutable_programs(0)->set_run_first(run_first);
    commit([&](store::WriteTxn& txn) { return store::kPackages.put(txn, {"LON00002"}, package); });
  }
  Status set_run_first(const std::string& package, const std::string& program, const std::string& first) {
    v1::Program change;
    change.set_run_first(first);
    return set_program(*site_, package, program, change).status();
  }
};

TEST_F(Policy, RecordedRequestGetsSettingsAndAdvert) {
  declare_recorded_client();
  const std::string text = xml(replay("12-policy-assignments"));
  const auto reply = parse<v1::ReplyAssignments>(text);
  const auto model = parse<v1::ReplyAssignments>(recorded_reply_xml("12-policy-assignments"));
  EXPECT_EQ(reply.schema_version(), model.schema_version());
  EXPECT_EQ(reply.reply_type(), model.reply_type());
  EXPECT_EQ(codec::to_xml(reply.identification()), codec::to_xml(model.identification()));
  EXPECT_EQ(reply.policy_source(), model.policy_source());
  EXPECT_EQ(reply.resource().resource_type(), model.resource().resource_type());
  EXPECT_EQ(reply.server_cookie(), "2026-11-21 20:00:00.000");
  ASSERT_EQ(reply.assignments_size(), 2);
  EXPECT_THAT(reply.assignments(0).policy().policy_location().url(),
              StartsWith("http://<mp>/SMS_MP/.sms_pol?{5C4E1F5A-"));
  const v1::AssignedPolicy& advert = reply.assignments(1).policy();
  const v1::AssignedPolicy& recorded = model.assignments(0).policy();
  EXPECT_EQ(advert.policy_id(), kPolicyId);
  EXPECT_EQ(advert.policy_version(), recorded.policy_version());
  EXPECT_EQ(advert.policy_type(), recorded.policy_type());
  EXPECT_EQ(advert.policy_category(), recorded.policy_category());
  EXPECT_EQ(advert.policy_flags(), recorded.policy_flags());
  EXPECT_EQ(advert.policy_location().url(),
            replaced(recorded.policy_location().url(), recorded.policy_id(), advert.policy_id()));
  EXPECT_THAT(text, HasSubstr("PolicyFlags=\"0\"><PolicyLocation PolicyHash=\""));
  EXPECT_THAT(text, HasSubstr("<![CDATA[http://<mp>/SMS_MP/.sms_pol?LON20000-LON00001-4A48FD56.1_00]]>"));
  EXPECT_THAT(text, HasSubstr("\"><Condition/><Policy "));

  // What it points to is what it says.
  const std::string body = bytes(get("/SMS_MP/.sms_pol?" + std::string(kPolicyId) + ".1_00"));
  EXPECT_EQ(advert.policy_location().policy_hash(), digest_hex(Algorithm::kMd5, body));
  EXPECT_EQ(advert.policy_location().policy_hash_ex(), digest_hex(Algorithm::kSha1, body));
  EXPECT_EQ(xml(replay("12-policy-assignments")), text);
}

TEST_F(Policy, EqualCookieIsEmptyUntilSomethingChanges) {
  declare_recorded_client();
  const std::string cookie = parse<v1::ReplyAssignments>(xml(replay("12-policy-assignments"))).server_cookie();
  EXPECT_EQ(xml(send(policy_header(), {policy_request(cookie)})), "");
  EXPECT_NE(xml(send(policy_header(), {policy_request("2026-11-21 19:00:00.000")})), "");
  commit([&](store::WriteTxn& txn) { return policy_changed(txn, *site_); });
  const auto reply = parse<v1::ReplyAssignments>(xml(send(policy_header(), {policy_request(cookie)})));
  EXPECT_EQ(reply.server_cookie(), "2026-11-21 20:00:00.001");
}

TEST_F(Policy, IsForMembersAndForWhatIsWhole) {
  declare_recorded_client();
  const auto count = [&] {
    return parse<v1::ReplyAssignments>(xml(replay("12-policy-assignments"))).assignments_size();
  };
  EXPECT_EQ(count(), 2);
  v1::Package package = seed_package();
  package.mutable_programs(0)->set_name("Other");
  change_policy([&](store::WriteTxn& txn) { return store::kPackages.put(txn, {"LON00001"}, package); });
  EXPECT_EQ(count(), 1);
  change_policy([&](store::WriteTxn& txn) { return store::kPackages.erase(txn, {"LON00001"}); });
  EXPECT_EQ(count(), 1);
  change_policy([&](store::WriteTxn& txn) { return store::kPackages.put(txn, {"LON00001"}, seed_package()); });
  EXPECT_EQ(count(), 2);
  v1::Collection others;
  others.set_name("Admin Systems");
  others.add_members("WRK-LON-002");
  change_policy(
      [&](store::WriteTxn& txn) { return store::kCollections.put(txn, {collection_key(others.name())}, others); });
  EXPECT_EQ(count(), 1);
}

TEST_F(Policy, LenientModeFindsTheClientBySmsidKeyAndName) {
  declare_recorded_client();
  const auto assignments = [&](const v1::Msg& header, const std::string& id) {
    const std::string text = xml(send(header, {policy_request("", id)}));
    return text.empty() ? 0 : parse<v1::ReplyAssignments>(text).assignments_size();
  };
  v1::Msg nobody = header("MP_PolicyManager");
  nobody.set_source_host("NOBODY");
  EXPECT_EQ(assignments(nobody, ""), 0);
  EXPECT_EQ(assignments(nobody, "GUID:00000000-0000-0000-0000-000000000001"), 0);
  EXPECT_EQ(assignments(nobody, kRecordedSmsid), 2);  // the body's ID
  EXPECT_EQ(assignments(nobody, "{f5ec9167-62ab-43bb-870e-4f40a720ab52}"), 2);
  v1::Msg by_source = nobody;
  by_source.set_source_id(kRecordedSmsid);
  EXPECT_EQ(assignments(by_source, "GUID:00000000-0000-0000-0000-000000000001"), 2);
  v1::Msg by_key = nobody;
  *by_key.mutable_hooks() = envelope("12-policy-assignments").header.hooks();
  EXPECT_EQ(assignments(by_key, "GUID:00000000-0000-0000-0000-000000000001"), 2);
  v1::Msg by_name = nobody;
  by_name.set_source_host("wrk-lon-001");
  EXPECT_EQ(assignments(by_name, ""), 2);
}

TEST_F(Policy, UnknownClientsGetNothingIn2007AndTheirCollectionsIn2003) {
  EXPECT_EQ(xml(replay("12-policy-assignments")), "");
  start({}, "2003");
  EXPECT_EQ(parse<v1::ReplyAssignments>(xml(replay("12-policy-assignments"))).assignments_size(), 2);
  EXPECT_TRUE(all(store::kClients).empty());
  v1::Msg header = policy_header();
  header.set_source_host("WRK-LON-009");
  EXPECT_EQ(parse<v1::ReplyAssignments>(xml(send(header, {policy_request("")}))).assignments_size(), 1);
  header.clear_source_host();
  EXPECT_EQ(xml(send(header, {policy_request("")})), "");
}

TEST_F(Policy, UsersHaveNone) {
  declare_recorded_client();
  EXPECT_EQ(xml(send(policy_header(), {replaced(policy_request(""), "\"Machine\"", "\"User\"")})), "");
}

TEST_F(Policy, StrictModeWantsBothSignaturesOfThatClient) {
  declare_recorded_client();
  start_strict();
  EXPECT_EQ(parse<v1::ReplyAssignments>(xml(replay("12-policy-assignments"))).assignments_size(), 2);

  const ccm::Envelope in = envelope("12-policy-assignments");
  const auto send_as = [&](const v1::Msg& header, std::string payload) {
    return xml(post(ccm::write_request(header, payload)));
  };
  EXPECT_NE(send_as(in.header, in.payload), "");
  for (const char* property : {"PayloadSignature", "ClientIDSignature", "PublicKey"}) {
    v1::Msg header = in.header;
    flip_hook_property(&header, property);
    EXPECT_EQ(send_as(header, in.payload), "") << property;
  }
  v1::Msg without_hook = in.header;
  without_hook.mutable_hooks()->clear_hook2();
  EXPECT_EQ(send_as(without_hook, in.payload), "");
  v1::Msg other_id = in.header;
  other_id.set_source_id("GUID:F5EC9167-62AB-43BB-870E-4F40A720AB53");
  EXPECT_EQ(send_as(other_id, in.payload), "");
  // The same text in another stream is not what was signed.
  v1::Msg again = in.header;
  const std::string payload = ccm::encode_payload(in.documents, true, &again);
  EXPECT_NE(payload, in.payload);
  EXPECT_EQ(send_as(again, payload), "");
  EXPECT_NE(xml(replay("12-policy-assignments")), "");

  // The declared key is another one: signed well, but not by that client.
  v1::Client client = *client_by_name(store_->read(), "WRK-LON-001");
  client.set_public_key(keys_.mp.public_key());
  commit([&](store::WriteTxn& txn) { return put_client(txn, *site_, client); });
  EXPECT_EQ(xml(replay("12-policy-assignments")), "");
  EXPECT_TRUE(all(store::kStatusMessages).empty());
}

TEST_F(Policy, AllSystemsHasWhomeverTheSiteKnows) {
  declare_recorded_client();
  advertise("all systems");
  EXPECT_THAT(assigned(), ElementsAre("LON20000-LON00001-4A48FD56 1.00", "LON20001-LON00001-4A48FD56 1.00"));
  const std::string before = cookie();
  v1::Client second;
  second.set_name("WRK-LON-002");
  second.set_smsid("GUID:11111111-2222-3333-4444-555555555555");
  commit([&](store::WriteTxn& txn) { return put_client(txn, *site_, second); });
  EXPECT_EQ(cookie(), before);  // a registration is no change for the others
  v1::Msg by_second = header("MP_PolicyManager");
  by_second.set_source_id(second.smsid());
  const auto reply = parse<v1::ReplyAssignments>(xml(send(by_second, {policy_request("", second.smsid())})));
  ASSERT_EQ(reply.assignments_size(), 2);
  EXPECT_EQ(reply.assignments(1).policy().policy_id(), "LON20001-LON00001-4A48FD56");
  EXPECT_THAT(show_collection(*site_, "All Systems")->members(), ElementsAre("WRK-LON-001", "WRK-LON-002"));
  EXPECT_EQ(list_collections(*site_)->collections(0).id(), "SMS00001");

  EXPECT_EQ(delete_collection(*site_, "All Systems").code(), Code::kFailedPrecondition);
  EXPECT_EQ(add_members(*site_, "All Systems", collection("", {"X"})).status().code(), Code::kFailedPrecondition);
  EXPECT_EQ(create_collection(*site_, collection("ALL SYSTEMS", {})).status().code(), Code::kAlreadyExists);
}

TEST_F(Policy, SubcollectionsGetWhatTheirCollectionGets) {
  declare_recorded_client();
  ASSERT_EQ(create_collection(*site_, collection("Inner", {"wrk-lon-001"})).status(), ok_status());
  ASSERT_EQ(create_collection(*site_, collection("Middle", {}, {"inner"})).status(), ok_status());
  ASSERT_EQ(create_collection(*site_, collection("Outer", {"WRK-LON-009"}, {"Middle"})).status(), ok_status());
  advertise("Outer");
  EXPECT_EQ(assigned().size(), 2u);
  EXPECT_EQ(show_advert(*site_, "LON20001")->clients_size(), 2);

  for (const char* circle : {"Outer", "Middle", "inner"}) {
    const auto refused = add_members(*site_, "Inner", collection("", {}, {circle})).status();
    EXPECT_EQ(refused.code(), Code::kInvalidArgument) << circle;
    EXPECT_EQ(refused.field(), "collections");
  }
  EXPECT_THAT(add_members(*site_, "Inner", collection("", {}, {"Outer"})).status().message(),
              HasSubstr("Inner -> Outer -> Middle -> Inner"));
  EXPECT_EQ(delete_collection(*site_, "Inner").code(), Code::kFailedPrecondition);
  EXPECT_EQ(create_collection(*site_, collection("X", {}, {"Nothing"})).status().field(), "collections");
  EXPECT_EQ(show_collection(*site_, "X").status().code(), Code::kNotFound);

  ASSERT_EQ(remove_members(*site_, "Middle", collection("", {}, {"Inner"})).status(), ok_status());
  EXPECT_EQ(assigned().size(), 1u);
  ASSERT_EQ(add_members(*site_, "Middle", collection("", {}, {"All Systems"})).status(), ok_status());
  EXPECT_EQ(assigned().size(), 2u);
}

TEST_F(Policy, AProgramBringsWhatMustRunFirst) {
  declare_recorded_client();
  put_second_package();
  ASSERT_EQ(set_run_first("LON00001", "per-system unattended", "LON00002;;setup"), ok_status());
  const std::string setup = "LON20000-LON00002-" + policy_id("LON20000", "LON00002", "Setup").substr(18);
  EXPECT_THAT(assigned(), ElementsAre("LON20000-LON00001-4A48FD56 2.00", setup + " 2.00"));
  EXPECT_THAT(body(kPolicyId, 2), HasSubstr("<property name=\"PRG_DependentProgramPackageID\" type=\"8\"><value>"
                                            "<![CDATA[LON00002]]>"));
  const std::string dependent = body(setup, 2);
  EXPECT_THAT(dependent, HasSubstr("name=\"PRG_DependentPolicy\" type=\"11\"><value><![CDATA[true]]>"));
  EXPECT_THAT(dependent, Not(HasSubstr("CCM_Scheduler_ScheduledMessage")));

  // Its package says something new: so does the advert.
  v1::Package change;
  change.set_version("2.1");
  ASSERT_EQ(set_package(*site_, "LON00002", change).status(), ok_status());
  EXPECT_THAT(assigned(), ElementsAre("LON20000-LON00001-4A48FD56 3.00", setup + " 3.00"));

  for (const auto& [package, program, first, code] :
       std::vector<std::tuple<std::string, std::string, std::string, Code>>{
           {"LON00002", "Setup", "LON00001;;Per-system unattended", Code::kInvalidArgument},
           {"LON00002", "Setup", ";;setup", Code::kInvalidArgument},
           {"LON00002", "Setup", "Setup", Code::kInvalidArgument},
           {"LON00002", "Setup", "LON00001;;", Code::kInvalidArgument},
           {"LON00002", "Setup", "X;;Setup", Code::kInvalidArgument},
           {"LON00002", "Setup", "LON00009;;Setup", Code::kNotFound},
           {"LON00002", "Setup", ";;Nothing", Code::kNotFound}}) {
    const Status refused = set_run_first(package, program, first);
    EXPECT_EQ(refused.code(), code) << first;
    EXPECT_EQ(refused.field(), "runFirst") << first;
  }
  EXPECT_THAT(set_run_first("LON00002", "Setup", "LON00001;;Per-system unattended").message(),
              HasSubstr("LON00002;;Setup -> LON00001;;Per-system unattended -> LON00002;;Setup"));
  EXPECT_EQ(delete_program(*site_, "LON00002", "Setup").code(), Code::kFailedPrecondition);
  EXPECT_EQ(delete_package(*site_, "LON00002").status().code(), Code::kFailedPrecondition);
  EXPECT_THAT(assigned(), ElementsAre("LON20000-LON00001-4A48FD56 3.00", setup + " 3.00"));
  ASSERT_EQ(set_run_first("LON00001", "Per-system unattended", "none"), ok_status());
  EXPECT_THAT(assigned(), ElementsAre("LON20000-LON00001-4A48FD56 4.00"));
  EXPECT_EQ(delete_program(*site_, "LON00002", "Setup"), ok_status());
}

TEST_F(Policy, VersionsRiseWithWhatReachesClientsAndOnlyThen) {
  declare_recorded_client();
  const std::string before = cookie();
  v1::Advert named;
  named.set_name("Another name");
  ASSERT_EQ(set_advert(*site_, "LON20000", named).status(), ok_status());
  v1::Advert same = named;
  same.set_download(true);
  ASSERT_EQ(set_advert(*site_, "LON20000", same).status(), ok_status());
  v1::Package package;
  package.set_name(seed_package().name());
  ASSERT_EQ(set_package(*site_, "LON00001", package).status(), ok_status());
  EXPECT_EQ(cookie(), before);
  EXPECT_THAT(assigned(), ElementsAre("LON20000-LON00001-4A48FD56 1.00"));

  clock_.advance(std::chrono::hours(1));
  v1::Program off;
  off.set_disabled(true);
  off.set_disk_space("120 MB");
  ASSERT_EQ(set_program(*site_, "LON00001", "Per-system unattended", off).status(), ok_status());
  EXPECT_THAT(assigned(), ElementsAre("LON20000-LON00001-4A48FD56 2.00"));
  EXPECT_THAT(body(kPolicyId, 2), HasSubstr("name=\"PRG_PRF_Disabled\" type=\"11\"><value><![CDATA[true]]>"));
  EXPECT_THAT(body(kPolicyId, 2), HasSubstr("name=\"PRG_DiskSpaceReq\" type=\"8\"><value><![CDATA[120 MB]]>"));
  const std::string target = "/SMS_MP/.sms_pol?" + std::string(kPolicyId) + ".2_00";
  const std::string changed = field(get(target, "HEAD"), "Last-Modified");
  EXPECT_EQ(changed, "Sat, 21 Nov 2026 21:00:00 GMT");
  EXPECT_EQ(get(target, "GET", {{"If-Modified-Since", changed}}).status, 304);
  advertise("Admin Systems");
  EXPECT_EQ(field(get(target), "Last-Modified"), changed);  // another policy's change is not its own
  off.set_disk_space("much");
  EXPECT_EQ(set_program(*site_, "LON00001", "Per-system unattended", off).status().field(), "diskSpace");

  ASSERT_EQ(delete_advert(*site_, "LON20000"), ok_status());
  EXPECT_THAT(assigned(), ElementsAre("LON20001-LON00001-4A48FD56 1.00"));  // withdrawn: a Full reply without it
  EXPECT_EQ(get(target).status, 404);
}

TEST_F(Policy, AssignmentsRecurAsTheirSchedulesSay) {
  declare_recorded_client();
  v1::Advert change;
  change.add_schedule("every 1d from 2026-11-21T20:00:00Z");
  change.add_schedule("00011280001A2000");
  const auto changed = set_advert(*site_, "LON20000", change);
  ASSERT_EQ(changed.status(), ok_status());
  EXPECT_THAT(changed->schedule(), ElementsAre("0295BE0000100009", "00011280001A2000"));
  const std::string text = body(kPolicyId, 2);
  for (const char* part : {"[OneShot;MaxRandomDelay=0]", "[SimpleInterval;Minutes=1440;MaxRandomDelayMinutes=0]",
                           "[Weekly;Weeks=1;Day=2;MaxRandomDelayMinutes=0]", "[LON20000-LON00001-4A48FD56-2]",
                           "[19800101000000.000000+***]", "[RerunAlways]"}) {
    EXPECT_THAT(text, HasSubstr(part));
  }
  v1::Advert bad;
  bad.add_schedule("every 1d");
  bad.add_schedule("0001128000100000");
  EXPECT_EQ(set_advert(*site_, "LON20000", bad).status().field(), "schedule[1]");
  for (int i = 0; i < 14; i++) bad.add_schedule("every 1d");
  EXPECT_EQ(set_advert(*site_, "LON20000", bad).status().field(), "schedule");
  EXPECT_THAT(assigned(), ElementsAre("LON20000-LON00001-4A48FD56 2.00"));
  v1::Advert none;
  none.add_schedule("none");
  EXPECT_EQ(set_advert(*site_, "LON20000", none)->schedule_size(), 0);
  EXPECT_THAT(assigned(), ElementsAre("LON20000-LON00001-4A48FD56 3.00"));
}

TEST_F(Policy, TheAgentsSettingsAreAPolicyOfTheirOwn) {
  declare_recorded_client();
  const std::string id(kSettingsPolicyId);
  EXPECT_THAT(body(id, 1), HasSubstr("name=\"Enabled\" type=\"11\"><value><![CDATA[true]]>"));
  v1::SiteSettings change;
  change.set_agent_enabled(false);
  ASSERT_EQ(set_site(*site_, change).status(), ok_status());
  EXPECT_EQ(assignments().assignments(0).policy().policy_version(), "2.00");
  EXPECT_THAT(body(id, 2), HasSubstr("name=\"Enabled\" type=\"11\"><value><![CDATA[false]]>"));
  EXPECT_THAT(assigned(), ElementsAre("LON20000-LON00001-4A48FD56 1.00"));
  change.Clear();
  change.set_client_settings(false);
  ASSERT_EQ(set_site(*site_, change).status(), ok_status());
  EXPECT_EQ(assignments().assignments_size(), 1);
  EXPECT_EQ(body(id, 2), "");
  const std::string before = cookie();
  ASSERT_EQ(set_site(*site_, change).status(), ok_status());  // nothing new
  change.Clear();
  change.set_retries(7);
  ASSERT_EQ(set_site(*site_, change).status(), ok_status());  // nothing for clients
  EXPECT_EQ(cookie(), before);
  change.set_retries(1001);
  EXPECT_EQ(set_site(*site_, change).status().field(), "retries");
  change.Clear();
  change.set_retry_interval_minutes(0);
  EXPECT_EQ(set_site(*site_, change).status().field(), "retryIntervalMinutes");
  change.Clear();
  change.add_boundaries();
  EXPECT_EQ(set_site(*site_, change).status().field(), "boundaries");
  EXPECT_EQ(site_settings(store_->read())->retries(), 7u);
}

TEST_F(Policy, BodiesMayBeCompressed) {
  declare_recorded_client();
  const std::string plain = bytes(get("/SMS_MP/.sms_pol?" + std::string(kPolicyId) + ".1_00"));
  v1::SiteSettings change;
  change.set_compress_policy(true);
  ASSERT_EQ(set_site(*site_, change).status(), ok_status());
  EXPECT_THAT(assigned(), ElementsAre("LON20000-LON00001-4A48FD56 2.00"));
  const v1::AssignedPolicy policy = assignments().assignments(1).policy();
  EXPECT_EQ(policy.policy_flags(), "64");
  const std::string entity = bytes(get("/SMS_MP/.sms_pol?" + std::string(kPolicyId) + ".2_00"));
  EXPECT_EQ(policy.policy_location().policy_hash(), digest_hex(Algorithm::kMd5, entity));
  const std::string text = *utf8_from_utf16le(entity);
  const std::string open = "<PolicyXML Compression=\"zlib\">";
  ASSERT_THAT(text, HasSubstr(open + "789C"));
  const size_t begin = text.find(open) + open.size();
  const auto packed = from_hex(text.substr(begin, text.find("</PolicyXML>") - begin));
  ASSERT_TRUE(packed);
  EXPECT_EQ(
      replaced(*utf8_from_utf16le(*ccm::inflate(*packed, 1 << 20)), "PolicyVersion=\"2.00\"", "PolicyVersion=\"1.00\""),
      *utf8_from_utf16le(plain));
}

TEST_F(Policy, OddMessagesAreAnsweredAsAnyOther) {
  declare_recorded_client();
  const std::string usual = xml(send(policy_header(), {policy_request("")}));
  const auto differs = [&](const std::string& from, const std::string& to) {
    return xml(send(policy_header(), {replaced(policy_request(""), from, to)}));
  };
  EXPECT_EQ(differs("SMS:LON", "SMS:XYZ"), usual);  // of another site: not checked strictly (protocol 4.2)
  EXPECT_EQ(differs("\"Always\"", "\"Full\""), usual);
  EXPECT_EQ(differs("\"Always\"", "\"OnUpdate\""), usual);
  EXPECT_EQ(xml(send(policy_header(), {policy_request(cookie())})), "");
  v1::Msg late = policy_header();
  late.set_sent_time("2027-11-21T20:00:56Z");  // a clock a year off
  EXPECT_EQ(xml(send(late, {policy_request("")})), usual);
  const std::string now = policy_request(cookie());
  for (int i = 0; i < 10'000; i++) ASSERT_EQ(send(late, {now}).status, 200);  // replayed
  EXPECT_EQ(all(store::kClients).size(), 1u);
  expect_still_serves();
}

TEST_F(Policy, TheClientsRecordSaysWhenItAsked) {
  declare_recorded_client();
  const auto shown = [&] { return *show_client(*site_, "WRK-LON-001"); };
  EXPECT_FALSE(shown().has_last_policy());
  replay("12-policy-assignments");
  EXPECT_EQ(from_timestamp(shown().last_policy()), clock_.now());
  EXPECT_FALSE(shown().has_last_policy_body());
  clock_.advance(std::chrono::minutes(1));
  get("/SMS_MP/.sms_pol?" + std::string(kPolicyId) + ".1_00");
  EXPECT_EQ(from_timestamp(shown().last_policy_body()), clock_.now());
  EXPECT_EQ(from_timestamp(shown().last_seen()), clock_.now());
  EXPECT_EQ(from_timestamp(shown().last_policy()), clock_.now() - std::chrono::minutes(1));
  site_->activity->flush(*store_);
  start({});  // nothing is in memory now
  EXPECT_EQ(from_timestamp(shown().last_policy()), clock_.now() - std::chrono::minutes(1));
  EXPECT_EQ(from_timestamp(shown().last_policy_body()), clock_.now());
  EXPECT_EQ(from_timestamp(list_clients(*site_, "", 10)->clients(0).last_policy_body()), clock_.now());

  // Behind one address nobody knows who fetched.
  v1::Client other;
  other.set_name("WRK-LON-002");
  commit([&](store::WriteTxn& txn) { return put_client(txn, *site_, other); });
  v1::Msg from = header("MP_PolicyManager");
  from.set_source_host("WRK-LON-002");
  EXPECT_NE(xml(send(from, {policy_request("", "")})), "");
  replay("12-policy-assignments");
  get("/SMS_MP/.sms_pol?" + std::string(kPolicyId) + ".1_00");
  EXPECT_FALSE(show_client(*site_, "WRK-LON-002")->has_last_policy_body());
}

// ---- what faults make of it (sayings.h)
v1::FaultRule fault_rule(v1::FaultRule::EffectCase effect) {
  v1::FaultRule rule;
  rule.set_id("1");
  if (effect == v1::FaultRule::kAssignments) {
    rule.mutable_assignments()->set_how(v1::Assignments::REORDERED);
  } else {
    rule.mutable_policy_body()->set_how(v1::PolicyBody::PACKAGE_HASH);
  }
  return rule;
}

TEST_F(Policy, AFaultedReplyIsNotKept) {
  declare_recorded_client();
  const auto set = *site_->policies->current(*site_, store_->read());
  const auto kept = set->assignments(set->reaching("WRK-LON-001", true));
  const std::string honest = xml(send(policy_header(), {policy_request("")}));
  site_->rules->put(fault_rule(v1::FaultRule::kAssignments));
  const std::string other = xml(send(policy_header(), {policy_request("")}));
  EXPECT_NE(other, honest);
  EXPECT_EQ(other.size(), honest.size());
  site_->rules->clear();
  EXPECT_EQ(xml(send(policy_header(), {policy_request("")})), honest);
  EXPECT_EQ(set->assignments(set->reaching("WRK-LON-001", true)), kept);
}

TEST_F(Policy, AFaultedBodyIsNotKept) {
  declare_recorded_client();
  const std::string honest = body(kPolicyId, 1);
  const std::string assigned = xml(send(policy_header(), {policy_request("")}));
  site_->rules->put(fault_rule(v1::FaultRule::kPolicyBody));
  EXPECT_NE(body(kPolicyId, 1), honest);
  EXPECT_NE(xml(send(policy_header(), {policy_request("")})), assigned) << "the hashes go with the body";
  site_->rules->clear();
  EXPECT_EQ(body(kPolicyId, 1), honest);
  EXPECT_EQ(xml(send(policy_header(), {policy_request("")})), assigned);
}

TEST_F(Policy, AFaultsAssignmentsAreTheSameInBothWaysOfMakingThem) {
  declare_recorded_client();
  const auto set = *site_->policies->current(*site_, store_->read());
  const std::string honest = xml(send(policy_header(), {policy_request("")}));
  EXPECT_EQ(codec::to_xml(set->reply(set->reaching("WRK-LON-001", true), kRecordedSmsid)), honest);
}

// Of a compressed body, the one inside is spoilt, and the one around it is right.
TEST_F(Policy, AFaultGoesIntoACompressedBody) {
  declare_recorded_client();
  change_policy([&](store::WriteTxn& txn) {
    v1::SiteSettings settings;
    settings.set_compress_policy(true);
    return record_settings(txn, *site_, settings).status();
  });
  site_->rules->put(fault_rule(v1::FaultRule::kPolicyBody));
  const std::string text = body(kPolicyId, 2);
  const std::string begin = "<PolicyXML Compression=\"zlib\">";
  ASSERT_THAT(text, HasSubstr(begin));
  const size_t at = text.find(begin) + begin.size();
  const auto inflated = ccm::inflate(*from_hex(text.substr(at, text.find('<', at) - at)), 1 << 20);
  ASSERT_EQ(inflated.status(), ok_status());
  const std::string inner = *utf8_from_utf16le(*inflated);
  EXPECT_THAT(inner, HasSubstr("PKG_SourceHash"));
  EXPECT_THAT(inner, Not(HasSubstr(seed_package().hash().sha1())));
}

TEST_F(Policy, AFaultThatCannotTellItsClientLeavesAssignmentAndBodyAsTheyAre) {
  declare_recorded_client();
  const std::string honest = body(kPolicyId, 1), assigned = xml(send(policy_header(), {policy_request("")}));
  v1::Msg other = header("MP_PolicyManager");
  other.set_source_host("WRK-LON-002");
  v1::Client second;
  second.set_name("WRK-LON-002");
  commit([&](store::WriteTxn& txn) { return put_client(txn, *site_, second); });
  send(other, {policy_request("", "")});  // from the same address: whose it is, nobody knows any more
  v1::FaultRule rule = fault_rule(v1::FaultRule::kPolicyBody);
  rule.mutable_match()->set_client("WRK-LON-001");
  site_->rules->put(rule);
  EXPECT_EQ(body(kPolicyId, 1), honest);
  EXPECT_EQ(xml(send(policy_header(), {policy_request("")})), assigned);
}

}  // namespace
}  // namespace smslab::mp
