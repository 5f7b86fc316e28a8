#include "mp/location.h"

#include <algorithm>
#include <array>
#include <vector>

#include "mp/boundaries.h"
#include "mp/offers.h"
#include "mp/sayings.h"
#include "mp/settings.h"
#include "proto/base/ids.h"
#include "proto/base/text.h"
#include "proto/base/uri.h"
#include "proto/codec/xml.h"
#include "proto/schema/client_messages.pb.h"
#include "store/tables.h"

namespace smslab::mp {
namespace {
constexpr const char* kSchemaVersion = "1.00";
constexpr const char* kAdSite = "Default-First-Site-Name";
constexpr const char* kSha256Id = "32780";  // CryptoAPI's (protocol 7.1)
constexpr const char* kSha256Preference = "4";

v1::Capabilities plain_http() {
  v1::Capabilities out;
  out.set_schema_version("1.0");
  v1::NameValue* ssl = out.add_properties();
  ssl->set_name("SSLState");
  ssl->set_value("0");
  return out;
}

v1::MpSite mp_site(const Site& site, Locality locality) {
  v1::MpSite out;
  out.set_site_code(site.options.site);
  out.set_master_site_code(site.options.site);
  out.set_site_locality(std::string(locality_text(locality)));
  return out;
}

// The subnet of a DP that is addressed by number; else empty. Only ever shown, never matched (A10, assumed).
std::string subnet_of(const std::string& host) {
  const auto parts = split(host, '.');
  const bool number =
      parts.size() == 4 && std::ranges::all_of(parts, [](auto part) { return parse_u64(part).has_value(); });
  return number ? host.substr(0, host.rfind('.')) + ".0" : std::string();
}

v1::LocationRecord location_record(const CcmServer& server, const DpAddress& dp, const v1::Package& package,
                                   uint32_t version, Locality locality) {
  const std::string dp_url = reachable_url(dp.url, server.reached_at), host = host_of_url(dp_url);
  const Profile& profile = server.site.profile;
  v1::LocationRecord out;
  v1::LocationUrl* url = out.add_urls();
  url->set_name(dp_url + "/" + std::string(profile.dp_virtual_directory) + "/" + package.id() + "/");
  url->set_signature(dp_url + "/SMS_DP_SMSSIG$/" + package.id() + "." + std::to_string(version) + ".tar");
  out.add_smb_paths()->set_name("\\\\" + dp.name + "\\" + std::string(profile.share) + "\\" + package.id() + "\\");
  out.mutable_ad_site()->set_name(kAdSite);
  out.add_subnets()->set_address(subnet_of(host));
  out.mutable_metric()->set_value("");
  out.set_version(std::string(profile.mp_version));
  *out.mutable_capabilities() = plain_http();
  out.set_server_remote_name(host);
  out.set_dp_type("SERVER");
  out.mutable_windows()->set_trust("1");
  out.set_locality(std::string(locality_text(locality)));
  return out;
}

// What a client that the site knows says of where it is.
Status note_place(const CcmServer& server, const store::ReadTxn& txn, const ccm::Envelope& message,
                  const v1::ClientLocationInfo& info) {
  std::vector<std::string> addresses;
  for (const auto& address : info.addresses()) addresses.push_back(address.address());
  const v1::ClientActivity place = place_said(info.ad_site().name(), addresses);
  if (place.ad_site().empty() && place.addresses().empty()) return ok_status();
  ASSIGN_OR_RETURN(const Who who, identify(txn, message));
  if (who.client) server.site.activity->located(server.site.store, who.client->name(), place, server.site.clock);
  return ok_status();
}

// The package as asked for, or nothing: an ID of another kind of content ("UID:..."), one that the site does not have.
Result<std::optional<v1::Package>> asked_package(const store::ReadTxn& txn, const v1::LocationPackage& asked) {
  const auto id = parse_package_id(trim(asked.id()), "Package");
  if (!id.ok()) return std::optional<v1::Package>();
  auto package = store::kPackages.get(txn, {*id});
  if (package.status().code() == Code::kNotFound) return std::optional<v1::Package>();
  if (!package.ok()) return package.status();
  return std::optional<v1::Package>(*std::move(package));
}

v1::ContentLocationReply content_reply(const CcmServer& server, const Offer& offer, const v1::Package& package,
                                       uint32_t version, Locality client) {
  v1::ContentLocationReply reply;
  reply.set_schema_version(kSchemaVersion);
  reply.mutable_content_info()->set_package_flags("0");
  v1::LocationSite& records = *reply.add_sites();
  for (const auto& [dp, locality] : offer.dps) {
    *records.add_records() = location_record(server, dp, package, version, locality);
  }
  if (offer.with_hash && !offer.dps.empty()) {
    v1::ContentHash* hash = reply.mutable_content_info()->add_hashes();
    hash->set_algorithm(kSha256Id);
    hash->set_hash_string(package.hash().sha256());
    hash->set_hash_preference(kSha256Preference);
  }
  *records.mutable_mp_site() = mp_site(server.site, offer.dps.empty() ? Locality::kFallback : client);
  return reply;
}

Result<CcmAnswer> content_location(const CcmServer& server, const ccm::Envelope& message) {
  const Site& site = server.site;
  v1::ContentLocationRequest request;
  RETURN_IF_ERROR(codec::from_xml(message.documents.front(), &request));
  const auto version = parse_u64(trim(request.package().version()));
  const auto txn = site.store.read();
  ASSIGN_OR_RETURN(const std::optional<v1::Package> package, asked_package(txn, request.package()));
  ASSIGN_OR_RETURN(const v1::SiteSettings settings, site_settings(txn));
  const ClientPlace place = place_of(settings.boundaries(), request.client_location_info(), server.peer);
  RETURN_IF_ERROR(note_place(server, txn, message, request.client_location_info()));

  CcmAnswer answer;
  Offer offer;
  if (package && version) {
    answer.package = package->id();
    answer.version = static_cast<uint32_t>(*version);
    offer = offer_of(server, *package, *version, place);
    if (site.rules->any(fault::Stage::kAnswer)) {
      answer.rules = change_offer(server, message, *package, *version, place, &offer);
    }
  }
  answer.xml =
      codec::to_xml(content_reply(server, offer, package.value_or(v1::Package()), answer.version, place.locality));
  return answer;
}

Result<CcmAnswer> site_information(const CcmServer& server, const ccm::Envelope& message) {
  const Site& site = server.site;
  v1::SiteInformationRequest request;
  RETURN_IF_ERROR(codec::from_xml(message.documents.front(), &request));
  v1::SiteInfoReply reply;
  reply.set_schema_version(kSchemaVersion);
  if (iequals(trim(request.site_code().name()), site.options.site)) {
    v1::SiteInfo* info = reply.add_sites();
    info->set_site_code(site.options.site);
    info->set_default_mp(host_of_url(server.mp_url));
    info->set_build_number(std::string(site.profile.mp_version));
    info->set_version(std::string(site.profile.site_version));
  }
  return CcmAnswer{.xml = codec::to_xml(reply)};
}

Result<CcmAnswer> local_mp(const CcmServer& server, const ccm::Envelope& message) {
  v1::LocalMPLocationRequest request;
  RETURN_IF_ERROR(codec::from_xml(message.documents.front(), &request));
  const auto txn = server.site.store.read();
  ASSIGN_OR_RETURN(const v1::SiteSettings settings, site_settings(txn));
  const ClientPlace place = place_of(settings.boundaries(), request.client_location_info(), server.peer);
  RETURN_IF_ERROR(note_place(server, txn, message, request.client_location_info()));
  v1::LocalMPLocationReply reply;
  *reply.add_sites() = mp_site(server.site, place.locality);
  return CcmAnswer{.xml = codec::to_xml(reply)};
}

Result<CcmAnswer> enumerate_mp(const CcmServer& server, const ccm::Envelope& message) {
  const Site& site = server.site;
  v1::EnumerateMPLocationRequest request;
  RETURN_IF_ERROR(codec::from_xml(message.documents.front(), &request));
  v1::EnumerateMPLocationReply reply;
  reply.set_schema_version(kSchemaVersion);
  reply.mutable_mp_site()->set_site_code(site.options.site);
  v1::MpRecord* record = reply.add_records();
  record->mutable_intranet_name()->set_value(host_of_url(server.mp_url));
  record->set_version(std::string(site.profile.mp_version));
  *record->mutable_capabilities() = plain_http();
  return CcmAnswer{.xml = codec::to_xml(reply)};
}

Result<CcmAnswer> wsus(const CcmServer& server, const ccm::Envelope& message) {
  v1::WSUSLocationRequest request;
  RETURN_IF_ERROR(codec::from_xml(message.documents.front(), &request));
  v1::WSUSLocationReply reply;
  reply.set_schema_version(kSchemaVersion);
  reply.add_sites()->mutable_mp_site()->set_site_code(server.site.options.site);  // the site has no WSUS
  return CcmAnswer{.xml = codec::to_xml(reply)};
}

// The shape is A13, assumed.
Result<CcmAnswer> assigned_site(const CcmServer& server, const ccm::Envelope& message) {
  v1::AssignedSiteRequest request;
  RETURN_IF_ERROR(codec::from_xml(message.documents.front(), &request));
  v1::AssignedSiteReply reply;
  reply.set_schema_version(kSchemaVersion);
  reply.mutable_site()->set_site_code(server.site.options.site);
  return CcmAnswer{.xml = codec::to_xml(reply)};
}

struct Row {
  std::string_view root;
  Result<CcmAnswer> (*answer)(const CcmServer&, const ccm::Envelope&);
};
constexpr std::array kRequests = {
    Row{"ContentLocationRequest", content_location},
    Row{"SiteInformationRequest", site_information},
    Row{"LocalMPLocationRequest", local_mp},
    Row{"EnumerateMPLocationRequest", enumerate_mp},
    Row{"WSUSLocationRequest", wsus},
    Row{"AssignedSiteRequest", assigned_site},
};
}  // namespace

Result<CcmAnswer> answer_location(const CcmServer& server, const ccm::Envelope& message) {
  ASSIGN_OR_RETURN(const std::string root, codec::xml_root_name(message.documents.front()));
  const auto row = std::ranges::find(kRequests, std::string_view(root), &Row::root);
  if (row == kRequests.end()) return invalid_argument("no location request <" + root + ">");
  if (server.site.options.strict) {
    ASSIGN_OR_RETURN(const Who who, identify(server.site.store.read(), message));
    RETURN_IF_ERROR(authenticate(who, message, Signed::kIfPresent));
  }
  ASSIGN_OR_RETURN(CcmAnswer answer, row->answer(server, message));
  if (!answer.rules.empty()) return answer;
  answer.shared = server.site.locations->of(answer.xml);  // every client gets the same
  answer.xml.clear();
  return answer;
}

}  // namespace smslab::mp
