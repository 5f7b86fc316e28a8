#include "mp/policy_set.h"

#include "mp/collections.h"
#include "mp/policy_body.h"
#include "mp/policy_document.h"
#include "mp/site.h"
#include "mp/site_record.h"
#include "proto/base/digest.h"
#include "proto/base/ids.h"
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
constexpr std::string_view kOwnText = "@client@";       // where a client's ID goes; first in the document

Policy served(PolicyBody body) {
  Policy policy;
  policy.id = std::move(body.id);
  policy.version = body.version;
  // A5, assumed: digests of the whole entity, with its BOM.
  policy.md5 = digest_hex(Algorithm::kMd5, body.bytes);
  policy.sha1 = digest_hex(Algorithm::kSha1, body.bytes);
  policy.sha256 = digest_hex(Algorithm::kSha256, body.bytes);
  policy.entity = wire::ready(
      {.body = wire::Body(std::move(body.bytes)), .content_type = "text/xml", .etag = '"' + policy.sha256 + '"'});
  return policy;
}

v1::PolicyAssignment assignment(const Site& site, const Policy& policy) {
  v1::PolicyAssignment out;
  out.set_policy_assignment_id("{" + site.random.guid("policy assignment", {policy.id}) + "}");
  out.mutable_condition();
  v1::AssignedPolicy& assigned = *out.mutable_policy();
  assigned.set_policy_id(policy.id);
  assigned.set_policy_version(policy_version_text(policy.version));
  assigned.set_policy_type("Machine");
  assigned.set_policy_category(std::string(kCategory));
  assigned.set_policy_flags(std::string(kFlags));
  v1::PolicyLocation& location = *assigned.mutable_policy_location();
  location.set_policy_hash(policy.md5);
  location.set_policy_hash_ex(policy.sha1);
  location.set_url("http://<mp>/SMS_MP/.sms_pol?" + policy.id + "." + std::to_string(policy.version) + "_00");
  return out;
}

// A6, assumed: the time of the last change; before the first one, a constant.
LabTime cookie_time(const v1::SiteRecord& record) {
  return record.has_policy_cookie() ? from_timestamp(record.policy_cookie()) : LabTime();
}
}  // namespace

Result<std::shared_ptr<const PolicySet>> PolicySet::read(const Site& site, const store::ReadTxn& txn,
                                                         const v1::SiteRecord& record) {
  const std::shared_ptr<PolicySet> set(new PolicySet(site));
  set->time_ = cookie_time(record);
  set->cookie_ = format_cookie(set->time_);
  ASSIGN_OR_RETURN(const Members members, read_members(txn));
  RETURN_IF_ERROR(set->read_adverts(txn, members));
  set->made_.resize(set->sources_.size() + 1);
  return std::shared_ptr<const PolicySet>(set);
}

Result<PolicySet::Members> PolicySet::read_members(const store::ReadTxn& txn) {
  Members all;
  RETURN_IF_ERROR(store::kCollections.each(txn, {}, [&](const store::Key&, const v1::Collection& collection) {
    auto& members = all[collection_key(collection.name())];
    for (const std::string& member : collection.members()) members.push_back(ascii_lower(member));
    return true;
  }));
  return all;
}

Status PolicySet::read_adverts(const store::ReadTxn& txn, const Members& members) {
  std::map<std::string, std::shared_ptr<const v1::Package>> packages;
  RETURN_IF_ERROR(store::kPackages.each(txn, {}, [&](const store::Key&, const v1::Package& package) {
    packages[package.id()] = std::make_shared<const v1::Package>(package);
    return true;
  }));
  return store::kAdverts.each(txn, {}, [&](const store::Key&, const v1::Advert& advert) {
    const auto package = packages.find(advert.package());
    const auto* program = package == packages.end() ? nullptr : find_program(*package->second, advert.program());
    if (program == nullptr) return true;
    const auto n = static_cast<uint32_t>(sources_.size());
    sources_.push_back({advert, package->second, program});
    by_id_[ascii_lower(policy_id(advert.id(), advert.package(), program->name()))] = n + 1;
    if (const auto found = members.find(collection_key(advert.collection())); found != members.end()) {
      for (const std::string& computer : found->second) by_computer_[computer].push_back(n);
    }
    return true;
  });
}

const PolicySet::Which& PolicySet::reaching(std::string_view computer) const {
  static const Which none;
  const auto found = by_computer_.find(ascii_lower(computer));
  return found == by_computer_.end() ? none : found->second;
}

const Policy& PolicySet::policy(size_t n) const {
  Made& made = made_[n];
  std::call_once(made.once, [&] {
    if (n == 0) {
      made.policy = served(settings_policy(site_));
    } else {
      const Source& source = sources_[n - 1];
      made.policy = served(advert_policy(site_, source.advert, *source.package, *source.program));
    }
  });
  return made.policy;
}

const Policy* PolicySet::find(std::string_view id) const {
  if (iequals(id, kSettingsPolicyId)) return &policy(0);
  const auto found = by_id_.find(ascii_lower(id));
  return found == by_id_.end() ? nullptr : &policy(found->second);
}

std::shared_ptr<const ccm::SharedDocument> PolicySet::assignments(const Which& which) const {
  {
    const MutexLock lock(mu_);
    if (const auto found = replies_.find(which); found != replies_.end()) return found->second;
  }
  v1::ReplyAssignments reply;
  reply.set_schema_version("1.00");
  reply.set_reply_type("Full");
  reply.mutable_identification()->mutable_machine()->set_client_id(std::string(kOwnText));
  reply.set_policy_source("SMS:" + site_.options.site);
  reply.mutable_resource()->set_resource_type("Machine");
  reply.set_server_cookie(cookie_);
  *reply.add_assignments() = assignment(site_, policy(0));
  for (const uint32_t n : which) *reply.add_assignments() = assignment(site_, policy(n + 1));
  const std::string xml = codec::to_xml(reply);
  const size_t own = xml.find(kOwnText);
  auto document = std::make_shared<const ccm::SharedDocument>(std::string_view(xml).substr(0, own),
                                                              std::string_view(xml).substr(own + kOwnText.size()));
  const MutexLock lock(mu_);
  if (replies_.size() >= kReplies) replies_.clear();
  return replies_.try_emplace(which, std::move(document)).first->second;
}

Result<std::shared_ptr<const PolicySet>> PolicySets::current(const Site& site, const store::ReadTxn& txn) {
  ASSIGN_OR_RETURN(const v1::SiteRecord record, site_record(txn));
  const LabTime time = cookie_time(record);
  {
    const MutexLock lock(mu_);
    if (kept_ && kept_->time() == time) return kept_;
  }
  ASSIGN_OR_RETURN(auto set, PolicySet::read(site, txn, record));
  const MutexLock lock(mu_);
  if (!kept_ || kept_->time() < time) kept_ = set;  // another reader may have seen a later change
  return set;
}

}  // namespace smslab::mp
