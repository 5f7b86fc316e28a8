// MP_ClientRegistration: identities, approval, confirmation.
#include "tests/mp/client_plane_fixture.h"

#include "mp/clients.h"
#include "mp/settings.h"

namespace smslab::mp {
namespace {
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

using Registration = ClientPlane;

TEST_F(Registration, RecordedOneIsStoredBeforeItsReply) {
  const auto reply = parse<v1::ClientRegistrationResponse>(xml(replay("10-client-registration")));
  EXPECT_EQ(reply.response_type(), "Registration");
  EXPECT_EQ(reply.status(), 0);
  EXPECT_EQ(reply.approval_status(), 1);
  EXPECT_EQ(reply.time_stamp(), "2026-11-21T20:00:00Z");
  EXPECT_THAT(reply.smsid(), StartsWith("GUID:"));
  const auto client = client_by_name(store_->read(), "WRK-LON-001");
  ASSERT_TRUE(client.ok()) << client.status().to_string();
  EXPECT_EQ(client->smsid(), reply.smsid());
  EXPECT_EQ(client->certificate(), *ccm::certificate_hex(testing::test_data("wire/client.pem")));
  EXPECT_EQ(client->fqdn(), "wrk-lon-001.contoso.test");
  EXPECT_EQ(client->client_version(), "5.00.8325.0000");
  EXPECT_TRUE(client->registered());
  EXPECT_EQ(client_by_smsid(store_->read(), reply.smsid())->name(), "WRK-LON-001");
  EXPECT_EQ(client_by_key(store_->read(), client->public_key())->name(), "WRK-LON-001");

  // Again: the same SMSID, no second client.
  EXPECT_EQ(parse<v1::ClientRegistrationResponse>(xml(replay("10-client-registration"))).smsid(), reply.smsid());
  EXPECT_EQ(all(store::kClients).size(), 1u);
}

TEST_F(Registration, ADeclaredClientKeepsItsSmsid) {
  declare_recorded_client();
  EXPECT_EQ(parse<v1::ClientRegistrationResponse>(xml(replay("10-client-registration"))).smsid(), kRecordedSmsid);
  EXPECT_TRUE(client_by_smsid(store_->read(), kRecordedSmsid)->registered());
}

TEST_F(Registration, ProposedSmsidsAndConfirmation) {
  const ccm::Envelope in = envelope("10-client-registration");
  const std::string proposed = "GUID:11111111-2222-3333-4444-555555555555";
  const std::string document = replaced(in.documents[0], "SMSID=\"\"", "SMSID=\"" + proposed + "\"");
  const std::string confirmation = replaced(document, "RequestType=\"Registration\"", "RequestType=\"Confirmation\"");
  // A site that does not know it says so, and keeps nothing.
  const auto unknown = parse<v1::ClientRegistrationResponse>(xml(send(in.header, {confirmation})));
  EXPECT_EQ(unknown.status(), 3);
  EXPECT_EQ(unknown.response_type(), "Confirmation");
  EXPECT_TRUE(all(store::kClients).empty());
  EXPECT_EQ(parse<v1::ClientRegistrationResponse>(xml(send(in.header, {document}))).smsid(), proposed);
  const auto reply = parse<v1::ClientRegistrationResponse>(xml(send(in.header, {confirmation})));
  EXPECT_EQ(reply.status(), 0);
  EXPECT_EQ(reply.smsid(), proposed);
  const auto request = parse<v1::ClientRegistrationRequest>(in.documents[0]);
  const auto other_key = parse<v1::ClientRegistrationResponse>(xml(
      send(in.header,
           {replaced(confirmation, request.data().certificates().signing().hex(), keys_.site_server.certificate())})));
  EXPECT_EQ(other_key.status(), 3);

  // Another computer takes the SMSID and the key: it has them from then on.
  const auto moved = parse<v1::ClientRegistrationResponse>(
      xml(send(in.header, {replaced(document, "Value=\"WRK-LON-001\"", "Value=\"wrk-lon-002\"")})));
  EXPECT_EQ(moved.smsid(), proposed);
  EXPECT_EQ(client_by_smsid(store_->read(), proposed)->name(), "WRK-LON-002");
  EXPECT_EQ(client_by_name(store_->read(), "WRK-LON-001")->smsid(), "");
  EXPECT_EQ(client_by_name(store_->read(), "WRK-LON-001")->public_key(), "");
  EXPECT_EQ(all(store::kClients).size(), 2u);
}

// Assumed: a real MP's answer is not known.
TEST_F(Registration, ASmsidThatAnotherClientHoldsIsNotGivenAway) {
  const ccm::Envelope in = envelope("10-client-registration");
  const auto held = parse<v1::ClientRegistrationResponse>(xml(send(in.header, {in.documents[0]})));
  const std::string holder = client_by_name(store_->read(), "WRK-LON-001")->SerializeAsString();
  const auto request = parse<v1::ClientRegistrationRequest>(in.documents[0]);
  const std::string other = replaced(
      replaced(in.documents[0], request.data().certificates().signing().hex(), keys_.site_server.certificate()),
      "Value=\"WRK-LON-001\"", "Value=\"WRK-LON-002\"");
  const std::string thief = replaced(other, "SMSID=\"\"", "SMSID=\"" + held.smsid() + "\"");
  const auto given = parse<v1::ClientRegistrationResponse>(xml(send(in.header, {thief})));
  EXPECT_EQ(given.status(), 0);
  EXPECT_THAT(given.smsid(), StartsWith("GUID:"));
  EXPECT_NE(given.smsid(), held.smsid());
  EXPECT_EQ(client_by_name(store_->read(), "WRK-LON-001")->SerializeAsString(), holder);
  EXPECT_EQ(client_by_smsid(store_->read(), held.smsid())->name(), "WRK-LON-001");
  EXPECT_EQ(client_by_smsid(store_->read(), given.smsid())->name(), "WRK-LON-002");
  // It is the one that it gets without proposing any, now and later.
  EXPECT_EQ(parse<v1::ClientRegistrationResponse>(xml(send(in.header, {thief}))).smsid(), given.smsid());
  EXPECT_EQ(parse<v1::ClientRegistrationResponse>(xml(send(in.header, {other}))).smsid(), given.smsid());
}

TEST_F(Registration, ANewKeyReplacesTheOld) {
  declare_recorded_client();
  const std::string old_key = client_by_name(store_->read(), "WRK-LON-001")->public_key();
  const ccm::Envelope in = envelope("10-client-registration");
  const auto request = parse<v1::ClientRegistrationRequest>(in.documents[0]);
  const std::string document =
      replaced(in.documents[0], request.data().certificates().signing().hex(), keys_.site_server.certificate());
  const std::string smsid = parse<v1::ClientRegistrationResponse>(xml(send(in.header, {document}))).smsid();
  EXPECT_NE(smsid, kRecordedSmsid);
  EXPECT_EQ(client_by_name(store_->read(), "WRK-LON-001")->public_key(), keys_.site_server.public_key());
  EXPECT_EQ(client_by_key(store_->read(), old_key).status().code(), Code::kNotFound);
  EXPECT_EQ(client_by_smsid(store_->read(), kRecordedSmsid).status().code(), Code::kNotFound);
}

TEST_F(Registration, UnusableOnesRegisterNothing) {
  const ccm::Envelope in = envelope("10-client-registration");
  const auto request = parse<v1::ClientRegistrationRequest>(in.documents[0]);
  v1::Msg nameless = in.header;
  nameless.clear_source_host();
  const std::vector<std::pair<v1::Msg, std::string>> cases = {
      {in.header, "<ClientRegistrationRequest/>"},
      {in.header, "<Other/>"},
      {in.header, "<ClientRegistrationRequest>"},
      {in.header, replaced(in.documents[0], "SMSID=\"\"", "SMSID=\"GUID:1\"")},
      {in.header, replaced(in.documents[0], request.data().certificates().signing().hex(), "3082")},
      {nameless, replaced(in.documents[0], "Netbios Name", "Other Name")},
      {in.header, replaced(in.documents[0], "Value=\"WRK-LON-001\"", "Value=\"a b\"")},
  };
  for (const auto& [header, document] : cases) {
    log_->lines.clear();
    EXPECT_EQ(xml(send(header, {document})), "") << document;
    EXPECT_EQ(log_->lines.size(), 1u) << document;
  }
  EXPECT_TRUE(all(store::kClients).empty());
  EXPECT_NE(xml(replay("10-client-registration")), "");
}

TEST_F(Registration, StrictModeChecksTheSignature) {
  start_strict();
  const ccm::Envelope in = envelope("10-client-registration");
  for (const std::string& document : {bit_flipped_after(in.documents[0], "<SignatureValue>"),
                                      replaced(in.documents[0], "wrk-lon-001.contoso", "wrk-lon-009.contoso"),
                                      replaced(in.documents[0], "SignatureValue>", "Signature.Value>")}) {
    EXPECT_EQ(xml(send(in.header, {document})), "");
  }
  EXPECT_TRUE(all(store::kClients).empty());
  EXPECT_EQ(parse<v1::ClientRegistrationResponse>(xml(replay("10-client-registration"))).status(), 0);
  EXPECT_EQ(all(store::kClients).size(), 1u);
}

TEST_F(Registration, WaitsForApprovalWhereTheSiteWantsIt) {
  v1::SiteSettings by_hand;
  by_hand.set_approve_clients(false);
  ASSERT_EQ(set_site(*site_, by_hand).status(), ok_status());
  const auto registered = [&] { return parse<v1::ClientRegistrationResponse>(xml(replay("10-client-registration"))); };
  const auto decide = [&](v1::Client::Approval approval) {
    v1::Client change;
    change.set_approval(approval);
    ASSERT_EQ(set_client(*site_, "wrk-lon-001", change).status(), ok_status());
  };
  EXPECT_EQ(registered().status(), 1);
  EXPECT_EQ(registered().approval_status(), 0);
  const std::string smsid = registered().smsid();
  EXPECT_NE(smsid, "");
  v1::Msg by_id = header("MP_PolicyManager");
  by_id.set_source_id(smsid);
  const std::string request =
      "<RequestAssignments SchemaVersion=\"1.00\" RequestType=\"Always\"><Identification><Machine><ClientID>" + smsid +
      "</ClientID></Machine></Identification><PolicySource>SMS:LON</PolicySource><Resource "
      "ResourceType=\"Machine\"/><ServerCookie/></RequestAssignments>";
  EXPECT_EQ(xml(send(by_id, {request})), "");
  decide(v1::Client::APPROVED);
  EXPECT_EQ(registered().status(), 0);
  EXPECT_EQ(registered().approval_status(), 1);
  EXPECT_NE(xml(send(by_id, {request})), "");
  decide(v1::Client::REJECTED);
  EXPECT_EQ(registered().status(), 3);
  EXPECT_EQ(xml(send(by_id, {request})), "");
  decide(v1::Client::RESET);
  EXPECT_EQ(registered().status(), 2);
  EXPECT_EQ(registered().status(), 2);  // until it comes with another key
  const ccm::Envelope in = envelope("10-client-registration");
  const auto old = parse<v1::ClientRegistrationRequest>(in.documents[0]);
  const std::string renewed =
      replaced(in.documents[0], old.data().certificates().signing().hex(), keys_.site_server.certificate());
  const auto again = parse<v1::ClientRegistrationResponse>(xml(send(in.header, {renewed})));
  EXPECT_EQ(again.status(), 1);  // a new identity, to be looked at again
  EXPECT_NE(again.smsid(), smsid);
  EXPECT_EQ(all(store::kClients).size(), 1u);
}

}  // namespace
}  // namespace smslab::mp
