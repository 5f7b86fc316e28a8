// The recorded requests of a real client, sent byte for byte to a running lab: the replies are what the facts say a
// client accepts.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "proto/base/hex.h"
#include "proto/base/utf16.h"
#include "proto/ccm/envelope.h"
#include "proto/codec/xml.h"
#include "proto/dav/propfind.h"
#include "proto/schema/client_messages.pb.h"
#include "tests/support/http_probe.h"
#include "tests/support/lab.h"
#include "tests/support/recorded.h"

namespace smslab::test {
namespace {
using ::testing::HasSubstr;
using ::testing::StartsWith;

const char kSmsid[] = "GUID:F5EC9167-62AB-43BB-870E-4F40A720AB52";
const char kProgram[] = "Per-system unattended";

std::string request(const std::string& name) {
  return read(std::string(SMSLAB_TEST_DATA) + "/wire/requests/" + name + ".http");
}

HttpProbe::Reply send_to(const std::string& url, const std::string& bytes) {
  HttpProbe probe(parse_url(url, "url")->at);
  probe.send(bytes);
  const HttpProbe::Reply reply = probe.read_reply();
  EXPECT_TRUE(probe.at_end()) << "the client said Connection: close";
  return reply;
}

// Turns one bit of a hook's or of the registration's signature: an upper-case hex digit becomes another one. The header
// is UTF-16LE.
std::string with_turned_signature(std::string message, const std::string& property) {
  const std::string mark = utf16le_from_utf8("\"" + property + "\">");
  const size_t at = message.find(mark);
  EXPECT_NE(at, std::string::npos);
  char& digit = message[at + mark.size()];
  digit = digit == '0' ? '1' : digit == 'A' ? 'B' : digit == 'F' ? 'E' : static_cast<char>(digit ^ 1);
  return message;
}

class Recorded : public ::testing::Test {
 protected:
  void prepare(const std::vector<std::string>& serve_arguments = {}) {
    lab_ = std::make_unique<Lab>(serve_arguments);
    write(lab_->folder() + "/source/adminpak.msi", std::string(1234, 'm'));
    lab_->must({"package", "create", "LON00001", "--name", "Administration Tools", "--source",
                lab_->folder() + "/source", "--program", std::string(kProgram) + "=msiexec.exe /q /i adminpak.msi"});
    lab_->must({"package", "distribute", "LON00001", "--dp", "LON-DCSMS-01", "--wait"});
    lab_->must({"collection", "create", "Admin Systems", "--member", "WRK-LON-001"});
    lab_->must({"advert", "create", "LON20000", "--package", "LON00001", "--program", kProgram, "--collection",
                "Admin Systems", "--mandatory", "now", "--download"});
    lab_->must({"client", "create", "WRK-LON-001", "--smsid", kSmsid, "--certificate",
                std::string(SMSLAB_TEST_DATA) + "/wire/client.pem"});
  }
  HttpProbe::Reply mp(const std::string& name) { return send_to(lab_->mp(), request(name)); }
  // A CCM_POST's reply as its message.
  template <class M>
  M mp_message(const std::string& name) {
    M message;
    const HttpProbe::Reply reply = mp(name);
    EXPECT_EQ(reply.status, 200) << name;
    EXPECT_THAT(reply.field("Content-Type"), StartsWith("multipart/mixed; boundary="));
    const auto xml = ccm::read_reply(reply.field("Content-Type"), reply.body);
    EXPECT_TRUE(xml.ok()) << name << xml.status().to_string();
    if (!xml.ok()) return message;
    const Status status = codec::from_xml(*xml, &message);
    EXPECT_TRUE(status.ok()) << name << status.to_string() << *xml;
    return message;
  }
  template <class M>
  M aut(const std::string& name) {
    const HttpProbe::Reply reply = mp(name);
    EXPECT_EQ(reply.status, 200) << name;
    EXPECT_THAT(reply.field("Content-Type"), StartsWith("text/xml"));
    EXPECT_THAT(reply.body, ::testing::Not(HasSubstr("DOCTYPE")));
    EXPECT_TRUE(std::all_of(reply.body.begin(), reply.body.end(), [](char c) { return c > 0; })) << "ASCII";
    M message;
    EXPECT_TRUE(codec::from_xml(reply.body, &message).ok()) << reply.body;
    return message;
  }
  bool is_empty_200(const HttpProbe::Reply& reply) {
    return reply.status == 200 && reply.body.empty() && reply.field("Content-Length") == "0" &&
           reply.field("Content-Type").empty();
  }

