// PartialContent: a package's files while they are under way, so that a later run goes on where this one was cut.
//
//   ASSIGN_OR_RETURN(auto partial, PartialContent::open(env, cache + "/LON00001.1.partial", listing));
//   partial->etag("Sub/b.txt");                       // validator of the bytes that are there; "" when none are
//   partial->note("Sub/b.txt", "\"1F8A...\"");
//
// The folder holds content/ and a journal: one line for the names in the listing, then one for each file that was
// begun. When the listing names other files than the last one did, everything begins anew. The journal is appended to:
// a torn last line is dropped at the next open. One thread.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "proto/base/env.h"
#include "proto/base/status.h"
#include "proto/client/listing.h"

namespace smslab::client {

class PartialContent {
 public:
  static Result<PartialContent> open(Env& env, const std::string& folder, const Listing& listing);

  static std::string content_folder(const std::string& folder) { return folder + "/content"; }
  std::string path_of(const std::string& file) const { return content_folder(folder_) + "/" + file; }
  std::string etag(const std::string& file) const;
  Status note(const std::string& file, const std::string& etag);

 private:
  explicit PartialContent(std::string folder) : folder_(std::move(folder)) {}

  std::string folder_;
  std::map<std::string, std::string> etags_;
  std::unique_ptr<WritableFile> journal_;
};

}  // namespace smslab::client
