#include "mp/policy_download.h"

#include "proto/base/text.h"
#include "proto/base/uri.h"
#include "proto/wire/entity.h"

namespace smslab::mp {
namespace {
Status unknown() { return not_found("no such policy"); }

// "1_00" or "SHA256:<hex>".
bool names_version(std::string_view text, const Policy& policy) {
  constexpr std::string_view kByDigest = "SHA256:";
  if (istarts_with(text, kByDigest)) return iequals(text.substr(kByDigest.size()), policy.sha256);
  return text == std::to_string(policy.version) + "_00";
}
}  // namespace

Result<wire::Reply> serve_policy(const wire::Request& request, const Site& site) {
  const auto query = percent_decode(request.query);
  if (!query) return unknown();
  const std::string_view asked = split(*query, '&').front();
  const size_t dot = asked.rfind('.');
  if (dot == std::string_view::npos) return unknown();
  ASSIGN_OR_RETURN(const auto policies, site.policies->current(site, site.store.read()));
  const Policy* policy = policies->find(asked.substr(0, dot));
  if (policy == nullptr || !names_version(asked.substr(dot + 1), *policy)) return unknown();
  return wire::entity_reply(request, *policy->entity);
}

}  // namespace smslab::mp
