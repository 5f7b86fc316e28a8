// DpSecret: how a site and a DP in a process of its own know each other. Both have the same token file; what it holds
// never crosses the wire and is never stored.
//
//   ASSIGN_OR_RETURN(DpSecret secret, DpSecret::read(env, "token.txt", "--token-file"));
//   announcement.set_proof(secret.prove(announcement));             // the DP, to POST /api/v1/dps
//   welcome.set_proof(secret.prove(welcome, announcement));         // the site's answer
//   HttpClient http({.base = control_url, .token = secret.token("LON-DP-02")});   // the site, to the DP's control side
//
// Proofs are HMAC-SHA-256 of what they vouch for, in upper-case hex: a proof that is overheard can be repeated, and
// then says the same again, but cannot be put to another address. The token is one DP's alone. Both cross plain HTTP:
// they keep strangers out of a lab, not wire-tappers. Thread-safe.
#pragma once

#include <string>

#include "proto/base/env.h"
#include "proto/base/status.h"
#include "proto/schema/control.pb.h"

namespace smslab::control {

class DpSecret {
 public:
  explicit DpSecret(std::string secret) : secret_(std::move(secret)) {}
  // The file's text without the blanks around it; kInvalidArgument, naming `field`, when nothing is left.
  static Result<DpSecret> read(Env& env, const std::string& path, const std::string& field);

  std::string token(const std::string& dp) const;
  std::string prove(const v1::DpAnnouncement& announcement) const;
  std::string prove(const v1::DpWelcome& welcome, const v1::DpAnnouncement& announcement) const;

  bool vouches_for(const v1::DpAnnouncement& announcement) const;
  bool vouches_for(const v1::DpWelcome& welcome, const v1::DpAnnouncement& announcement) const;

 private:
  std::string secret_;
};

}  // namespace smslab::control