  std::unique_ptr<Lab> lab_;
};

TEST_F(Recorded, FindsItsManagementPoint) {
  prepare();
  const auto list = aut<v1::MPList>("01-mplist");
  ASSERT_EQ(list.mps_size(), 1);
  EXPECT_EQ(list.mps(0).name(), "LON-DCSMS-01");
  EXPECT_EQ(list.mps(0).site_code(), "LON");
  EXPECT_EQ(list.mps(0).fqdn(), list.mps(0).fqdn_element()) << "as attribute and as element";
  EXPECT_FALSE(list.mps(0).version().empty());
  EXPECT_TRUE(from_hex(aut<v1::MPCertificate>("02-mpcert").certificate()));
  EXPECT_TRUE(from_hex(aut<v1::MPCertificates>("03-mpcert2").certificate1().hex()));
  const auto key = aut<v1::MpKeyInformation>("04-mpkeyinformationex");
  EXPECT_EQ(key.site_code(), "LON");
  EXPECT_EQ(key.machine_name(), "LON-DCSMS-01");
  EXPECT_FALSE(key.mp_certificate().hex().empty());
  EXPECT_THAT(aut<v1::KeyData>("05-mptrk").trusted_root_key().hex(),
              StartsWith("0602000000A40000525341310008000001000100"));
}

TEST_F(Recorded, AsksAboutItsSite) {
  prepare();
  const auto info = mp_message<v1::SiteInfoReply>("06-site-information");
  ASSERT_EQ(info.sites_size(), 1);
  EXPECT_EQ(info.sites(0).site_code(), "LON");
  EXPECT_EQ(split(info.sites(0).version(), '.').size(), 4u);
  EXPECT_TRUE(parse_u64(info.sites(0).build_number()));
  const auto local = mp_message<v1::LocalMPLocationReply>("08-local-mp-location");
  EXPECT_EQ(local.sites(0).site_code(), "LON");
  const auto all = mp_message<v1::EnumerateMPLocationReply>("09-enumerate-mp-location");
  ASSERT_EQ(all.records_size(), 1);
  EXPECT_FALSE(all.records(0).intranet_name().value().empty());
  EXPECT_TRUE(parse_u64(all.records(0).version()));
}

TEST_F(Recorded, RegistersAndReports) {
  prepare();
  const auto registered = mp_message<v1::ClientRegistrationResponse>("10-client-registration");
  EXPECT_EQ(registered.status(), 0);
  EXPECT_EQ(registered.approval_status(), 1);
  EXPECT_THAT(registered.smsid(), StartsWith("GUID:"));
  EXPECT_TRUE(is_empty_200(mp("11-ddr-heartbeat")));
  EXPECT_TRUE(is_empty_200(mp("15-status-hash-mismatch")));
  EXPECT_TRUE(is_empty_200(mp("16-state-message")));
  const auto client = lab_->json<v1::Client>({"client", "show", "WRK-LON-001"});
  EXPECT_TRUE(client.registered());
  EXPECT_EQ(client.reports_size(), 2) << "DDR and state message are kept";
  for (const auto& report : client.reports()) {
    EXPECT_EQ(report.count(), 1u);
    EXPECT_EQ(report.documents_size(), report.kind() == "MP_DdrEndpoint" ? 2 : 1);
  }
  EXPECT_THAT(lab_->ladder({"--client", "WRK-LON-001"}), HasSubstr("10030"));
}

TEST_F(Recorded, GetsItsAdvertAndFindsTheContent) {
  prepare();
  const auto reply = mp_message<v1::ReplyAssignments>("12-policy-assignments");
  EXPECT_EQ(reply.identification().machine().client_id(), kSmsid);
  EXPECT_FALSE(reply.server_cookie().empty());
  std::string policy;
  for (const auto& assignment : reply.assignments()) {
    EXPECT_EQ(assignment.policy().policy_flags(), "0");
    EXPECT_THAT(assignment.policy().policy_location().url(), StartsWith("http://<mp>/SMS_MP/.sms_pol?"));
    if (assignment.policy().policy_id().starts_with("LON20000-LON00001-")) policy = assignment.policy().policy_id();
  }
  EXPECT_EQ(policy, "LON20000-LON00001-4A48FD56");

  // 13 with the recorder's own suffix replaced by the lab's.
  std::string body_request = request("13-policy-body");
  body_request.replace(body_request.find("8A7B3A8B"), 8, "4A48FD56");
  const HttpProbe::Reply body = send_to(lab_->mp(), body_request);
  EXPECT_EQ(body.status, 200);
  EXPECT_THAT(body.body, StartsWith("\xFF\xFE"));
  const auto text = utf8_from_utf16le(body.body);
  ASSERT_TRUE(text.ok());
  v1::Policy parsed;
  ASSERT_TRUE(codec::from_xml(*text, &parsed).ok()) << *text;
  EXPECT_EQ(parsed.policy_id(), policy);

  const auto location = mp_message<v1::ContentLocationReply>("14-content-location");
  ASSERT_EQ(location.sites_size(), 1);
  ASSERT_EQ(location.sites(0).records_size(), 1);
  const auto& record = location.sites(0).records(0);
  EXPECT_THAT(record.urls(0).name(), StartsWith(lab_->dp()));
  EXPECT_TRUE(record.urls(0).has_signature());
  EXPECT_EQ(record.dp_type(), "SERVER");
  EXPECT_TRUE(parse_u64(record.version()));

  const HttpProbe::Reply listing = send_to(lab_->dp(), request("17-propfind"));
  EXPECT_EQ(listing.status, 207);
  const auto items = dav::read_multistatus(listing.body);
  ASSERT_TRUE(items.ok());
  ASSERT_EQ(items->size(), 2u);
  EXPECT_TRUE((*items)[0].folder);
  EXPECT_FALSE((*items)[1].folder);
  EXPECT_EQ((*items)[1].size, 1234u);
  EXPECT_THAT((*items)[1].href, ::testing::EndsWith("/LON00001/adminpak.msi"));
}

TEST_F(Recorded, StrictTakesTrueSignatures) {
  prepare({"--strict"});
  EXPECT_EQ(mp_message<v1::ClientRegistrationResponse>("10-client-registration").status(), 0);
  lab_->must({"client", "create", "OTHER"});
  EXPECT_THAT(mp("12-policy-assignments").body, ::testing::Not(::testing::IsEmpty()));
  EXPECT_TRUE(is_empty_200(mp("15-status-hash-mismatch")));
  EXPECT_THAT(lab_->ladder({"--client", "WRK-LON-001"}), HasSubstr("10030"));
}

TEST_F(Recorded, StrictRefusesAForgedSignatureInSilence) {
  prepare({"--strict"});
  const std::string before = lab_->must({"status", "--json"}) + lab_->must({"client", "list", "--json"});
  for (const char* property : {"ClientIDSignature", "PayloadSignature"}) {
    EXPECT_TRUE(is_empty_200(send_to(lab_->mp(), with_turned_signature(request("12-policy-assignments"), property))))
        << property;
    EXPECT_TRUE(is_empty_200(send_to(lab_->mp(), with_turned_signature(request("15-status-hash-mismatch"), property))))
        << property;
  }
  EXPECT_EQ(lab_->must({"status", "--json"}) + lab_->must({"client", "list", "--json"}), before) << "nothing written";
  EXPECT_THAT(mp("12-policy-assignments").body, ::testing::Not(::testing::IsEmpty())) << "the next request is served";
}

TEST_F(Recorded, StrictRefusesAForgedRegistration) {
  prepare({"--strict"});
  const auto& message = ::smslab::testing::recorded("requests/10-client-registration");
  const auto in = ccm::read_request(message.field("Content-Type"), message.body);
  ASSERT_TRUE(in.ok());
  std::string xml = in->documents[0];
  const size_t at = xml.find("<SignatureValue>") + 16;
  xml[at] = xml[at] == '0' ? '1' : '0';
  v1::Msg header = in->header;
  const std::string payload = ccm::encode_payload({xml}, true, &header);
  const ccm::Multipart forged = ccm::write_request(header, payload);
  const std::string before = lab_->must({"client", "list", "--json"});
  const auto reply = send_to(
      lab_->mp(),
      "CCM_POST /ccm_system/request HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: " + forged.content_type +
          "\r\nContent-Length: " + std::to_string(forged.body.size()) + "\r\n\r\n" + forged.body);
  EXPECT_TRUE(is_empty_200(reply));
  EXPECT_EQ(lab_->must({"client", "list", "--json"}), before);
}

TEST_F(Recorded, LenientForgivesAForgedSignature) {
  prepare();
  const auto reply = send_to(lab_->mp(), with_turned_signature(request("12-policy-assignments"), "PayloadSignature"));
  EXPECT_THAT(reply.body, ::testing::Not(::testing::IsEmpty()));
}

}  // namespace
}  // namespace smslab::test
