#include "mp/spoilt_policy.h"

#include <utility>

#include "proto/base/utf16.h"
#include "proto/fault/sayings.h"

namespace smslab::mp {
namespace {
using Rule = v1::FaultRule;

// The first '<' of the last "</" begins an element that does not end.
void leave_open(std::string* bytes) {
  const std::string end = utf16le_from_utf8("</");
  const size_t at = bytes->rfind(end);
  if (at != std::string::npos) bytes->erase(at + 2, 2);
}

void spoil_text(v1::PolicyBody::How how, std::string* bytes) {
  switch (how) {
    case v1::PolicyBody::MALFORMED: leave_open(bytes); return;
    case v1::PolicyBody::CUT: bytes->resize(bytes->size() / 2 / 2 * 2); return;  // whole characters
    case v1::PolicyBody::UTF8:
    case v1::PolicyBody::UTF8_AS_UTF16:
      if (auto text = utf8_from_utf16le(*bytes); text.ok()) {
        *bytes = how == v1::PolicyBody::UTF8 ? *std::move(text) : "\xFF\xFE" + *text;
      }
      return;
    default: return;
  }
}
}  // namespace

bool about_package(const Rule& rule) {
  return rule.policy_body().how() == v1::PolicyBody::PACKAGE_HASH ||
         rule.policy_body().how() == v1::PolicyBody::PACKAGE_VERSION;
}

bool spoil_package(uint64_t seed, const Rule& rule, v1::Package* package) {
  const v1::PolicyBody& effect = rule.policy_body();
  if (package->source_version() == 0) return false;  // no content, so neither hash nor version
  if (effect.how() == v1::PolicyBody::PACKAGE_VERSION) {
    const int64_t version = int64_t{package->source_version()} + (effect.by() == 0 ? 1 : effect.by());
    if (version < 1 || version > UINT32_MAX) return false;
    package->set_source_version(static_cast<uint32_t>(version));
    return true;
  }
  v1::Hash& hash = *package->mutable_hash();
  if (hash.sha256().empty()) return false;
  for (std::string* hex : {hash.mutable_md5(), hash.mutable_sha1(), hash.mutable_sha256()}) {
    *hex = fault::wrong_hex(seed, rule, package->id() + " package", *hex);
  }
  return true;
}

bool spoil_policy(const Site& site, const PolicySet& policies, size_t place, const Rule& rule, PolicyChange* change) {
  if (!about_package(rule)) {
    change->bytes = [before = std::move(change->bytes), how = rule.policy_body().how()](std::string* bytes) {
      if (before) before(bytes);
      spoil_text(how, bytes);
    };
    return true;
  }
  const v1::Package* package = policies.package_of(place);
  if (package == nullptr) return false;
  v1::Package wrong = change->package.value_or(*package);
  if (!spoil_package(site.rules->seed(), rule, &wrong)) return false;
  change->package = std::move(wrong);
  return true;
}

void spoil_hashes(uint64_t seed, const Rule& rule, const std::string& id, std::string* hash, std::string* hash_ex) {
  *hash = fault::wrong_hex(seed, rule, id + " md5", *hash);
  *hash_ex = fault::wrong_hex(seed, rule, id + " sha1", *hash_ex);
}

}  // namespace smslab::mp
