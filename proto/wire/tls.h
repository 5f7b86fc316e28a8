// Tls: TLS 1.2 and 1.3 on the client plane.
//
//   ASSIGN_OR_RETURN(const auto tls, Tls::open(identity));      // PEM: certificate (with its chain) and key
//   std::unique_ptr<Link> link = tls->link(std::move(fd));       // the handshake is part of its first read
//
// http and https share a port: a TLS connection begins with the byte 0x16, which begins no HTTP request (Link tells).
// Thread-safe; a link keeps what it needs alive.
#pragma once

#include <memory>
#include <mutex>
#include <string>

#include "proto/base/fd.h"
#include "proto/base/status.h"
#include "proto/wire/link.h"

namespace smslab::wire {

struct TlsIdentity {
  std::string certificate;  // PEM, leaf first
  std::string key;          // PEM, without a passphrase
};

class Tls {
 public:
  // kInvalidArgument (field "--tls-cert" or "--tls-key") for what is no certificate, no key, or not a pair.
  static Result<std::unique_ptr<Tls>> open(const TlsIdentity& identity);
  // The lab's own. Made when the first connection wants it: a quarter of a start, for those that never use https.
  static std::unique_ptr<Tls> of_lab();
  ~Tls();

  // kOld: TLS 1.0 and 1.1 alone, which today's clients refuse.
  enum class Versions { kUsual, kOld };
  std::unique_ptr<Link> link(UniqueFd fd, Versions versions = Versions::kUsual) const;

 private:
  struct Context;
  Tls();
  static Result<std::unique_ptr<const Context>> make(const TlsIdentity& identity);
  mutable std::once_flag first_;
  mutable std::unique_ptr<const Context> context_;  // null: the lab's, and nobody has asked yet
};

}  // namespace smslab::wire
