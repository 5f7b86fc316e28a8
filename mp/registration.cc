#include "mp/registration.h"

#include "mp/clients_index.h"
#include "mp/sayings.h"
#include "mp/settings.h"
#include "proto/base/ids.h"
#include "proto/base/text.h"
#include "proto/base/time_text.h"
#include "proto/ccm/signature.h"
#include "proto/codec/xml.h"
#include "proto/schema/client_messages.pb.h"
#include "proto/schema/timestamp.h"

namespace smslab::mp {
namespace {
// Status and ApprovalStatus of a reply (protocol 4.1). The two sources differ on Status 2 and 3: here 2 asks for a new
// identity and 3 refuses; ApprovalStatus of a refusal is -1, unknown (assumed).
struct Verdict {
  int status;
  int approval;
};
constexpr Verdict kRegistered{0, 1}, kPending{1, 0}, kReset{2, 0}, kRefused{3, -1};

Verdict verdict_of(v1::Client::Approval approval) {
  switch (approval) {
    case v1::Client::PENDING: return kPending;
    case v1::Client::REJECTED: return kRefused;
    case v1::Client::RESET: return kReset;
    default: return kRegistered;
  }
}

constexpr std::string_view kConfirmation = "Confirmation";

std::string discovered(const v1::RegistrationData& data, std::string_view name) {
  for (const v1::NameValue& property : data.discovery_properties()) {
    if (iequals(property.name(), name)) return property.value();
  }
  return {};
}

// What the client says of itself, checked. `smsid` is the proposed one or empty.
Result<v1::Client> client_of(const v1::ClientRegistrationRequest& request, const ccm::Envelope& message) {
  const v1::RegistrationData& data = request.data();
  v1::Client client;
  std::string name = discovered(data, "Netbios Name");
  if (trim(name).empty()) name = message.header.source_host();
  ASSIGN_OR_RETURN(*client.mutable_name(), parse_host_name(trim(name), "Netbios Name"));
  client.set_fqdn(discovered(data, "FQ Name"));
  client.set_client_version(data.agent_information().agent_version());
  const std::string& proposed = trim(data.smsid()).empty() ? request.signature().smsid() : data.smsid();
  if (!trim(proposed).empty()) {
    ASSIGN_OR_RETURN(*client.mutable_smsid(), parse_smsid(trim(proposed), "SMSID"));
  }
  ASSIGN_OR_RETURN(*client.mutable_certificate(), ccm::certificate_hex(data.certificates().signing().hex()));
  ASSIGN_OR_RETURN(*client.mutable_public_key(), ccm::public_key_of_certificate(client.certificate()));
  return client;
}

// The SMSID that the site gives a client which proposes none: made of what is the same in two runs of one scenario, and
// a key that a client has drawn for itself is not. A computer that comes with another key than before is another one.
Result<std::string> smsid_for(const Site& site, const v1::Client& client) {
  const auto known = client_by_name(site.store.read(), client.name());
  if (!known.ok() && known.status().code() != Code::kNotFound) return known.status();
  const bool same_key = known.ok() && (known->public_key().empty() || known->public_key() == client.public_key());
  if (same_key && !known->smsid().empty()) return known->smsid();
  return "GUID:" + site.random.guid("smsid", {client.name(), known.ok() ? known->smsid() : std::string()});
}

// The one that it proposes, or that. Of a proposed SMSID that another client holds it is assumed that the client is
// given one of its own, as if it had proposed none, and that the holder keeps it. The same key under another name is
// the same client.
Result<std::string> settled_smsid(const Site& site, const v1::Client& client) {
  ASSIGN_OR_RETURN(const bool anothers, smsid_is_anothers(site.store.read(), client));
  if (anothers || client.smsid().empty()) return smsid_for(site, client);
  return client.smsid();
}

// What an administrator decided stands for the identity that it was decided of; a rejected computer stays rejected. A
// new identity is approved at once, or waits, as the site's settings say.
Result<v1::Client::Approval> approval_of(const store::ReadTxn& txn, const v1::Client& client) {
  ASSIGN_OR_RETURN(const v1::SiteSettings settings, site_settings(txn));
  const v1::Client::Approval fresh = settings.approve_clients() ? v1::Client::APPROVED : v1::Client::PENDING;
  const auto known = client_by_name(txn, client.name());
  if (known.status().code() == Code::kNotFound) return fresh;
  if (!known.ok()) return known.status();
  const bool same = known->public_key().empty() || known->public_key() == client.public_key();
  return same || known->approval() == v1::Client::REJECTED ? known->approval() : fresh;
}

// A confirmation holds when the site knows this SMSID with this key.
Result<bool> confirmed(const store::ReadTxn& txn, const v1::Client& client) {
  const auto known = client_by_smsid(txn, client.smsid());
  if (known.status().code() == Code::kNotFound) return false;
  if (!known.ok()) return known.status();
  return known->name() == client.name() && (known->public_key().empty() || known->public_key() == client.public_key());
}

Status store_client(store::WriteTxn& txn, const Site& site, v1::Client client) {
  const auto before = client_by_name(txn, client.name());
  if (before.ok() && before->has_created()) *client.mutable_created() = before->created();
  // Again, for another client may have come first, and an administrator may have decided.
  ASSIGN_OR_RETURN(const bool anothers, smsid_is_anothers(txn, client));
  if (anothers) return Status(Code::kAborted, "another client has registered with " + client.smsid());
  ASSIGN_OR_RETURN(const v1::Client::Approval approval, approval_of(txn, client));
  client.set_approval(approval);
  client.set_registered(true);
  *client.mutable_last_seen() = to_timestamp(site.clock.now());
  return put_client(txn, site, std::move(client));
}

std::string response_to(const Site& site, const v1::ClientRegistrationRequest& request, const std::string& smsid,
                        Verdict verdict) {
  v1::ClientRegistrationResponse response;
  response.set_response_type(request.data().request_type());
  response.set_time_stamp(format_rfc3339(std::chrono::floor<std::chrono::seconds>(site.clock.now())));
  response.set_status(verdict.status);
  response.set_smsid(smsid);
  response.set_approval_status(verdict.approval);
  return codec::to_xml(response);
}
}  // namespace

Result<CcmAnswer> register_client(const CcmServer& server, const ccm::Envelope& message) {
  Site& site = server.site;
  const std::string& document = message.documents.front();
  v1::ClientRegistrationRequest request;
  RETURN_IF_ERROR(codec::from_xml(document, &request));
  ASSIGN_OR_RETURN(v1::Client client, client_of(request, message));
  if (site.options.strict) {
    ASSIGN_OR_RETURN(const std::string bytes, ccm::registration_bytes(document));
    RETURN_IF_ERROR(ccm::verify(client.public_key(), bytes, request.signature().signature_value()));
  }
  if (site.rules->any(fault::Stage::kAnswer)) {
    CcmAnswer told;
    if (const auto said = say_approval(server, message, &told.rules)) {
      ASSIGN_OR_RETURN(const std::string id, settled_smsid(site, client));
      told.xml = response_to(site, request, id, verdict_of(*said));
      return told;
    }
  }
  const auto txn = site.store.read();
  if (iequals(request.data().request_type(), kConfirmation)) {
    ASSIGN_OR_RETURN(const bool holds, confirmed(txn, client));
    if (!holds) return CcmAnswer{.xml = response_to(site, request, client.smsid(), kRefused)};
  }
  ASSIGN_OR_RETURN(*client.mutable_smsid(), settled_smsid(site, client));
  ASSIGN_OR_RETURN(const v1::Client::Approval approval, approval_of(txn, client));
  CcmAnswer answer{.xml = response_to(site, request, client.smsid(), verdict_of(approval))};
  // An identity that was refused or is to be given up stays as it is recorded.
  if (approval == v1::Client::REJECTED || approval == v1::Client::RESET) return answer;
  answer.after = site.store.submit([&site, client](store::WriteTxn& change) {
    change.after_commit([changes = site.changes] { changes->notify(); });
    return store_client(change, site, client);
  });
  return answer;
}

}  // namespace smslab::mp
