// DpLink: the site's line to one distribution point. The site dials; a DP never does.
//
//   DpLink link(*dps.find("LON-DCSMS-01"));
//   ASSIGN_OR_RETURN(auto missing, link.offer(manifest));
//   for (const auto& sha256 : missing) RETURN_IF_ERROR(link.put(sha256, *blobs.open(sha256)));
//   ASSIGN_OR_RETURN(v1::CommitReply done, link.commit(manifest, overwrite));
//
// Each call is one request on the DP's control listener, and waits for the answer. kUnavailable: the DP did not answer;
// other errors are the DP's own. One user at a time, but for cancel().
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "mp/mp.h"
#include "proto/base/env.h"
#include "proto/control/client.h"
#include "proto/schema/control.pb.h"

namespace smslab::mp {

class DpLink {
 public:
  // `patience`: for a DP that takes the request and says nothing. A commit answers only when gigabytes are durable.
  explicit DpLink(const DpAddress& dp, std::chrono::milliseconds patience = std::chrono::minutes(5));

  Result<std::vector<std::string>> offer(const v1::Manifest& manifest);  // SHA-256 of what it has not
  Status put(const std::string& sha256, std::shared_ptr<const ReadableFile> content);
  Result<v1::CommitReply> commit(const v1::Manifest& manifest, bool overwrite);
  Result<v1::RemovalReply> remove(const std::string& package);  // absent is fine
  // Only what `content` describes, not what has taken its place since.
  Result<v1::RemovalReply> remove(const v1::DpContent& content);
  Result<v1::DamageReply> damage(const v1::DamageRequest& request);
  Result<v1::DamageRemovalReply> lift_damage(const std::string& rule);  // absent is fine
  Result<v1::ValidationReply> validate(const v1::Manifest& manifest);   // reads every byte of the package
  Result<v1::DpInfo> contents();
  void cancel();  // from any thread: the call under way, and every later one, fails

 private:
  control::HttpClient http_;
};

}  // namespace smslab::mp
