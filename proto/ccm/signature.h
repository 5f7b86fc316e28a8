// Signatures of clients: RSA PKCS#1 v1.5 with SHA-256, bytes reversed, upper-case hex (facts: protocol 3.5).
//
//   Status s = verify(certificate_hex_to_key, signed_bytes, signature_hex);
//
// Keys are public keys, taken from a certificate (DER) or a PUBLICKEYBLOB. Pure functions; nothing here keeps a secret
// but SigningKey, which the reference client and the lab's own MP key use.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "proto/base/clock.h"
#include "proto/base/status.h"

namespace smslab::ccm {

// PUBLICKEYBLOB (hex) of the RSA key in a DER certificate (hex).
Result<std::string> public_key_of_certificate(std::string_view certificate_hex);
// DER in hex of a certificate given as PEM or as DER in hex.
Result<std::string> certificate_hex(std::string_view pem_or_hex);

// OK when `signature_hex` is `blob_hex`'s signature of `bytes`; kUnauthenticated otherwise.
Status verify(std::string_view blob_hex, std::string_view bytes, std::string_view signature_hex);

// What the three signatures cover.
std::string client_id_bytes(std::string_view smsid);                   // "GUID:...", UTF-16LE with a NUL
Result<std::string> registration_bytes(std::string_view request_xml);  // <Data ...>...</Data> as sent, UTF-16LE

class SigningKey {
 public:
  // A PEM with private key and certificate.
  static Result<SigningKey> from_pem(std::string_view pem);
  // A fresh RSA key with a self-signed certificate of this common name (for a client's first start).
  static Result<SigningKey> generate(std::string_view common_name, LabTime not_before);
  SigningKey(SigningKey&&) noexcept;
  SigningKey& operator=(SigningKey&&) noexcept;
  ~SigningKey();

  std::string sign(std::string_view bytes) const;  // reversed, upper-case hex
  const std::string& certificate() const;          // DER in hex
  const std::string& public_key() const;           // PUBLICKEYBLOB in hex
  std::string to_pem() const;

 private:
  struct Impl;
  explicit SigningKey(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace smslab::ccm
