#include "mp/ccm_request.h"

#include <algorithm>
#include <array>

#include "mp/location.h"
#include "mp/mp_log.h"
#include "mp/policy.h"
#include "mp/registration.h"
#include "mp/sinks.h"
#include "proto/base/text.h"

namespace smslab::mp {
namespace {
struct Row {
  std::string_view name;
  CcmEndpoint endpoint;
  SiteLogFile log;
  std::string_view route;  // as faults name it
};
// MP_StateMessage and MP_SinvCollFileEndpoint are assumed names (protocol 3.3 L).
constexpr std::array kEndpoints = {
    Row{"MP_ClientRegistration", register_client, SiteLogFile::kRegistration, "registration"},
    Row{"MP_PolicyManager", answer_policy_request, SiteLogFile::kPolicy, "policy_assignments"},
    Row{"MP_LocationManager", answer_location, SiteLogFile::kLocation, "location"},
    Row{"StatusReceiver", take_status, SiteLogFile::kStatus, "status"},
    Row{"MP_RelayEndpoint", take_report, SiteLogFile::kRelay, "report"},
    Row{"MP_StateMessage", take_report, SiteLogFile::kRelay, "report"},
    Row{"MP_DdrEndpoint", take_report, SiteLogFile::kDdr, "report"},
    Row{"MP_HinvEndpoint", take_report, SiteLogFile::kHinv, "report"},
    Row{"MP_SinvEndpoint", take_report, SiteLogFile::kSinv, "report"},
    Row{"MP_SinvCollFileEndpoint", take_report, SiteLogFile::kSinv, "report"},
};

const Row* find_endpoint(std::string_view name) {
  return std::find_if(kEndpoints.begin(), kEndpoints.end(), [&](const Row& r) { return iequals(r.name, name); });
}

// What faults and the journal go by: the sender that the message names, believed as it stands.
std::shared_ptr<const wire::Topic> topic_of(const ccm::Envelope& message) {
  auto topic = std::make_shared<wire::Topic>();
  if (const Row* row = find_endpoint(message.endpoint()); row != kEndpoints.end()) {
    topic->route = row->route;
    topic->names_addresses = row->endpoint == answer_location;
  }
  topic->client = ascii_upper(trim(message.header.source_host()));
  topic->smsid = trim(message.header.source_id());
  return topic;
}

Result<CcmAnswer> dispatch(const CcmServer& server, ccm::Envelope message) {
  const std::string name = message.endpoint();
  const Row* row = find_endpoint(name);
  if (row == kEndpoints.end()) return not_found("no endpoint '" + name + "'");  // A16, assumed
  message.header.set_target_endpoint(std::string(row->name));                   // one spelling from here on
  auto answer = row->endpoint(server, message);
  log_request(server.site, row->log, message, answer);
  if (!answer.ok()) return answer.status().prefixed(row->name);
  return answer;
}

constexpr size_t kRefusalLimit = 500;  // of what the console says of a message

// Status codes that are the site's own trouble, which a client may try again later.
bool is_ours(Code code) { return code == Code::kUnavailable || code == Code::kInternal || code == Code::kDataLoss; }
}  // namespace

Result<wire::Reply> answer_ccm(const CcmServer& server, const wire::Request& request) {
  wire::Reply reply;
  const std::string* content_type = request.field("Content-Type");
  ASSIGN_OR_RETURN(const auto message, ccm::read_request(content_type == nullptr ? "" : *content_type, request.body));
  reply.topic = topic_of(message);
  const auto answer = dispatch(server, message);
  if (!answer.ok()) {
    if (is_ours(answer.status().code())) return answer.status();
    server.site.log.warning("empty reply to " + request.peer.host + ": " +
                            one_line(answer.status().to_string(), kRefusalLimit));
    return reply;
  }
  reply.after = answer->after;
  if ((answer->xml.empty() && !answer->shared) || message.async()) return reply;
  const Site& site = server.site;
  const ccm::ReplyContext context = {
      .message_id = site.random.guid("ccm reply", {message.header.source_host(), message.header.id()}),
      .source_host = site.options.server,
      .sent = site.clock.now()};
  ccm::Multipart body = answer->shared ? ccm::write_reply(message.header, *answer->shared, answer->own, context)
                                       : ccm::write_reply(message.header, answer->xml, context);
  reply.set("Content-Type", std::move(body.content_type));
  reply.body = wire::Body(std::move(body.body));
  return reply;
}

}  // namespace smslab::mp
