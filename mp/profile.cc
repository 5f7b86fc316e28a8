#include "mp/profile.h"

#include <array>

namespace smslab::mp {
namespace {
// Build numbers: protocol 2.2; the last part of the four-part versions is assumed. The virtual directory and share
// carry the drive letter that packages stand on in the seeds (protocol 6.1, semantics 1.1).
constexpr std::array kProfiles = {
    Profile{.name = "2007",
            .policy_as_mof = false,
            .registration_needed = true,
            .package_hash = Algorithm::kSha1,
            .dp_virtual_directory = "SMS_DP_SMSPKGC$",
            .share = "SMSPKGC$",
            .mp_version = "6487",
            .site_version = "4.00.6487.2000",
            .hash_mismatch_message = 10075,
            .reserved_requirements = true,
            .location_hashes = true},
    Profile{.name = "2003",
            .policy_as_mof = true,
            .registration_needed = false,
            .package_hash = Algorithm::kSha1,
            .dp_virtual_directory = "SMS_DP_SMSPKGC$",
            .share = "SMSPKGC$",
            .mp_version = "4253",
            .site_version = "2.50.4253.3000",
            .hash_mismatch_message = 10075,
            .reserved_requirements = false,
            .location_hashes = false},
};
}  // namespace

Result<const Profile*> profile_for(std::string_view name) {
  for (const Profile& profile : kProfiles) {
    if (profile.name == name) return &profile;
  }
  return invalid_argument("no profile '" + std::string(name) + "'; there are 2007 and 2003", "profile");
}

}  // namespace smslab::mp
