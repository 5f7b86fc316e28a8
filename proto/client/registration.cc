#include "proto/client/registration.h"

#include "proto/base/ids.h"
#include "proto/base/text.h"
#include "proto/base/time_text.h"
#include "proto/codec/xml.h"
#include "proto/schema/client_messages.pb.h"

namespace smslab::client {
namespace {
constexpr std::string_view kAgentVersion = "2.50.4253.3000";  // SMS 2003 SP3
constexpr std::string_view kDiscovery = "{00000000-0000-0000-0000-000000000003}";

void add_property(std::string_view name, std::string value, v1::RegistrationData* data) {
  v1::NameValue* property = data->add_discovery_properties();
  property->set_name(std::string(name));
  property->set_value(std::move(value));
}

void set_certificate(const ccm::SigningKey& key, v1::EncodedCertificate* certificate) {
  certificate->set_encoding("HexBinary");
  certificate->set_key_type("1");
  certificate->set_hex(key.certificate());
}
}  // namespace

Result<Registration> ask_registration(Host& host, MpSession& session, const ccm::SigningKey& key,
                                      const std::string& request_type, const std::string& smsid) {
  v1::ClientRegistrationRequest request;
  v1::RegistrationData* data = request.mutable_data();
  data->set_hash_algorithm("2.16.840.1.101.3.4.2.1");
  data->set_smsid(smsid);
  data->set_request_type(request_type);
  data->set_time_stamp(format_rfc3339(std::chrono::floor<std::chrono::seconds>(host.clock.now())));
  data->mutable_agent_information()->set_agent_identity("CCMSetup.exe");
  data->mutable_agent_information()->set_agent_version(std::string(kAgentVersion));
  data->mutable_agent_information()->set_agent_type("0");
  set_certificate(key, data->mutable_certificates()->mutable_encryption());
  set_certificate(key, data->mutable_certificates()->mutable_signing());
  add_property("Netbios Name", host.name, data);
  add_property("FQ Name", ascii_lower(host.name), data);
  add_property("Locale ID", "1033", data);
  add_property("InternetFlag", "0", data);
  request.mutable_signature()->set_signature_value("");
  // The signature covers <Data> exactly as it goes out.
  ASSIGN_OR_RETURN(const std::string covered, ccm::registration_bytes(codec::to_xml(request)));
  request.mutable_signature()->set_signature_value(key.sign(covered));

  ASSIGN_OR_RETURN(const std::string text,
                   session.ask("MP_ClientRegistration", codec::to_xml(request), Signing::kNone));
  if (text.empty()) return Registration{};
  v1::ClientRegistrationResponse response;
  RETURN_IF_ERROR(codec::from_xml(text, &response));
  switch (response.status()) {
    case 0: {
      ASSIGN_OR_RETURN(const std::string given, parse_smsid(response.smsid(), "SMSID"));
      return Registration{.result = Registered::kYes, .smsid = given};
    }
    case 1: return failed_precondition("the registration of " + host.name + " is pending; run the client again later");
    case 2: return Registration{.result = Registered::kNewIdentity, .smsid = {}};
    default: return Registration{.result = Registered::kRefused, .smsid = {}};
  }
}

Status send_heartbeat(Host& host, MpSession& session) {
  const std::string now = format_cim(host.clock.now());
  v1::Report report;
  v1::ReportHeader* header = report.mutable_header();
  v1::ReportMachine* machine = header->mutable_identification()->mutable_machine();
  machine->set_client_installed("1");
  machine->set_client_type("1");
  machine->set_client_id(host.smsid);
  machine->set_client_version(std::string(kAgentVersion));
  machine->set_netbios_name(host.name);
  machine->set_code_page("437");
  machine->set_system_default_lcid("1033");
  machine->set_priority("");
  v1::ReportDetails* details = header->mutable_details();
  details->set_report_content("Inventory Data");
  details->set_report_type("Full");
  details->set_date(now);
  details->set_version("1.0");
  details->set_format("1.1");
  v1::InventoryAction* action = header->mutable_inventory_action();
  action->set_action_type("Predefined");
  action->set_inventory_action_id(std::string(kDiscovery));
  action->set_description("Discovery");
  action->set_last_update_time(now);
  report.mutable_body();
  const std::string document = codec::to_xml(report);
  return session.tell("MP_DdrEndpoint", {document, document}, Signing::kNone);  // twice, as it is recorded
}

}  // namespace smslab::client
