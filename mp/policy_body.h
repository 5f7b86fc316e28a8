// Policy bodies: what a client's policy says, made of the site's model (facts: protocol 5, semantics 2.7, 6.5, 7.2).
//
//   PolicyBody body = advert_policy(site, advert, package, program, false);
//   body.id;      // "LON20000-LON00001-4A48FD56"
//   body.bytes;   // the HTTP entity: UTF-16LE with BOM
//
// Functions of the records, the site's code and its profile alone: the same bytes at every call.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "mp/site.h"
#include "proto/schema/site.pb.h"

namespace smslab::mp {

struct PolicyBody {
  std::string id;
  uint32_t version = 1;
  std::string bytes;
};

// What an advert brings to its clients: its program, and each one that must run before it (dependencies.h), which comes
// without an assignment of its own.
PolicyBody advert_policy(const Site& site, const v1::Advert& advert, const v1::Package& package,
                         const v1::Program& program, bool dependent);

// The package's hash that a policy of this profile says.
const std::string& told_package_hash(const Profile& profile, const v1::Package& package);

// The software distribution settings that every client needs (semantics 7.7), one policy for the whole site.
inline constexpr std::string_view kSettingsPolicyId = "{5C4E1F5A-9B1D-4E37-8C52-6A0F3D7B2E11}";
PolicyBody settings_policy(const Site& site, bool enabled, uint32_t version);

}  // namespace smslab::mp
