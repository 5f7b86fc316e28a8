#include "mp/policy_download.h"

#include "mp/policy_body.h"
#include "proto/base/digest.h"
#include "proto/base/ids.h"
#include "proto/base/text.h"
#include "proto/base/uri.h"
#include "proto/wire/entity.h"
#include "store/tables.h"

namespace smslab::mp {
namespace {
constexpr size_t kAdvertIdSize = 8;

Status unknown() { return not_found("no such policy"); }

// The site's policy with this ID, in any letter case. An advertisement's begins with its own ID.
Result<PolicyBody> find_policy(const Site& site, std::string_view id) {
  if (iequals(id, kSettingsPolicyId)) return settings_policy(site);
  const auto advert_id = parse_advert_id(id.substr(0, kAdvertIdSize), "policy");
  if (!advert_id.ok()) return unknown();
  const auto txn = site.store.read();
  ASSIGN_OR_RETURN(const v1::Advert advert, store::kAdverts.get(txn, {*advert_id}));
  ASSIGN_OR_RETURN(const v1::Package package, store::kPackages.get(txn, {advert.package()}));
  const v1::Program* program = find_program(package, advert.program());
  if (program == nullptr || !iequals(id, policy_id(advert.id(), package.id(), program->name()))) return unknown();
  return advert_policy(site, advert, package, *program);
}

// "1_00" or "SHA256:<hex>".
bool names_version(std::string_view text, const PolicyBody& body, const std::string& sha256) {
  constexpr std::string_view kByDigest = "SHA256:";
  if (istarts_with(text, kByDigest)) return iequals(text.substr(kByDigest.size()), sha256);
  return text == std::to_string(body.version) + "_00";
}
}  // namespace

Result<wire::Reply> serve_policy(const wire::Request& request, const Site& site) {
  const auto query = percent_decode(request.query);
  if (!query) return unknown();
  const std::string_view asked = split(*query, '&').front();
  const size_t dot = asked.rfind('.');
  if (dot == std::string_view::npos) return unknown();
  ASSIGN_OR_RETURN(PolicyBody body, find_policy(site, asked.substr(0, dot)));
  const std::string sha256 = digest_hex(Algorithm::kSha256, body.bytes);
  if (!names_version(asked.substr(dot + 1), body, sha256)) return unknown();
  return wire::entity_reply(request, {.body = wire::Body(std::move(body.bytes)),
                                      .content_type = "text/xml",
                                      .etag = '"' + sha256 + '"',
                                      .modified = std::nullopt});
}

}  // namespace smslab::mp
