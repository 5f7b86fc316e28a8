// Symptoms: what a correct client shows for a trouble that it meets (facts: semantics 9, 7.5 and 7.7; protocol 8.2, 9).
//
//   v1::ClientSymptom told = symptom_of(Trouble::kHashMismatch, "LON00001.1");
#pragma once

#include <string>
#include <string_view>

#include "proto/schema/fault.pb.h"

namespace smslab::fault {

enum class Trouble {
  kNone,              // nothing is known, or nothing is to be seen
  kHashMismatch,      // content does not have the hash of policy
  kNoLocations,       // a package has no distribution point for it
  kDeadLocation,      // one that does not answer
  kNoSettings,        // the client agent's policy is missing
  kNoReply,           // an empty 200 from the MP
  kBadStatus,         // another one than 200 from the MP
  kPolicyDownload,    // a policy body cannot be had, or not be used
  kEmptyListing,      // a package that has files, and none is listed
  kFileNotFound,      // 404 for a file that is listed
  kNoContent,         // 404 for the package's listing
  kUnauthorized,      // 401
  kForbidden,         // 403
  kMethodNotAllowed,  // 405 to PROPFIND
  kMissingSize,       // HEAD does not tell the size
  kNoRanges,          // GET does not give the range
  kCutOff,            // again and again
  kNotReachable,      // no connection, or none that lasts, to a distribution point
  kMpDown,            // nor to the management point
  kUntrusted,         // its certificate is wrong
  // ---- of the client alone
  kBitsDisabled,
  kCacheTooSmall,
  kCacheFull,
  kPathTooLong,
  kNotDue,
  kExceededTime,
  kProgramDiskFull,
};

// `content`, "LON00001.1", stands in the line; when it is not known the line ends before it.
v1::ClientSymptom symptom_of(Trouble trouble, std::string_view content = {});

}  // namespace smslab::fault
