// Pretences: what this DP says instead of the truth, when a fault wants it (fault/pretence.h).
//
//   if (const fault::StorePretence* pretence = pretence_of(request)) package = pretend(package, *pretence);
//
// What is installed stays as it is. Pure functions; cost as much as a listing of the package.
#pragma once

#include "dp/contents.h"
#include "dp/listing.h"
#include "proto/fault/pretence.h"

namespace smslab::dp {

const fault::StorePretence* pretence_of(const wire::Request& request);  // nullptr: none, as for every client's request

// The package as it is to be shown: another version, with other files in its listing.
LoadedPtr pretend(const LoadedPtr& installed, const fault::StorePretence& pretence);

// The bytes of a file of `shown` (pretend()'s), or of the beginning of an older version's and the rest of its own.
Result<wire::Body> pretended_body(const Contents& contents, const Loaded& shown, const v1::FileEntry& file,
                                  const fault::StorePretence& pretence);

// The listing, and behind it so many files of nobody's making, below `url`.
Listing and_made_up(Listing listing, uint64_t files, std::string url);

}  // namespace smslab::dp
