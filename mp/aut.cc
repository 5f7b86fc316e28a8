#include "mp/aut.h"

#include <algorithm>
#include <array>

#include "mp/keys.h"
#include "proto/base/text.h"
#include "proto/base/uri.h"
#include "proto/codec/xml.h"
#include "proto/schema/client_messages.pb.h"

namespace smslab::mp {
namespace {
using codec::to_xml;

struct Asked {
  const Site& site;
  const std::string& host;  // FQDN of this MP, for clients
  std::string_view argument;
};

v1::MpListEntry entry(const Asked& asked) {
  v1::MpListEntry mp;
  mp.set_name(asked.site.options.server);
  // Captured lists have the attribute, Microsoft's library reads the element.
  mp.set_fqdn(asked.host);
  mp.set_fqdn_element(asked.host);
  mp.set_version(std::string(asked.site.profile.mp_version));
  mp.mutable_capabilities()->set_schema_version("1.0");
  v1::NameValue* ssl = mp.mutable_capabilities()->add_properties();
  ssl->set_name("SSLState");
  ssl->set_value("0");
  return mp;
}

std::string mp_list(const Asked& asked, bool with_site) {
  v1::MPList list;
  if (asked.argument.empty() || iequals(asked.argument, asked.site.options.site)) {
    v1::MpListEntry* mp = list.add_mps();
    *mp = entry(asked);
    if (with_site || !asked.argument.empty()) mp->set_site_code(asked.site.options.site);
  }
  return to_xml(list);
}
std::string mp_list_plain(const Asked& asked) { return mp_list(asked, false); }
std::string mp_list_with_site(const Asked& asked) { return mp_list(asked, true); }

v1::SignedHex unsigned_hex(const std::string& hex) {
  v1::SignedHex out;
  out.set_signature("");
  out.set_hex(hex);
  return out;
}

std::string mp_certificate(const Asked&) {
  v1::MPCertificate out;
  out.set_certificate(lab_keys().mp.certificate());
  return to_xml(out);
}

std::string mp_certificates(const Asked&) {
  v1::MPCertificates out;  // one certificate both signs and encrypts
  *out.mutable_certificate1() = unsigned_hex(lab_keys().mp.certificate());
  *out.mutable_certificate2() = unsigned_hex(lab_keys().mp.certificate());
  return to_xml(out);
}

std::string key_information(const Asked& asked) {
  v1::MpKeyInformation out;
  out.set_fqdn(asked.host);
  out.set_machine_name(asked.site.options.server);
  out.set_site_code(asked.site.options.site);
  out.set_trusted_root_key(lab_keys().trusted_root.public_key());
  *out.mutable_mp_certificate() = unsigned_hex(lab_keys().mp.certificate());
  return to_xml(out);
}

std::string trusted_root_key(const Asked&) {
  v1::KeyData out;
  *out.mutable_trusted_root_key() = unsigned_hex(lab_keys().trusted_root.public_key());
  return to_xml(out);
}

std::string site_signing_certificate(const Asked&) {
  v1::X509Data out;
  out.mutable_certificate()->set_encoding_type("hexBinary");
  out.mutable_certificate()->set_hex(lab_keys().site_server.certificate());
  return to_xml(out);
}

struct Command {
  std::string_view name;
  std::string_view route;  // as faults name it
  std::string (*answer)(const Asked&);
};
constexpr std::array kCommands = {
    Command{"MPLIST", "mplist", mp_list_plain},
    Command{"MPLIST1", "mplist1", mp_list_with_site},
    Command{"MPLIST2", "mplist2", mp_list_with_site},
    Command{"MPCERT", "mpcert", mp_certificate},
    Command{"MPCERT2", "mpcert2", mp_certificates},
    Command{"MPKEYINFORMATION", "mpkeyinformation", key_information},
    Command{"MPKEYINFORMATIONEX", "mpkeyinformationex", key_information},
    Command{"MPTRK", "mptrk", trusted_root_key},
    Command{"SITESIGNCERT", "sitesigncert", site_signing_certificate},
};

std::shared_ptr<const wire::Topic> topic_of(std::string_view route) {
  wire::Topic topic;
  topic.route = route;
  return std::make_shared<const wire::Topic>(std::move(topic));
}
}  // namespace

wire::Reply answer_auth(const wire::Request& request, const Site& site, const std::string& mp_url) {
  wire::Reply reply;
  const auto query = percent_decode(request.query);
  const auto arguments = split(query ? std::string_view(*query) : std::string_view(), '&');
  const auto* command = std::find_if(kCommands.begin(), kCommands.end(),
                                     [&](const Command& c) { return iequals(c.name, trim(arguments[0])); });
  if (command == kCommands.end()) {
    reply.status = 500;
    return reply;
  }
  reply.topic = topic_of(command->route);
  const std::string host = host_of_url(mp_url);
  reply.set("Content-Type", "text/xml");
  reply.body = wire::Body(command->answer({site, host, arguments.size() > 1 ? trim(arguments[1]) : ""}));
  return reply;
}

}  // namespace smslab::mp
