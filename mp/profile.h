// Profile: everything that differs between the eras that one lab can stand in for, in one table.
//
//   const Profile& p = profile_for("2007");     // the default; "2003" is the other
//
// Both profiles answer every request that either era sends; what differs is what the site says by itself. Constant
// data.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "proto/base/digest.h"
#include "proto/base/status.h"

namespace smslab::mp {

struct Profile {
  std::string_view name;                  // "2007"
  bool policy_as_mof;                     // WMI-MOF bodies, else WMI-XML (protocol 5.4, 5.5)
  bool registration_needed;               // before policy is served; 2003 has no registration (protocol 4.1)
  Algorithm package_hash;                 // generation in PKG_SourceHash
  std::string_view dp_virtual_directory;  // in content locations: "SMS_DP_SMSPKGC$" or "SMS_DP_SMSPKG$"
  std::string_view share;                 // SMB share of package folders: "SMSPKGC$"
  std::string_view mp_version;            // build number in MPLIST and locations
  std::string_view site_version;          // four parts
  uint32_t hash_mismatch_message;         // advert-level message of SoftDistAdvertHashMismatchEvent: 10075 or 10057
  bool reserved_requirements;             // PRG_Requirements holds SWDReserved with the package hashes (protocol 5.6)
  bool location_hashes;                   // ContentHashValues in content locations (protocol 4.3)
};

Result<const Profile*> profile_for(std::string_view name);

}  // namespace smslab::mp
