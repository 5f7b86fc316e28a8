// The XML of the recorded requests and replies (tests/data/xml, cut out of tests/data/wire) read and written again.
#include <gtest/gtest.h>

#include "proto/codec/xml.h"
#include "proto/schema/client_messages.pb.h"
#include "tests/support/golden.h"
#include "tests/support/status.h"

namespace smslab::codec {
namespace {
using smslab::testing::test_data;

template <class M>
M read(const std::string& name) {
  M message;
  EXPECT_EQ(from_xml(test_data("xml/" + name + ".xml"), &message), ok_status()) << name;
  return message;
}

// The client writes <X />, we write <X/>; its Body names Length before Offset.
std::string recorded_xml(const std::string& name) {
  std::string text = test_data("xml/" + name + ".xml");
  for (size_t at = text.find(" />"); at != std::string::npos; at = text.find(" />", at)) text.erase(at, 1);
  const std::string before = "<Body Type=\"ByteRange\" ";
  const size_t length = text.find(before);
  if (length == std::string::npos) return text;
  const size_t offset = text.find(" Offset", length), end = text.find("/>", offset);
  const std::string first = text.substr(length + before.size(), offset - length - before.size());
  return text.replace(length + before.size(), end - length - before.size(),
                      text.substr(offset + 1, end - offset - 1) + " " + first);
}

// Messages that we know whole: the same XML comes out as went in.
template <class M>
void expect_same(const std::string& name) {
  EXPECT_EQ(to_xml(read<M>(name)), recorded_xml(name)) << name;
}

TEST(RecordedXml, RequestsComeOutAsTheyWentIn) {
  for (const char* name : {"06-site-information", "08-local-mp-location", "09-enumerate-mp-location",
                           "10-client-registration", "11-ddr-heartbeat", "12-policy-assignments", "14-content-location",
                           "15-status-hash-mismatch", "16-state-message"}) {
    expect_same<v1::Msg>(std::string("requests/") + name + ".header");
  }
  expect_same<v1::SiteInformationRequest>("requests/06-site-information");
  expect_same<v1::LocalMPLocationRequest>("requests/08-local-mp-location");
  expect_same<v1::EnumerateMPLocationRequest>("requests/09-enumerate-mp-location");
  expect_same<v1::ClientRegistrationRequest>("requests/10-client-registration");
  expect_same<v1::Report>("requests/11-ddr-heartbeat");
  expect_same<v1::RequestAssignments>("requests/12-policy-assignments");
  expect_same<v1::Status>("requests/15-status-hash-mismatch");
}

TEST(RecordedXml, RepliesComeOutAsTheyWentIn) {
  expect_same<v1::MPList>("replies/01-mplist");
  expect_same<v1::MPCertificate>("replies/02-mpcert");
  expect_same<v1::MPCertificates>("replies/03-mpcert2");
  expect_same<v1::MpKeyInformation>("replies/04-mpkeyinformationex");
  expect_same<v1::KeyData>("replies/05-mptrk");
  expect_same<v1::SiteInfoReply>("replies/06-site-information");
  expect_same<v1::LocalMPLocationReply>("replies/08-local-mp-location");
  expect_same<v1::EnumerateMPLocationReply>("replies/09-enumerate-mp-location");
  expect_same<v1::ClientRegistrationResponse>("replies/10-client-registration");
  expect_same<v1::ReplyAssignments>("replies/12-policy-assignments");
  expect_same<v1::ContentLocationReply>("replies/14-content-location");
}

TEST(RecordedXml, Headers) {
  const auto msg = read<v1::Msg>("requests/12-policy-assignments.header");
  EXPECT_EQ(msg.reply_compression(), "zlib");
  EXPECT_EQ(msg.body().length(), 726u);
  EXPECT_TRUE(msg.body().has_offset());
  EXPECT_EQ(msg.target_endpoint(), "MP_PolicyManager");
  EXPECT_EQ(msg.source_id(), "GUID:F5EC9167-62AB-43BB-870E-4F40A720AB52");
  ASSERT_EQ(msg.hooks().hook2_size(), 1);
  EXPECT_EQ(msg.hooks().hook2(0).name(), "clientauth");
  ASSERT_EQ(msg.hooks().hook2(0).properties_size(), 6);
  EXPECT_EQ(msg.hooks().hook2(0).properties(4).text(), "NonSSL");
  EXPECT_FALSE(read<v1::Msg>("requests/06-site-information.header").has_source_id());
  EXPECT_EQ(read<v1::Msg>("requests/16-state-message.header").properties(0).value(), "SMX");

  const auto ddr = read<v1::Msg>("requests/11-ddr-heartbeat.header");
  ASSERT_EQ(ddr.attachments_size(), 2);
  EXPECT_EQ(ddr.attachments(1).offset(), 1686u);
  EXPECT_FALSE(ddr.attachments(1).has_type());
}

TEST(RecordedXml, Bodies) {
  EXPECT_EQ(read<v1::SiteInformationRequest>("requests/06-site-information").site_code().name(), "LON");
  const auto local = read<v1::LocalMPLocationRequest>("requests/08-local-mp-location");
  EXPECT_EQ(local.assigned_site().site_code(), "LON");
  EXPECT_EQ(local.client_location_info().on_internet(), "0");
  EXPECT_TRUE(local.client_location_info().has_ad_site());
  EXPECT_FALSE(local.client_location_info().ad_site().has_name());

  const auto registration = read<v1::ClientRegistrationRequest>("requests/10-client-registration");
  EXPECT_EQ(registration.data().smsid(), "");
  EXPECT_EQ(registration.data().hash_algorithm(), "2.16.840.1.101.3.4.2.1");
  EXPECT_EQ(registration.data().certificates().signing().hex().size(), 1674u);
  EXPECT_EQ(registration.data().discovery_properties(1).value(), "wrk-lon-001.contoso.test");
  EXPECT_EQ(registration.signature().signature_value().size(), 512u);

  const auto assignments = read<v1::RequestAssignments>("requests/12-policy-assignments");
  EXPECT_EQ(assignments.identification().machine().netbios_name(), "vm");
  EXPECT_TRUE(assignments.identification().has_user());
  EXPECT_TRUE(assignments.has_server_cookie());
  EXPECT_EQ(assignments.server_cookie(), "");

  const auto status = read<v1::Status>("requests/15-status-hash-mismatch");
  EXPECT_EQ(status.type(), "SoftDistHashMismatchEvent");
  ASSERT_EQ(status.properties_size(), 13);
  EXPECT_EQ(status.properties(4).text(), "Per-system unattended");

  const auto state = read<v1::Report>("requests/16-state-message");
  EXPECT_EQ(state.header().details().report_content(), "State Message Data");
  EXPECT_TRUE(state.has_body());

  const auto policy = read<v1::Policy>("replies/13-policy-body");
  EXPECT_EQ(policy.policy_id(), "LON20000-LON00001-8A7B3A8B");
  EXPECT_EQ(policy.rules(0).actions(0).instances(0).properties(0).type(), 8u);
  EXPECT_EQ(policy.rules(0).actions(0).instances(0).properties(0).values(0).text(), "LON20000");
  EXPECT_FALSE(policy.rules(0).actions(0).has_mof());
}

// Its dozen attributes that we have no use for are skipped.
TEST(RecordedXml, ContentLocation) {
  const auto ask = read<v1::ContentLocationRequest>("requests/14-content-location");
  EXPECT_EQ(ask.package().id(), "LON00001");
  EXPECT_EQ(ask.package().version(), "1");
  EXPECT_EQ(ask.client_location_info().location_type(), "SMSPackage");
  EXPECT_EQ(to_xml(ask), R"(<ContentLocationRequest SchemaVersion="1.00"><AssignedSite SiteCode="LON"/>)"
                         R"(<ClientLocationInfo LocationType="SMSPackage" AllowHTTP="0" AllowSMB="0"><ADSite/>)"
                         R"(<IPAddresses/></ClientLocationInfo>)"
                         R"(<Package DeploymentFlags="0" ID="LON00001" Version="1"/></ContentLocationRequest>)");
}

TEST(RecordedXml, RootNamesDispatch) {
  const auto root = [](const std::string& name) {
    const auto result = xml_root_name(test_data("xml/" + name + ".xml"));
    return result.ok() ? *result : result.status().to_string();
  };
  EXPECT_EQ(root("requests/06-site-information"), "SiteInformationRequest");
  EXPECT_EQ(root("requests/14-content-location"), "ContentLocationRequest");
  EXPECT_EQ(root("requests/16-state-message"), "Report");  // behind an XML declaration
}

TEST(RecordedXml, SignedElement) {
  const std::string text = test_data("xml/requests/10-client-registration.xml");
  const auto data = xml_element_text(text, "Data");
  ASSERT_TRUE(data.ok());
  EXPECT_TRUE(data->starts_with("<Data HashAlgorithm="));
  EXPECT_TRUE(data->ends_with("</DiscoveryProperties></Data>"));
  EXPECT_NE(text.find(*data), std::string::npos);
}
}  // namespace
}  // namespace smslab::codec
