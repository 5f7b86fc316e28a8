#include "mp/policy.h"

#include <algorithm>

#include "mp/collections.h"
#include "mp/policy_body.h"
#include "mp/policy_document.h"
#include "mp/site_record.h"
#include "proto/base/digest.h"
#include "proto/base/text.h"
#include "proto/base/time_text.h"
#include "proto/codec/xml.h"
#include "proto/schema/client_messages.pb.h"
#include "proto/schema/timestamp.h"
#include "store/tables.h"

namespace smslab::mp {
namespace {
constexpr std::string_view kCategory = "SoftwareDist";  // A11, assumed
constexpr std::string_view kFlags = "0";                // others are not for third-party clients (protocol 4.2)

v1::PolicyAssignment assignment(const Site& site, const PolicyBody& body) {
  const std::string version = policy_version_text(body.version);
  v1::PolicyAssignment out;
  out.set_policy_assignment_id("{" + site.random.guid("policy assignment", {body.id}) + "}");
  out.mutable_condition();
  v1::AssignedPolicy& policy = *out.mutable_policy();
  policy.set_policy_id(body.id);
  policy.set_policy_version(version);
  policy.set_policy_type("Machine");
  policy.set_policy_category(std::string(kCategory));
  policy.set_policy_flags(std::string(kFlags));
  // A5, assumed: digests of the whole entity, with its BOM.
  policy.mutable_policy_location()->set_policy_hash(digest_hex(Algorithm::kMd5, body.bytes));
  policy.mutable_policy_location()->set_policy_hash_ex(digest_hex(Algorithm::kSha1, body.bytes));
  policy.mutable_policy_location()->set_url("http://<mp>/SMS_MP/.sms_pol?" + body.id + "." +
                                            std::to_string(body.version) + "_00");
  return out;
}

bool has_member(const v1::Collection& collection, std::string_view computer) {
  return std::ranges::any_of(collection.members(), [&](const std::string& m) { return iequals(m, computer); });
}

// The policies of the adverts that reach `computer`, by advert ID. An advert whose collection, package or program is
// gone reaches nobody.
Result<std::vector<PolicyBody>> advert_policies(const Site& site, const store::ReadTxn& txn,
                                                const std::string& computer) {
  std::vector<PolicyBody> out;
  Status failed;
  const auto take = [&](const store::Key&, const v1::Advert& advert) {
    const auto collection = store::kCollections.get(txn, {collection_key(advert.collection())});
    const auto package = store::kPackages.get(txn, {advert.package()});
    for (const Status& status : {collection.status(), package.status()}) {
      if (!status.ok() && status.code() != Code::kNotFound) failed = status;
    }
    if (!failed.ok()) return false;
    if (!collection.ok() || !package.ok() || !has_member(*collection, computer)) return true;
    if (const v1::Program* program = find_program(*package, advert.program())) {
      out.push_back(advert_policy(site, advert, *package, *program));
    }
    return true;
  };
  RETURN_IF_ERROR(store::kAdverts.each(txn, {}, take));
  RETURN_IF_ERROR(failed);
  return out;
}

// A6, assumed: the time of the last change; before the first one, a constant.
std::string cookie_of(const v1::SiteRecord& record) {
  return format_cookie(record.has_policy_cookie() ? from_timestamp(record.policy_cookie()) : LabTime());
}
}  // namespace

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
  if (iequals(request.resource().resource_type(), "User")) return CcmAnswer{};

  ASSIGN_OR_RETURN(const v1::SiteRecord record, site_record(txn));
  const std::string cookie = cookie_of(record);
  if (trim(request.server_cookie()) == cookie) return CcmAnswer{};

  ASSIGN_OR_RETURN(const std::vector<PolicyBody> policies, advert_policies(site, txn, who.name));
  v1::ReplyAssignments reply;
  reply.set_schema_version("1.00");
  reply.set_reply_type("Full");
  reply.mutable_identification()->mutable_machine()->set_client_id(id.empty() ? who.claimed_id : id);
  reply.set_policy_source("SMS:" + site.options.site);
  reply.mutable_resource()->set_resource_type("Machine");
  reply.set_server_cookie(cookie);
  *reply.add_assignments() = assignment(site, settings_policy(site));
  for (const PolicyBody& policy : policies) *reply.add_assignments() = assignment(site, policy);
  return CcmAnswer{.xml = codec::to_xml(reply), .after = nullptr};
}

}  // namespace smslab::mp
