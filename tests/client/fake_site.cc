#include "tests/client/fake_site.h"

#include <gtest/gtest.h>

#include "proto/base/ids.h"
#include "proto/base/text.h"
#include "proto/base/tree_hash.h"
#include "proto/base/uri.h"
#include "proto/base/utf16.h"
#include "proto/ccm/signature.h"
#include "proto/codec/xml.h"

namespace smslab::testing {
namespace {
constexpr std::string_view kSettingsId = "{5B2F1C0E-9D3A-4E7B-8A61-2C4D7E9F0A13}";

std::string escaped(const std::string& text, bool mof) {
  std::string out;
  for (char c : text) {
    if (mof && (c == '"' || c == '\\')) out += '\\';
    out += c;
  }
  return out;
}

// An instance in WMI-XML or WMI-MOF.
std::string instance(const std::string& class_name, const std::vector<std::pair<std::string, std::string>>& properties,
                     bool mof) {
  std::string out = mof ? "instance of " + class_name + "\r\n{\r\n" : "<instance class=\"" + class_name + "\">\r\n";
  for (const auto& [name, value] : properties) {
    if (value.empty()) continue;
    const bool array = name == "Triggers", boolean = value == "true" || value == "false";
    if (mof) {
      const std::string text = boolean ? ascii_upper(value) : '"' + escaped(value, true) + '"';
      out += "\t" + name + " = " + (array ? "{" + text + "}" : text) + ";\r\n";
    } else {
      out += "<property name=\"" + name + "\" type=\"" +
             (array     ? "8200"
              : boolean ? "11"
                        : "8") +
             "\"><value><![CDATA[" + value + "]]></value></property>\r\n";
    }
  }
  return out + (mof ? "};\r\n" : "</instance>");
}

std::string body_of(const std::string& id, const std::string& version, const std::string& instances, bool mof) {
  return policy_bytes("<?xml version=\"1.0\" ?>\r\n<Policy PolicyType=\"Machine\" SchemaVersion=\"1.00\" PolicyID=\"" +
                      id + "\" PolicyVersion=\"" + version +
                      "\" PolicySource=\"SMS:LON\"><PolicyRule PolicyRuleID=\"{0}\"><Condition/><PolicyAction "
                      "PolicyActionType=\"" +
                      (mof ? "WMI-MOF\"><![CDATA[\r\n" + instances + "]]>" : "WMI-XML\">" + instances) +
                      "</PolicyAction></PolicyRule></Policy>");
}

template <class M>
M parsed(const std::string& xml) {
  M message;
  const Status s = codec::from_xml(xml, &message);
  EXPECT_TRUE(s.ok()) << s.to_string();
  return message;
}
}  // namespace

dav::Item listed(std::string href, bool folder, uint64_t size) {
  dav::Item item;
  item.href = std::move(href);
  item.folder = folder;
  item.size = size;
  return item;
}

std::string policy_bytes(const std::string& xml) { return "\xFF\xFE" + utf16le_from_utf8(xml); }

FakeSite::FakeSite() : server_([this](const FakeRequest& request) { return answer(request); }) {}

std::string FakeSite::hash() const {
  PackageTree tree;
  const FakeDp& dp = dps.at("C");
  for (const auto& folder : dp.folders) tree.add_folder(folder);
  for (const auto& [path, bytes] : dp.files) tree.add_file(path, content_digests(bytes));
  return tree.hash(Algorithm::kSha1);
}

void FakeSite::assign(const FakeAdvert& a) {
  const std::string id = policy_id(a.advert, a.package, a.program);
  std::string instances = instance("CCM_SoftwareDistribution",
                                   {{"ADV_AdvertisementID", a.advert},
                                    {"ADV_ActiveTime", a.active},
                                    {"ADV_ExpirationTime", a.expires},
                                    {"ADV_MandatoryAssignments", a.mandatory ? "true" : "false"},
                                    {"ADV_RCF_InstallFromLocalDPOptions", a.option},
                                    {"ADV_RepeatRunBehavior", a.rerun},
                                    {"PKG_PackageID", a.package},
                                    {"PKG_ContentSize", a.size_kb},
                                    {"PKG_SourceVersion", a.version},
                                    {"PKG_SourceHash", a.hash.empty() ? hash() : a.hash},
                                    {"PRG_DependentPolicy", a.dependent ? "true" : ""},
                                    {"PRG_DependentProgramPackageID", a.first.empty() ? "" : a.package},
                                    {"PRG_DependentProgramProgramID", a.first},
                                    {"PRG_ProgramID", a.program},
                                    {"PRG_CommandLine", a.command_line}},
                                   mof);
  if (a.mandatory) {
    instances += instance("CCM_Scheduler_ScheduledMessage",
                          {{"ScheduledMessageID", id}, {"ActiveTime", a.scheduled}, {"Triggers", a.trigger}}, mof);
  }
  assigned_[id] = {id, a.policy_version, body_of(id, a.policy_version, instances, mof)};
  changes_++;
}

void FakeSite::withdraw_all() {
  assigned_.clear();
  changes_++;
}

void FakeSite::forget() {
  messages_.clear();
  requests.clear();
  dp_requests.clear();
}

FakeReply FakeSite::answer(const FakeRequest& request) {
  const MutexLock lock(mu_);
  requests.push_back(request);
  if (request.method == "CCM_POST") return answer_message(request);
  if (istarts_with(request.target, "/SMS_DP_")) return answer_dp(request);
  if (istarts_with(request.target, "/SMS_MP/.sms_pol?")) return answer_policy(request);
  if (request.target == "/SMS_MP/.sms_aut?MPLIST1&LON") {
    return {.body = "<MPList><MP Name=\"LON-DCSMS-01\" FQDN=\"lon\" SiteCode=\"LON\"><FQDN>lon</FQDN></MP></MPList>"};
  }
  if (istarts_with(request.target, "/SMS_MP/.sms_aut?MPLIST1&")) return {.body = "<MPList/>"};
  if (request.target == "/SMS_MP/.sms_aut?MPCERT") {
    static const std::string certificate =
        ccm::SigningKey::generate("LON-DCSMS-01", LabTime(std::chrono::hours(490000)))->certificate();
    return {.body = "<MPCertificate><Certificate>" + certificate + "</Certificate></MPCertificate>"};
  }
  return {.status = 404};
}

FakeReply FakeSite::answer_message(const FakeRequest& request) {
  auto message = ccm::read_request(request.field("Content-Type"), request.body);
  if (!message.ok()) return {.status = 500};
  messages_.push_back(*message);
  if (message->async()) return {};
  const std::string xml = reply_to(*message);
  if (xml.empty()) return {};
  auto reply = ccm::write_reply(message->header, xml, {.message_id = "0", .source_host = "LON-DCSMS-01", .sent = {}});
  return {.fields = {{"Content-Type", reply.content_type}}, .body = reply.body};
}

std::string FakeSite::reply_to(const ccm::Envelope& message) {
  const std::string& text = message.documents[0];
  const std::string root = *codec::xml_root_name(text);
  if (root == "SiteInformationRequest") {
    return "<SiteInfoReply "
           "SchemaVersion=\"1.00\"><Sites><Site><SiteCode>LON</SiteCode><Version>2.50.4253.3000</Version></"
           "Site></Sites></SiteInfoReply>";
  }
  if (root == "ClientRegistrationRequest") {
    if (!registration) return {};
    const auto request = parsed<v1::ClientRegistrationRequest>(text);
    const auto key = ccm::public_key_of_certificate(request.data().certificates().signing().hex());
    EXPECT_TRUE(ccm::verify(*key, *ccm::registration_bytes(text), request.signature().signature_value()).ok());
    return "<ClientRegistrationResponse ResponseType=\"Registration\" TimeStamp=\"\" Status=\"" +
           std::to_string(request.data().request_type() == "Confirmation" ? confirmation_status : registration_status) +
           "\" SMSID=\"" + (request.data().smsid().empty() ? smsid : request.data().smsid()) +
           "\" ApprovalStatus=\"1\"/>";
  }
  if (root == "RequestAssignments") return assignments(parsed<v1::RequestAssignments>(text));
  if (root == "ContentLocationRequest") {
    const auto request = parsed<v1::ContentLocationRequest>(text);
    v1::ContentLocationReply reply;
    reply.set_schema_version("1.00");
    auto* site = reply.add_sites();
    site->mutable_mp_site()->set_site_code("LON");
    site->mutable_mp_site()->set_site_locality(locations ? "LOCAL" : "FALLBACK");
    for (const auto& [letter, dp] : dps) {
      if (!locations) continue;
      auto* record = site->add_records();
      record->add_urls()->set_name(url() + "/SMS_DP_SMSPKG" + letter + "$/" + request.package().id() + "/");
      record->add_smb_paths()->set_name("\\\\LON-DCSMS-01\\SMSPKG" + letter + "$\\" + request.package().id() + "\\");
    }
    return codec::to_xml(reply);
  }
  return {};
}

std::string FakeSite::assignments(const v1::RequestAssignments& request) {
  const std::string cookie = "2026-11-21 19:00:00." + std::to_string(100 + changes_);
  if (empty_assignments || request.server_cookie() == cookie) return {};
  v1::ReplyAssignments reply;
  reply.set_schema_version("1.00");
  reply.set_reply_type("Full");
  reply.set_server_cookie(cookie);
  const auto add = [&](const std::string& id, const std::string& version, const std::string& body) {
    auto* policy = reply.add_assignments()->mutable_policy();
    policy->set_policy_id(id);
    policy->set_policy_version(version);
    policy->set_policy_flags("0");
    policy->mutable_policy_location()->set_policy_hash(policy_hash.value_or(digest_hex(Algorithm::kMd5, body)));
    std::string underscored = version;
    underscored[underscored.find('.')] = '_';
    policy->mutable_policy_location()->set_url("http://<mp>/SMS_MP/.sms_pol?" + id + "." + underscored);
  };
  if (settings) {
    add(std::string(kSettingsId), "1.00",
        body_of(std::string(kSettingsId), "1.00",
                instance("CCM_SoftwareDistributionClientConfig", {{"SiteSettingsKey", "1"}, {"Enabled", "true"}}, mof),
                mof));
  }
  for (const auto& [advert, policy] : assigned_) add(policy.id, policy.version, policy_body.value_or(policy.body));
  return codec::to_xml(reply);
}

namespace {
// HEAD and ranged GET as a good server answers them.
FakeReply entity(const FakeRequest& request, const std::string& bytes) {
  FakeReply reply{.fields = {{"ETag", '"' + digest_hex(Algorithm::kSha256, bytes) + '"'}, {"Accept-Ranges", "bytes"}},
                  .body = bytes};
  const std::string range = request.field("Range"), condition = request.field("If-Range");
  if (range.empty() || (!condition.empty() && condition != reply.fields[0].second)) return reply;
  const size_t dash = range.find('-');
  const uint64_t first = *parse_u64(std::string_view(range).substr(6, dash - 6));
  const uint64_t last = std::min<uint64_t>(*parse_u64(std::string_view(range).substr(dash + 1)), bytes.size() - 1);
  reply.status = 206;
  reply.fields.emplace_back("Content-Range", "bytes " + std::to_string(first) + "-" + std::to_string(last) + "/" +
                                                 std::to_string(bytes.size()));
  reply.body = bytes.substr(first, last - first + 1);
  return reply;
}
}  // namespace

FakeReply FakeSite::answer_policy(const FakeRequest& request) {
  const std::string query = *percent_decode(request.target.substr(request.target.find('?') + 1));
  const std::string id = query.substr(0, query.rfind('.'));
  if (id == kSettingsId) {
    return entity(request, body_of(id, "1.00",
                                   instance("CCM_SoftwareDistributionClientConfig",
                                            {{"SiteSettingsKey", "1"}, {"Enabled", "true"}}, mof),
                                   mof));
  }
  for (const auto& [advert, policy] : assigned_) {
    if (policy.id == id) return entity(request, policy_body.value_or(policy.body));
  }
  return {.status = 404};
}

FakeReply FakeSite::answer_dp(const FakeRequest& request) {
  const std::string target = *percent_decode(request.target);
  const size_t package = target.find('/', 1) + 1, slash = target.find('/', package);
  const std::string letter = target.substr(std::string_view("/SMS_DP_SMSPKG").size(), 1),
                    path = slash == std::string::npos ? "" : target.substr(slash + 1);
  const std::string range = request.field("Range");
  dp_requests.push_back(request.method + " " + letter + ":" + path + (range.empty() ? "" : " " + range));
  const FakeDp& dp = dps.at(letter);
  if (dp.disturb) {
    if (auto wrong = dp.disturb(request, path)) return *wrong;
  }
  if (request.method == "PROPFIND") {
    const std::string root = url() + "/SMS_DP_SMSPKG" + letter + "$/" + target.substr(package, slash - package) + "/";
    std::vector<dav::Item> items = {listed(root, true)};
    for (const auto& folder : dp.folders) {
      items.push_back(listed(root + percent_encode_path(folder) + "/", true));
    }
    for (const auto& [name, bytes] : dp.files) {
      items.push_back(listed(root + percent_encode_path(name), false, bytes.size()));
    }
    items.insert(items.end(), dp.extra_items.begin(), dp.extra_items.end());
    return {.status = 207, .fields = {{"Content-Type", "text/xml"}}, .body = dav::write_multistatus(items, {})};
  }
  const auto file = dp.files.find(path);
  return file == dp.files.end() ? FakeReply{.status = 404} : entity(request, file->second);
}

std::vector<ccm::Envelope> FakeSite::messages_to(std::string_view endpoint) const {
  std::vector<ccm::Envelope> found;
  for (const auto& message : messages_) {
    if (iequals(message.endpoint(), endpoint)) found.push_back(message);
  }
  return found;
}

std::vector<v1::Status> FakeSite::statuses() const {
  std::vector<v1::Status> out;
  for (const auto& message : messages_to("StatusReceiver")) out.push_back(parsed<v1::Status>(message.documents[0]));
  return out;
}

std::vector<std::string> FakeSite::status_types() const {
  std::vector<std::string> out;
  for (const auto& status : statuses()) out.push_back(status.type());
  return out;
}

}  // namespace smslab::testing
