#include "mp/policy_set.h"

#include <algorithm>

#include "mp/collections.h"
#include "mp/policy_body.h"
#include "mp/policy_document.h"
#include "mp/settings.h"
#include "mp/site.h"
#include "mp/site_record.h"
#include "proto/base/digest.h"
#include "proto/base/hex.h"
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
constexpr std::string_view kPlain = "0";                // PolicyFlags; others than these two are not for third-party
constexpr std::string_view kCompressed = "64";          // clients (protocol 4.2)
constexpr std::string_view kOwnText = "@client@";       // where a client's ID goes; first in the document

Policy served(PolicyBody body, const v1::Package* package, bool compress, std::optional<LabTime> changed,
              const std::function<void(std::string*)>& change) {
  if (compress) body.bytes = compress_policy(body.bytes);
  if (change) change(&body.bytes);
  Policy policy;
  policy.id = std::move(body.id);
  policy.version = body.version;
  // A5, assumed: digests of the whole entity, with its BOM.
  policy.md5 = digest_hex(Algorithm::kMd5, body.bytes);
  policy.sha1 = digest_hex(Algorithm::kSha1, body.bytes);
  policy.sha256 = digest_hex(Algorithm::kSha256, body.bytes);
  auto topic = std::make_shared<wire::Topic>();
  topic->route = "policy_body";
  topic->file = policy.id;
  topic->sha256 = from_hex(policy.sha256).value_or("");
  if (package != nullptr) {
    topic->package = package->id();
    topic->version = package->source_version();
  }
  policy.entity = wire::ready({.body = wire::Body(std::move(body.bytes)),
                               .content_type = "text/xml",
                               .etag = '"' + policy.sha256 + '"',
                               .modified = changed,
                               .topic = std::move(topic)});
  return policy;
}

v1::PolicyAssignment assignment(const Site& site, const Policy& policy, bool compress) {
  v1::PolicyAssignment out;
  out.set_policy_assignment_id("{" + site.random.guid("policy assignment", {policy.id}) + "}");
  out.mutable_condition();
  v1::AssignedPolicy& assigned = *out.mutable_policy();
  assigned.set_policy_id(policy.id);
  assigned.set_policy_version(policy_version_text(policy.version));
  assigned.set_policy_type("Machine");
  assigned.set_policy_category(std::string(kCategory));
  assigned.set_policy_flags(std::string(compress ? kCompressed : kPlain));
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
                                                         const v1::SiteRecord& record,
                                                         std::shared_ptr<const Memberships> memberships) {
  const std::shared_ptr<PolicySet> set(new PolicySet(site));
  set->time_ = cookie_time(record);
  set->cookie_ = format_cookie(set->time_);
  set->settings_ = with_defaults(record);
  set->settings_version_ = std::max(record.settings_version(), 1U);
  if (record.has_settings_changed()) set->settings_changed_ = from_timestamp(record.settings_changed());
  set->memberships_ = std::move(memberships);
  set->by_collection_.resize(set->memberships_->size());
  RETURN_IF_ERROR(set->read_adverts(txn));
  set->made_.resize(set->sources_.size() + 1);
  return std::shared_ptr<const PolicySet>(set);
}

Status PolicySet::read_adverts(const store::ReadTxn& txn) {
  // Of the packages those that some advert leads to, however many there are.
  std::unordered_map<std::string, std::shared_ptr<const v1::Package>> packages;
  Status damaged;
  const PackageLookup lookup = [&](const std::string& id) {
    const auto [at, fresh] = packages.try_emplace(id);
    if (!fresh) return at->second;
    auto package = store::kPackages.get(txn, {id});
    if (package.ok()) {
      at->second = std::make_shared<const v1::Package>(*std::move(package));
    } else if (package.status().code() != Code::kNotFound) {
      damaged = package.status();
    }
    return at->second;
  };
  RETURN_IF_ERROR(store::kAdverts.each(txn, {}, [&](const store::Key&, const v1::Advert& read) {
    const auto advert = std::make_shared<const v1::Advert>(read);
    const Memberships::Places receiving = memberships_->receiving(advert->collection());
    bool dependent = false;
    for (ChainLink& link : program_chain(advert->package(), advert->program(), lookup)) {
      const auto n = static_cast<uint32_t>(sources_.size());
      by_id_[ascii_lower(policy_id(advert->id(), link.package->id(), link.program->name()))] = n + 1;
      for (const uint32_t collection : receiving) by_collection_[collection].push_back(n);
      sources_.push_back({advert, std::move(link), dependent});
      dependent = true;
    }
    return damaged.ok();
  }));
  return damaged;
}

