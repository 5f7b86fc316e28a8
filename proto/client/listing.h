// Listing: what a DP says a package consists of, and whether a client may believe it.
//
//   ASSIGN_OR_RETURN(auto items, dav::read_multistatus(xml));
//   ASSIGN_OR_RETURN(Listing listing, make_listing(items, "/SMS_DP_SMSPKGC$/LON00001"));
//
// kInvalidArgument, the whole listing refused, when an item stands outside the content root, has a name that cannot be
// a package's (names.h), appears twice, is a file and a folder, or the sizes overflow. Only the path of an href counts:
// a peer cannot send the client to another host. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "proto/base/status.h"
#include "proto/dav/propfind.h"

namespace smslab::client {

struct ListedFile {
  std::string path;    // relative, '/'-separated, checked
  std::string target;  // where it is on the DP, percent-encoded
  uint64_t size = 0;
};

struct Listing {
  std::vector<std::string> folders;
  std::vector<ListedFile> files;
  uint64_t bytes = 0;

  // Equal when two listings name the same files and folders, in whatever order; sizes do not count.
  std::string names_digest() const;
};

// `root`: target of the content root, without a slash at its end.
Result<Listing> make_listing(const std::vector<dav::ListedItem>& items, std::string_view root);

}  // namespace smslab::client
