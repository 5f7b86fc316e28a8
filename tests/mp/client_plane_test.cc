// The client plane as clients see it: the recorded requests and their variants, lenient and strict.
#include "mp/clients.h"
#include "proto/base/text.h"
#include "tests/mp/client_plane_fixture.h"

namespace smslab::mp {
namespace {
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

// ---- .sms_aut
using Aut = ClientPlane;

TEST_F(Aut, RecordedListIsOursWithOurVersion) {
  const wire::Reply reply = replay("01-mplist");
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(field(reply, "Content-Type"), "text/xml");
  EXPECT_EQ(bytes(reply), replaced(testing::recorded("replies/01-mplist").body, ">2470<", ">6487<"));
}

TEST_F(Aut, ListsInAllForms) {
  const std::string with_site = bytes(get("/SMS_MP/.sms_aut?MPLIST1"));
  EXPECT_THAT(with_site, HasSubstr("SiteCode=\"LON\""));
  EXPECT_THAT(bytes(get("/SMS_MP/.sms_aut?MPLIST")), Not(HasSubstr("SiteCode")));
  for (const char* query : {"MPLIST1&LON", "mplist1&lon", "MPLIST2&LON", "MPLIST&LON", "MPLIST1%26LON", "MPLIST2"}) {
    EXPECT_EQ(bytes(get("/sms_mp/.SMS_AUT?" + std::string(query))), with_site) << query;
  }
  for (const char* query : {"MPLIST1&XYZ", "MPLIST2&XYZ", "MPLIST&XYZ"}) {
    EXPECT_EQ(bytes(get("/SMS_MP/.sms_aut?" + std::string(query))), "<MPList/>") << query;
  }
}

TEST_F(Aut, CertificatesAndKeys) {
  const std::string& certificate = keys_.mp.certificate();
  EXPECT_EQ(bytes(replay("02-mpcert")),
            "<MPCertificate><Certificate>" + certificate + "</Certificate></MPCertificate>");
  EXPECT_EQ(bytes(replay("03-mpcert2")), "<MPCertificates><Certificate1 Signature=\"\">" + certificate +
                                             "</Certificate1><Certificate2 Signature=\"\">" + certificate +
                                             "</Certificate2></MPCertificates>");
  const std::string& root = keys_.trusted_root.public_key();
  EXPECT_EQ(bytes(replay("04-mpkeyinformationex")),
            "<MPKEYINFORMATION><FQDN>127.0.0.1</FQDN><MACHINENAME>LON-DCSMS-01</MACHINENAME><SITECODE>LON</SITECODE>"
            "<TRUSTEDROOTKEY>" +
                root + "</TRUSTEDROOTKEY><MPCERTIFICATE Signature=\"\">" + certificate +
                "</MPCERTIFICATE></MPKEYINFORMATION>");
  EXPECT_EQ(bytes(get("/SMS_MP/.sms_aut?MPKEYINFORMATION")), bytes(replay("04-mpkeyinformationex")));
  EXPECT_EQ(bytes(replay("05-mptrk")),
            "<KEYDATA><TRUSTEDROOTKEY Signature=\"\">" + root + "</TRUSTEDROOTKEY></KEYDATA>");
  EXPECT_EQ(bytes(get("/SMS_MP/.sms_aut?SITESIGNCERT")), "<X509Data><X509Certificate EncodingType=\"hexBinary\">" +
                                                             keys_.site_server.certificate() +
                                                             "</X509Certificate></X509Data>");
  EXPECT_EQ(*ccm::public_key_of_certificate(certificate), keys_.mp.public_key());
}

TEST_F(Aut, UnknownCommandsAre500) {
  for (const char* target : {"/SMS_MP/.sms_aut", "/SMS_MP/.sms_aut?", "/SMS_MP/.sms_aut?SMSTRC",
                             "/SMS_MP/.sms_aut?MPLIST3", "/SMS_MP/.sms_aut?&MPLIST", "/SMS_MP/.sms_aut?%zz"}) {
    EXPECT_EQ(get(target).status, 500) << target;
  }
  EXPECT_EQ(get("/SMS_MP/.sms_aut?MPCERT").status, 200);
}

// ---- sinks
using Sinks = ClientPlane;

TEST_F(Sinks, RecordedStatusBecomesANumberedMessage) {
  declare_recorded_client();
  const wire::Reply reply = replay("15-status-hash-mismatch");
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.body.size(), 0u);
  EXPECT_EQ(field(reply, "Content-Type"), "");
  const auto messages = all(store::kStatusMessages);
  ASSERT_EQ(messages.size(), 1u);
  EXPECT_EQ(messages[0].message_id(), 10030u);
  EXPECT_EQ(messages[0].client(), "WRK-LON-001");
  EXPECT_EQ(messages[0].system(), "WRK-LON-001");
  EXPECT_THAT(messages[0].insertion_strings(), ElementsAre("LON20000", "1", "", "LON00001", "Per-system unattended"));
  EXPECT_EQ(messages[0].attributes().at(400), "LON00001");
  EXPECT_EQ(messages[0].attributes().at(401), "LON20000");
  EXPECT_EQ(format_rfc3339(from_timestamp(messages[0].time())), "2026-11-21T20:00:56.804Z");
  EXPECT_EQ(format_rfc3339(from_timestamp(client_by_name(store_->read(), "WRK-LON-001")->last_seen())),
            "2026-11-21T20:00:00Z");
  const auto state = store::kAdvertClients.get(store_->read(), {"LON20000", "WRK-LON-001"});
  ASSERT_TRUE(state.ok()) << state.status().to_string();
  EXPECT_EQ(state->last_message_id(), 10030u);
}

std::string event(const std::string& type, const std::string& properties) {
  return "<Status SchemaVersion=\"1.0\"><Type>" + type +
         "</Type><Properties><Property Name=\"AdvertisementId\">LON20000</Property><Property "
         "Name=\"PackageName\">LON00001</Property><Property Name=\"ProgramName\">P</Property>" +
         properties + "</Properties></Status>";
}

TEST_F(Sinks, ProgramEventsCarryTheirStrings) {
  const auto send_event = [&](const std::string& type, const std::string& properties) {
    EXPECT_EQ(xml(send(header("statusRECEIVER", "ASync"), {event(type, properties)})), "");
  };
  send_event("SoftDistProgramOfferReceivedEvent", "<Property Name=\"SiteCode\">LON</Property>");
  send_event(
      "SoftDistProgramStartedEvent",
      "<Property Name=\"CommandLine\">a.exe /q</Property><Property Name=\"WorkingDirectory\">C:\\x\\</Property>");
  send_event("SoftDistProgramCompletedSuccessfulMIFEvent", "<Property Name=\"MIFDescription\">done</Property>");
  const auto messages = all(store::kStatusMessages);
  ASSERT_EQ(messages.size(), 3u);
  EXPECT_EQ(messages[0].message_id(), 10002u);
  EXPECT_EQ(messages[1].message_id(), 10005u);
  EXPECT_THAT(messages[1].insertion_strings(), ElementsAre("LON20000", "a.exe /q", "C:\\x\\", "LON00001", "P"));
  EXPECT_EQ(messages[2].message_id(), 10009u);
  EXPECT_THAT(messages[2].insertion_strings(), ElementsAre("LON20000", "done", "", "LON00001", "P"));
  EXPECT_EQ(store::kAdvertClients.get(store_->read(), {"LON20000", "WRK-LON-001"})->state(),
            v1::AdvertClient::SUCCEEDED);
}

TEST_F(Sinks, EventsWithoutANumberAreKeptByClass) {
  EXPECT_EQ(xml(send(header("StatusReceiver", "Async"), {event("SoftDistDownloadStartedEvent", "")})), "");
  EXPECT_EQ(xml(send(header("StatusReceiver", "Async"), {event("SoftDistDownloadCompletedEvent", "")})), "");
  EXPECT_TRUE(all(store::kStatusMessages).empty());
  const auto events = all(store::kClientEvents);
  ASSERT_EQ(events.size(), 2u);
  EXPECT_EQ(events[0].class_name(), "SoftDistDownloadStartedEvent");
  EXPECT_EQ(events[0].client(), "WRK-LON-001");
  EXPECT_EQ(events[0].properties().at("PackageName"), "LON00001");
  EXPECT_LT(events[0].id(), events[1].id());
}

TEST_F(Sinks, IdsThatAreNoneAreOnlyShown) {
  const std::string long_text(1000, 'x');
  EXPECT_EQ(xml(send(header("StatusReceiver", "Async"),
                     {replaced(event("SoftDistProgramErrorEvent", ""), "LON00001", long_text)})),
            "");
  const auto messages = all(store::kStatusMessages);
  ASSERT_EQ(messages.size(), 1u);
  EXPECT_EQ(messages[0].insertion_strings(3), long_text);
  EXPECT_EQ(messages[0].attributes().count(400), 0u);
}

TEST_F(Sinks, ReportsAreKeptWhole) {
  declare_recorded_client();
  for (int i = 0; i < 2; i++) {
    for (const char* name : {"11-ddr-heartbeat", "16-state-message"}) {
      const wire::Reply reply = replay(name);
      EXPECT_EQ(reply.status, 200) << name;
      EXPECT_EQ(reply.body.size(), 0u) << name;
    }
  }
  const auto ddr = store::kClientReports.get(store_->read(), {"WRK-LON-001", "MP_DdrEndpoint"});
  ASSERT_TRUE(ddr.ok()) << ddr.status().to_string();
  EXPECT_EQ(ddr->count(), 2u);
  EXPECT_EQ(ddr->documents_size(), 2);
  EXPECT_EQ(ddr->documents(0), envelope("11-ddr-heartbeat").documents[0]);
  const auto state = store::kClientReports.get(store_->read(), {"WRK-LON-001", "MP_RelayEndpoint"});
  ASSERT_TRUE(state.ok()) << state.status().to_string();
  EXPECT_THAT(state->documents(0), StartsWith("<?xml version=\"1.0\" encoding=\"utf-16\"?><Report>"));
  EXPECT_TRUE(all(store::kStatusMessages).empty());

  EXPECT_EQ(xml(send(header("mp_HINVendpoint", "Async"), {"<Report><ReportHeader/><ReportBody/></Report>"})), "");
  EXPECT_TRUE(store::kClientReports.has(store_->read(), {"WRK-LON-001", "MP_HinvEndpoint"}));
}

TEST_F(Sinks, ADdrMakesAClientKnownIn2003Only) {
  replay("11-ddr-heartbeat");
  EXPECT_TRUE(all(store::kClients).empty());
  start({}, "2003");
  replay("11-ddr-heartbeat");
  const auto client = client_by_smsid(store_->read(), kRecordedSmsid);
  ASSERT_TRUE(client.ok()) << client.status().to_string();
  EXPECT_EQ(client->name(), "WRK-LON-001");
  EXPECT_FALSE(client->registered());
}

TEST_F(Sinks, ADiscoveryFillsTheClientsRecord) {
  declare_recorded_client();
  const auto discovery = [](const std::string& instances) {
    return "<Report><ReportHeader><Identification><Machine><ClientVersion>2.50.4253.3000</ClientVersion><NetBIOSName>"
           "WRK-LON-001</NetBIOSName></Machine></Identification><ReportDetails><ReportType>Full</ReportType>"
           "</ReportDetails><InventoryAction><Description>Discovery</Description></InventoryAction></ReportHeader>"
           "<ReportBody>" +
           instances + "</ReportBody></Report>";
  };
  const auto instance = [](const std::string& name, const std::string& properties) {
    return "<Instance Content=\"New\" Class=\"" + name + "\" ParentClass=\"" + name + "\"><" + name + ">" + properties +
           "</" + name + "></Instance>";
  };
  const std::string all_of_them =
      instance("CCM_System", "<Domain>CONTOSO</Domain>") +
      instance("CCM_OperatingSystem", "<Caption>Windows XP</Caption><Version>5.1.2600</Version>") +
      instance("CCM_ADSiteInfo", "<ADSiteName>London</ADSiteName>") +
      instance("CCM_ExtNetworkAdapterConfiguration", "<FQDN>wrk-lon-001.contoso.com</FQDN>") +
      instance("CCM_NetworkAdapterConfiguration", "<IPAddress>192.168.1.5</IPAddress>") +
      instance("Unknown", "<Domain>other</Domain>");
  EXPECT_EQ(xml(send(header("MP_DdrEndpoint", "Async"), {discovery(all_of_them)})), "");
  const auto known = *show_client(*site_, "WRK-LON-001");
  EXPECT_EQ(known.domain(), "CONTOSO");
  EXPECT_EQ(known.operating_system(), "Windows XP 5.1.2600");
  EXPECT_EQ(known.ad_site(), "London");
  EXPECT_EQ(known.fqdn(), "wrk-lon-001.contoso.com");
  EXPECT_EQ(known.client_version(), "2.50.4253.3000");
  EXPECT_THAT(known.addresses(), ::testing::ElementsAre("192.168.1.5"));
  EXPECT_EQ(known.smsid(), kRecordedSmsid);
  EXPECT_EQ(from_timestamp(known.last_seen()), clock_.now());
  const auto report = *store::kClientReports.get(store_->read(), {"WRK-LON-001", "MP_DdrEndpoint"});
  EXPECT_EQ(report.type(), "Full");
  EXPECT_EQ(report.action(), "Discovery");
  EXPECT_EQ(report.instances(), 6u);

  // What the next one says replaces it; what it leaves out stays.
  EXPECT_EQ(xml(send(header("MP_DdrEndpoint", "Async"),
                     {discovery(instance("CCM_NetworkAdapterConfiguration", "<IPAddress>192.168.1.6</IPAddress>"))})),
            "");
  const auto later = *show_client(*site_, "WRK-LON-001");
  EXPECT_THAT(later.addresses(), ::testing::ElementsAre("192.168.1.6"));
  EXPECT_EQ(later.domain(), "CONTOSO");
}

TEST_F(Sinks, NumbersThatTheirComponentCannotHave) {
  declare_recorded_client();
  const auto numbered = [](const std::string& class_name, const std::string& number) {
    return event(class_name, "<Property Name=\"EventId\">" + number + "</Property>");
  };
  const auto ids = [&] {
    std::vector<uint32_t> out;
    for (const auto& message : all(store::kStatusMessages)) out.push_back(message.message_id());
    return out;
  };
  send(header("StatusReceiver", "Async"), {numbered("SoftDistOtherEvent", "10010")});
  EXPECT_THAT(ids(), ::testing::ElementsAre(10010));
  send(header("StatusReceiver", "Async"), {numbered("SoftDistOtherEvent", "20000")});
  ASSERT_THAT(ids(), ::testing::ElementsAre(10010, 3812));
  const v1::StatusMessage warning = all(store::kStatusMessages).back();
  EXPECT_EQ(warning.severity(), v1::StatusMessage::WARNING);
  EXPECT_EQ(warning.system(), "LON-DCSMS-01");
  EXPECT_THAT(warning.insertion_strings(), ::testing::ElementsAre("Software Distribution", "20000"));
  EXPECT_EQ(all(store::kClientEvents).size(), 1u);
  send(header("StatusReceiver", "Async"), {numbered("SoftDistOtherEvent", "x")});                 // none
  send(header("StatusReceiver", "Async"), {numbered("CCM_PolicyAgent_PolicyApplied", "20000")});  // not summarised
  EXPECT_EQ(ids().size(), 2u);
  EXPECT_EQ(all(store::kClientEvents).size(), 3u);
}

TEST_F(Sinks, EveryRequestIsALineOfItsLog) {
  declare_recorded_client();
  SiteLogs::Sinks sinks;
  std::array<std::shared_ptr<CapturedLog>, kSiteLogFiles> files;
  for (size_t i = 0; i < kSiteLogFiles; i++) sinks[i] = files[i] = std::make_shared<CapturedLog>();
  site_->logs = std::make_shared<SiteLogs>(sinks);
  const auto lines = [&](SiteLogFile file) {
    site_->logs->flush();
    std::string text;
    for (const auto& part : files[static_cast<size_t>(file)]->lines) text += part + "\n";
    return text;
  };
  get("/SMS_MP/.sms_aut?MPLIST");
  EXPECT_EQ(lines(SiteLogFile::kGetAuth),
            "MP GA: Auth Request Type is MPLIST  $$<MP_GetAuth><11-21-2026 20:00:00.000+000><thread=1500 (0x5DC)>\n");
  get("/SMS_MP/.sms_pol?" + std::string(kPolicyId) + ".1_00");
  EXPECT_THAT(lines(SiteLogFile::kGetPolicy), StartsWith("MP GP: Query String Before Decode: LON20000-LON00001-"));
  replay("12-policy-assignments");
  EXPECT_THAT(lines(SiteLogFile::kPolicy), HasSubstr(": answered  $$<MP_Policy>"));
  replay("06-site-information");
  EXPECT_THAT(lines(SiteLogFile::kLocation), StartsWith("MP LM: Message Body : <SiteInformationRequest"));
  replay("11-ddr-heartbeat");
  EXPECT_THAT(lines(SiteLogFile::kDdr), HasSubstr(": taken  $$<MP_Ddr>"));
  v1::Msg nobody = header("StatusReceiver", "Async");
  nobody.set_source_host("a\r\nb");
  send(nobody, {"<Status/>"});
  EXPECT_THAT(lines(SiteLogFile::kStatus), HasSubstr(" a??b (): refused: "));
}

TEST_F(Sinks, UnusableReportsLeaveNothing) {
  v1::Msg nameless = header("StatusReceiver", "Async");
  nameless.clear_source_host();
  const std::vector<std::pair<v1::Msg, std::string>> cases = {
      {header("StatusReceiver", "Async"), "<Status SchemaVersion=\"1.00\"/>"},
      {header("StatusReceiver", "Async"), "<Report/>"},
      {header("StatusReceiver", "Async"), "<Status>"},
      {nameless, event("SoftDistProgramErrorEvent", "")},
      {header("MP_DdrEndpoint", "Async"), "<Status/>"},
      {header("MP_DdrEndpoint", "Async"), "<!DOCTYPE x []><Report/>"},
      {header("No_Such\nEndpoint", "Async"), "<Report/>"},
      {header("", "Async"), "<Report/>"},
  };
  for (const auto& [header, document] : cases) {
    log_->lines.clear();
    EXPECT_EQ(xml(send(header, {document})), "") << document;
    ASSERT_EQ(log_->lines.size(), 1u) << document;
    EXPECT_THAT(log_->lines[0], Not(HasSubstr("\n")));
  }
  EXPECT_TRUE(all(store::kStatusMessages).empty());
  EXPECT_TRUE(all(store::kClientEvents).empty());
  EXPECT_TRUE(all(store::kClientReports).empty());
  expect_still_serves();
}

TEST_F(Sinks, StrictModeStoresOnlySignedStatus) {
  declare_recorded_client();
  start_strict();
  const ccm::Envelope in = envelope("15-status-hash-mismatch");
  for (const char* property : {"PayloadSignature", "ClientIDSignature"}) {
    v1::Msg header = in.header;
    flip_hook_property(&header, property);
    const wire::Reply reply = post(ccm::write_request(header, in.payload));
    EXPECT_EQ(reply.status, 200);
    EXPECT_EQ(reply.body.size(), 0u);
  }
  send(header("StatusReceiver", "Async"), {event("SoftDistProgramErrorEvent", "")});
  EXPECT_TRUE(all(store::kStatusMessages).empty());
  EXPECT_FALSE(client_by_name(store_->read(), "WRK-LON-001")->has_last_seen());
  replay("15-status-hash-mismatch");
  EXPECT_EQ(all(store::kStatusMessages).size(), 1u);
  // What clients never sign is taken as it is.
  replay("11-ddr-heartbeat");
  replay("16-state-message");
  EXPECT_EQ(all(store::kClientReports).size(), 2u);
  EXPECT_NE(xml(replay("14-content-location")), "");
}

// ---- the envelope
using Envelopes = ClientPlane;

TEST_F(Envelopes, BrokenOnesAre400AndTheNextIsServed) {
  const auto good = testing::recorded("requests/06-site-information");
  const std::string type = good.field("Content-Type");
  const std::vector<ccm::Multipart> cases = {
      {.content_type = "text/plain", .body = good.body},
      {.content_type = type, .body = ""},
      {.content_type = type, .body = good.body.substr(0, good.body.size() / 2)},
      {.content_type = type, .body = replaced(good.body, "\x58\x85", "\x58\x84")},
  };
  for (const ccm::Multipart& message : cases) {
    log_->lines.clear();
    const wire::Reply reply = post(message);
    EXPECT_EQ(reply.status, 400);
    EXPECT_EQ(reply.body.size(), 0u);
    EXPECT_EQ(log_->lines.size(), 0u) << "the connection logs a refusal, once";
    expect_still_serves();
  }
}

TEST_F(Envelopes, RepliesMirrorTheRequest) {
  const wire::Reply reply = replay("06-site-information");
  EXPECT_EQ(field(reply, "Content-Type"), "multipart/mixed; boundary=\"aAbBcCdDv1234567890VxXyYzZ\"");
  const auto msg = ccm::read_request(field(reply, "Content-Type"), bytes(reply));
  ASSERT_TRUE(msg.ok());
  EXPECT_EQ(msg->header.correlation_id(), envelope("06-site-information").header.id());
  EXPECT_EQ(msg->header.source_host(), "LON-DCSMS-01");
  EXPECT_EQ(msg->header.sent_time(), "2026-11-21T20:00:00Z");
  EXPECT_EQ(bytes(replay("06-site-information")), bytes(reply));
}

TEST_F(Envelopes, PostAndAnyLetterCaseAreTaken) {
  const auto recorded = testing::recorded("requests/06-site-information");
  const ccm::Multipart message{.content_type = recorded.field("Content-Type"), .body = recorded.body};
  EXPECT_NE(xml(post(message, "/CCM_System/REQUEST")), "");
  EXPECT_EQ(post(message, "/ccm_system_windowsauth/request").status, 401);
  EXPECT_EQ(get("/ccm_system/request").status, 405);
}

TEST_F(Envelopes, EveryRecordedRequestIsAnswered) {
  declare_recorded_client();
  for (const char* name :
       {"01-mplist", "02-mpcert", "03-mpcert2", "04-mpkeyinformationex", "05-mptrk", "06-site-information",
        "08-local-mp-location", "09-enumerate-mp-location", "10-client-registration", "11-ddr-heartbeat",
        "12-policy-assignments", "14-content-location", "15-status-hash-mismatch", "16-state-message"}) {
    const wire::Reply reply = replay(name);
    const auto recorded = testing::recorded(std::string("replies/") + name);
    EXPECT_EQ(reply.status, 200) << name;
    EXPECT_EQ(field(reply, "Content-Type"), recorded.field("Content-Type")) << name;
    EXPECT_EQ(reply.body.size() == 0, recorded.body.empty()) << name;
  }
  EXPECT_EQ(replay("13-policy-body").status, 404);  // the recorder's own suffix
}
}  // namespace
}  // namespace smslab::mp
