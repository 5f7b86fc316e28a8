#include "mp/who.h"

#include "mp/clients_index.h"
#include "proto/base/ids.h"
#include "proto/base/text.h"
#include "proto/ccm/signature.h"

namespace smslab::mp {
namespace {
constexpr std::string_view kHook = "clientauth";

// Absent is fine; a damaged record is not.
Status take(Result<v1::Client> found, Who* who) {
  if (found.ok()) {
    who->client = *std::move(found);
    who->name = who->client->name();
    return ok_status();
  }
  return found.status().code() == Code::kNotFound ? ok_status() : found.status();
}

std::string smsid_of(std::string_view text) {
  const auto parsed = parse_smsid(trim(text), "SMSID");
  return parsed.ok() ? *parsed : std::string();
}

Status refused(std::string message) { return Status(Code::kUnauthenticated, std::move(message)); }
}  // namespace

Result<Who> identify(const store::ReadTxn& txn, const ccm::Envelope& envelope, std::string_view body_id,
                     std::string_view body_name) {
  Who who;
  const std::string_view source = trim(envelope.header.source_id());
  who.claimed_id = source.empty() ? trim(body_id) : source;
  who.smsid = smsid_of(who.claimed_id);
  RETURN_IF_ERROR(take(client_by_smsid(txn, who.smsid), &who));
  if (!who.client) RETURN_IF_ERROR(take(client_by_key(txn, trim(envelope.hook_property(kHook, "PublicKey"))), &who));
  if (who.client) return who;
  for (const std::string_view name : {std::string_view(envelope.header.source_host()), body_name}) {
    const auto parsed = parse_host_name(trim(name), "SourceHost");
    if (!parsed.ok()) continue;
    who.name = *parsed;
    RETURN_IF_ERROR(take(client_by_name(txn, who.name), &who));
    break;
  }
  return who;
}

Status authenticate(const Who& who, const ccm::Envelope& envelope, Signed needed, std::string_view body_id) {
  if (!envelope.has_hook(kHook)) {
    return needed == Signed::kRequired ? refused("the message is not signed") : ok_status();
  }
  if (!who.client || who.client->public_key().empty()) return refused("the site knows no key of the client");
  const std::string& key = who.client->public_key();
  const std::string shown = envelope.hook_property(kHook, "PublicKey");
  if (!trim(shown).empty() && !iequals(trim(shown), key)) return refused("the key is not the client's");
  const std::string& known = who.client->smsid();
  if (who.smsid.empty() || (!known.empty() && who.smsid != known)) return refused("the SMSID is not the client's");
  if (!trim(body_id).empty() && smsid_of(body_id) != who.smsid) return refused("the body names another client");
  const auto signs = [&](std::string_view property, std::string_view bytes) {
    return ccm::verify(key, bytes, envelope.hook_property(kHook, property)).ok();
  };
  if (!signs("ClientIDSignature", ccm::client_id_bytes(who.claimed_id))) return refused("bad ClientIDSignature");
  if (envelope.has_hook("zlib-compress") && !signs("PayloadSignature", envelope.payload)) {
    return refused("bad PayloadSignature");
  }
  return ok_status();
}

}  // namespace smslab::mp
