#include "mp/policy.h"

#include "mp/sayings.h"
#include "proto/base/text.h"
#include "proto/codec/xml.h"
#include "proto/schema/client_messages.pb.h"

namespace smslab::mp {

Result<CcmAnswer> answer_policy_request(const CcmServer& server, const ccm::Envelope& message) {
  const Site& site = server.site;
  v1::RequestAssignments request;
  RETURN_IF_ERROR(codec::from_xml(message.documents.front(), &request));
  const std::string& id = request.identification().machine().client_id();
  const auto txn = site.store.read();
  ASSIGN_OR_RETURN(const Who who, identify(txn, message, id));
  if (site.options.strict) RETURN_IF_ERROR(authenticate(who, message, Signed::kRequired, id));
  if (!who.client && site.profile.registration_needed) return not_found("policy asked for by an unknown client");
  if (who.name.empty()) return not_found("policy asked for by a client without a name");
  if (who.client && who.client->approval() != v1::Client::APPROVED) {
    return failed_precondition("policy asked for by " + who.name + ", which is not approved");
  }
  if (iequals(request.resource().resource_type(), "User")) return CcmAnswer{};
  if (who.client) site.activity->policy_asked(site.store, who.name, server.peer, site.clock);

  ASSIGN_OR_RETURN(const auto policies, site.policies->current(site, txn));
  if (trim(request.server_cookie()) == policies->cookie()) return CcmAnswer{};
  const PolicySet::Which which = policies->reaching(who.name, who.client.has_value());
  const std::string& own = id.empty() ? who.claimed_id : id;
  if (site.rules->any(fault::Stage::kAnswer)) {
    if (auto said = say_assignments(server, message, *policies, which, own)) return *std::move(said);
  }
  CcmAnswer answer;
  answer.shared = policies->assignments(which);
  codec::append_xml_escaped(own, false, &answer.own);
  return answer;
}

}  // namespace smslab::mp
