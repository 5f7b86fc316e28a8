#include "proto/client/location_services.h"

#include <fmt/format.h>

#include "proto/base/text.h"
#include "proto/ccm/signature.h"
#include "proto/codec/xml.h"
#include "proto/schema/client_messages.pb.h"

namespace smslab::client {
namespace {
constexpr std::string_view kEndpoint = "MP_LocationManager";

// A reply of the expected root; what else the MP says is an error that names it.
template <class Reply>
Status read_reply(const std::string& text, Reply* reply) {
  if (text.empty()) return not_found("the MP gave an empty reply");
  ASSIGN_OR_RETURN(const std::string root, codec::xml_root_name(text));
  const std::string expected = Reply::descriptor()->name();
  if (root != expected) return invalid_argument("the MP answered <" + root + ">, not <" + expected + ">");
  return codec::from_xml(text, reply);
}

std::string locality_of(const v1::LocationSite& site, const v1::LocationRecord& record) {
  if (record.has_locality()) return record.locality();
  return site.mp_site().has_site_locality() ? site.mp_site().site_locality() : "LOCAL";
}
}  // namespace

LocationServices::LocationServices(Host& host, MpSession& session) : host_(host), session_(session) {}

Status LocationServices::find_management_point() {
  ASSIGN_OR_RETURN(const std::string list_text, session_.get_auth("MPLIST1&" + host_.site));
  v1::MPList list;
  if (const Status s = codec::from_xml(list_text, &list); !s.ok()) return s.prefixed("MPLIST");
  const v1::MpListEntry* mp = nullptr;
  for (const auto& entry : list.mps()) {
    if (mp == nullptr && (!entry.has_site_code() || iequals(entry.site_code(), host_.site))) mp = &entry;
  }
  if (mp == nullptr) {
    return not_found("the MP at " + session_.address() + " knows no site " + host_.site +
                     "; give another --site or --mp");
  }

  ASSIGN_OR_RETURN(const std::string certificate_text, session_.get_auth("MPCERT"));
  v1::MPCertificate certificate;
  if (const Status s = codec::from_xml(certificate_text, &certificate); !s.ok()) return s.prefixed("MPCERT");
  if (const auto key = ccm::public_key_of_certificate(certificate.certificate()); !key.ok()) {
    return key.status().prefixed("MPCERT");
  }

  v1::SiteInformationRequest request;
  request.set_schema_version("1.00");
  request.mutable_site_code()->set_name(host_.site);
  ASSIGN_OR_RETURN(const std::string info_text, session_.ask(kEndpoint, codec::to_xml(request), Signing::kNone));
  v1::SiteInfoReply info;
  if (const Status s = read_reply(info_text, &info); !s.ok()) return s.prefixed("site information");
  const std::string version = info.sites().empty() ? "" : info.sites(0).version();
  host_.tell("mp", fmt::format("{} at {}, site {} {}", mp->name(), session_.address(), host_.site, version));
  return ok_status();
}

Result<std::vector<ContentLocation>> LocationServices::find_content(std::string_view package, std::string_view version,
                                                                    std::string_view request_id) {
  const Log& log = host_.log(Component::kLocationServices);
  v1::ContentLocationRequest request;
  request.set_schema_version("1.00");
  request.mutable_assigned_site()->set_site_code(host_.site);
  v1::ClientLocationInfo* info = request.mutable_client_location_info();
  info->set_location_type("SMSPackage");
  info->set_allow_http("1");
  info->set_allow_smb("1");
  info->mutable_ad_site();
  request.mutable_package()->set_deployment_flags("0");
  request.mutable_package()->set_id(std::string(package));
  request.mutable_package()->set_version(std::string(version));
  const std::string text = codec::to_xml(request);
  log.info(fmt::format("Created filter for LS request {}.", request_id));
  log.info("ContentLocationRequest : " + text);

  ASSIGN_OR_RETURN(const std::string reply_text, session_.ask(kEndpoint, text, Signing::kNone));
  v1::ContentLocationReply reply;
  if (const Status s = read_reply(reply_text, &reply); !s.ok()) return s.prefixed("content location");
  log.info("ContentLocationReply : " + reply_text);

  std::vector<ContentLocation> locations;
  for (const auto& site : reply.sites()) {
    for (const auto& record : site.records()) {
      ContentLocation location{.url = record.urls().empty() ? "" : record.urls(0).name(),
                               .smb_path = record.smb_paths().empty() ? "" : record.smb_paths(0).name(),
                               .locality = locality_of(site, record)};
      log.info(fmt::format(
          "Distribution Point='{}', Locality='{}', DPType='{}', Version='{}', Capabilities='{}', "
          "Signature='{}', ForestTrust='{}',",
          location.url, location.locality, record.dp_type(), record.version(),
          record.has_capabilities() ? "<Capabilities SchemaVersion=\"1.0\"/>" : "",
          record.urls().empty() ? "" : record.urls(0).signature(), record.windows().trust() == "1" ? "TRUE" : "FALSE"));
      locations.push_back(std::move(location));
    }
  }
  log.info(locations.empty() ? "Calling back with empty distribution points list"
                             : fmt::format("Calling back with locations for location request {}", request_id));
  return locations;
}

}  // namespace smslab::client