PolicySet::Which PolicySet::reaching(std::string_view computer, bool known) const {
  Which all;
  if (known) all = by_collection_[Memberships::kEverybody];
  for (const uint32_t collection : memberships_->direct(computer)) {
    all.insert(all.end(), by_collection_[collection].begin(), by_collection_[collection].end());
  }
  std::sort(all.begin(), all.end());
  all.erase(std::unique(all.begin(), all.end()), all.end());
  return all;
}

const Policy& PolicySet::policy(size_t place) const {
  Made& made = made_[place];
  std::call_once(made.once, [&] { made.policy = make(place, package_of(place), nullptr); });
  return made.policy;
}

const v1::Package* PolicySet::package_of(size_t place) const {
  return place == 0 ? nullptr : sources_[place - 1].link.package.get();
}

Policy PolicySet::changed(size_t place, const PolicyChange& change) const {
  return make(place, change.package ? &*change.package : package_of(place), change.bytes);
}

Policy PolicySet::make(size_t place, const v1::Package* package,
                       const std::function<void(std::string*)>& change) const {
  const bool compress = settings_.compress_policy();
  if (place == 0) {
    return served(settings_policy(site_, settings_.agent_enabled(), settings_version_), nullptr, compress,
                  settings_changed_, change);
  }
  const auto& [advert, link, dependent] = sources_[place - 1];
  std::optional<LabTime> changed;
  if (advert->has_policy_changed()) changed = from_timestamp(advert->policy_changed());
  return served(advert_policy(site_, *advert, *package, *link.program, dependent), package, compress, changed, change);
}

std::optional<size_t> PolicySet::place_of(std::string_view id) const {
  if (iequals(id, kSettingsPolicyId)) return has_settings() ? std::optional<size_t>(0) : std::nullopt;
  const auto found = by_id_.find(ascii_lower(id));
  return found == by_id_.end() ? std::nullopt : std::optional<size_t>(found->second);
}

const Policy* PolicySet::find(std::string_view id) const {
  const auto place = place_of(id);
  return place ? &policy(*place) : nullptr;
}

v1::ReplyAssignments PolicySet::reply(const Which& which, std::string_view client_id,
                                      const std::map<size_t, Policy>& instead) const {
  v1::ReplyAssignments reply;
  reply.set_schema_version("1.00");
  reply.set_reply_type("Full");
  reply.mutable_identification()->mutable_machine()->set_client_id(std::string(client_id));
  reply.set_policy_source("SMS:" + site_.options.site);
  reply.mutable_resource()->set_resource_type("Machine");
  reply.set_server_cookie(cookie_);
  const bool compress = settings_.compress_policy();
  const auto add = [&](size_t place) {
    const auto other = instead.find(place);
    *reply.add_assignments() = assignment(site_, other == instead.end() ? policy(place) : other->second, compress);
  };
  if (has_settings()) add(0);
  for (const uint32_t n : which) add(n + 1);
  return reply;
}

std::shared_ptr<const ccm::SharedDocument> PolicySet::assignments(const Which& which) const {
  {
    const MutexLock lock(mu_);
    if (const auto found = replies_.find(which); found != replies_.end()) return found->second;
  }
  const std::string xml = codec::to_xml(reply(which, kOwnText));
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
  std::shared_ptr<const Memberships> memberships;
  {
    const MutexLock lock(mu_);
    if (kept_ && kept_->time() == time) return kept_;
    memberships = memberships_;
  }
  if (!memberships || memberships->version() != record.members_version()) {
    ASSIGN_OR_RETURN(memberships, Memberships::read(txn, record.members_version()));
  }
  ASSIGN_OR_RETURN(auto set, PolicySet::read(site, txn, record, memberships));
  const MutexLock lock(mu_);
  if (!kept_ || kept_->time() < time) {  // another reader may have seen a later change
    kept_ = set;
    memberships_ = memberships;
  }
  return set;
}

}  // namespace smslab::mp
