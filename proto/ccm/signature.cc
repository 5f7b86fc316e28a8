#include "proto/ccm/signature.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <array>
#include <cstdlib>

#include "proto/base/digest.h"
#include "proto/base/hex.h"
#include "proto/base/text.h"
#include "proto/base/utf16.h"
#include "proto/codec/xml.h"

namespace smslab::ccm {
namespace {
template <auto Free>
struct Freed {
  template <class T>
  void operator()(T* p) const {
    Free(p);
  }
};
using Key = std::unique_ptr<EVP_PKEY, Freed<EVP_PKEY_free>>;
using KeyContext = std::unique_ptr<EVP_PKEY_CTX, Freed<EVP_PKEY_CTX_free>>;
using DigestContext = std::unique_ptr<EVP_MD_CTX, Freed<EVP_MD_CTX_free>>;
using Certificate = std::unique_ptr<X509, Freed<X509_free>>;
using Extension = std::unique_ptr<X509_EXTENSION, Freed<X509_EXTENSION_free>>;
using Memory = std::unique_ptr<BIO, Freed<BIO_free>>;
using Number = std::unique_ptr<BIGNUM, Freed<BN_free>>;
using ParamBuilder = std::unique_ptr<OSSL_PARAM_BLD, Freed<OSSL_PARAM_BLD_free>>;
using Params = std::unique_ptr<OSSL_PARAM, Freed<OSSL_PARAM_free>>;

// What libcrypto notes of a refusal must not be taken for a later TLS call's error on this thread.
struct ErrorQueue {
  ErrorQueue() = default;
  ErrorQueue(const ErrorQueue&) = delete;
  ErrorQueue& operator=(const ErrorQueue&) = delete;
  ~ErrorQueue() { ERR_clear_error(); }
};

// PUBLICKEYBLOB (protocol 3.5): BLOBHEADER {06 02 00 00, CALG_RSA_KEYX or _SIGN}, "RSA1", bits, exponent, modulus, all
// little-endian.
constexpr size_t kBlobHead = 20;
constexpr std::string_view kBlobStart("\x06\x02\x00\x00", 4);
constexpr std::string_view kKeyExchange("\x00\xA4\x00\x00", 4);
constexpr std::string_view kRsa1 = "RSA1";
constexpr size_t kMaxModulus = 2048;        // bytes
constexpr size_t kMaxCertificate = 65'536;  // bytes of DER
constexpr std::chrono::years kValidity{30};
constexpr unsigned kKeyBits = 2048;

const unsigned char* raw(std::string_view bytes) { return reinterpret_cast<const unsigned char*>(bytes.data()); }
void must(bool done) {
  if (!done) std::abort();  // libcrypto is out of memory or broken
}

void append_le32(uint32_t value, std::string* out) {
  for (int shift = 0; shift < 32; shift += 8) out->push_back(static_cast<char>(value >> shift & 0xFF));
}
uint32_t le32(std::string_view bytes) {
  uint32_t value = 0;
  for (size_t i = 0; i < 4; i++) value |= uint32_t{static_cast<unsigned char>(bytes[i])} << (8 * i);
  return value;
}

// What libcrypto and this file can reckon with. A peer chooses both numbers.
bool usable_key(const BIGNUM* modulus, uint64_t exponent) {
  constexpr int kLeastBits = 512;
  return BN_num_bits(modulus) >= kLeastBits && BN_num_bytes(modulus) <= static_cast<int>(kMaxModulus) &&
         BN_is_odd(modulus) == 1 && exponent >= 3 && exponent % 2 == 1;
}

Result<std::string> blob_of(EVP_PKEY* key) {
  BIGNUM *n = nullptr, *e = nullptr;
  const bool rsa = EVP_PKEY_is_a(key, "RSA") == 1 && EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_N, &n) == 1 &&
                   EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_E, &e) == 1;
  const Number modulus(n), exponent(e);
  if (!rsa || BN_num_bits(e) > 32 || !usable_key(n, BN_get_word(e))) {
    return invalid_argument("the certificate's key is not an RSA key that a blob can hold");
  }
  std::string blob(kBlobStart);
  blob += kKeyExchange;
  blob += kRsa1;
  append_le32(static_cast<uint32_t>(BN_num_bits(n)), &blob);
  append_le32(static_cast<uint32_t>(BN_get_word(e)), &blob);
  std::string digits(static_cast<size_t>(BN_num_bytes(n)), '\0');
  must(BN_bn2lebinpad(n, reinterpret_cast<unsigned char*>(digits.data()), static_cast<int>(digits.size())) > 0);
  return to_hex(blob + digits);
}

Result<Key> key_of_blob(std::string_view blob_hex) {
  const auto blob = from_hex(trim(blob_hex));
  if (!blob || blob->size() <= kBlobHead || blob->size() > kBlobHead + kMaxModulus || !blob->starts_with(kBlobStart) ||
      std::string_view(*blob).substr(8, 4) != kRsa1) {
    return invalid_argument("not a PUBLICKEYBLOB");
  }
  const std::string_view modulus = std::string_view(*blob).substr(kBlobHead);
  if ((uint64_t{le32(std::string_view(*blob).substr(12))} + 7) / 8 != modulus.size()) {
    return invalid_argument("the PUBLICKEYBLOB's length is not its key's");
  }
  const Number n(BN_lebin2bn(raw(modulus), static_cast<int>(modulus.size()), nullptr));
  must(n != nullptr);
  const uint32_t exponent = le32(std::string_view(*blob).substr(16));
  if (!usable_key(n.get(), exponent)) return invalid_argument("the PUBLICKEYBLOB holds no usable RSA key");
  const ParamBuilder builder(OSSL_PARAM_BLD_new());
  must(builder && OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_N, n.get()) == 1 &&
       OSSL_PARAM_BLD_push_uint32(builder.get(), OSSL_PKEY_PARAM_RSA_E, exponent) == 1);
  const Params params(OSSL_PARAM_BLD_to_param(builder.get()));
  const KeyContext context(EVP_PKEY_CTX_new_from_name(nullptr, "RSA", nullptr));
  EVP_PKEY* key = nullptr;
  if (!params || !context || EVP_PKEY_fromdata_init(context.get()) != 1 ||
      EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_PUBLIC_KEY, params.get()) != 1) {
    return invalid_argument("the PUBLICKEYBLOB holds no RSA key");
  }
  return Key(key);
}

Result<Certificate> parse_certificate(std::string_view pem_or_hex) {
  X509* certificate = nullptr;
  if (pem_or_hex.find("-----BEGIN") != std::string_view::npos) {
    const Memory memory(
        BIO_new_mem_buf(pem_or_hex.data(), static_cast<int>(std::min(pem_or_hex.size(), kMaxCertificate))));
    must(memory != nullptr);
    certificate = PEM_read_bio_X509(memory.get(), nullptr, nullptr, nullptr);
  } else if (const auto der = from_hex(trim(pem_or_hex)); der && !der->empty() && der->size() <= kMaxCertificate) {
    const unsigned char* at = raw(*der);
    certificate = d2i_X509(nullptr, &at, static_cast<long>(der->size()));
  }
  if (certificate == nullptr) return invalid_argument("neither a PEM nor a DER certificate in hex");
  return Certificate(certificate);
}

std::string hex_of(X509* certificate) {
  unsigned char* der = nullptr;
  const int size = i2d_X509(certificate, &der);
  must(size > 0);
  std::string hex = to_hex({reinterpret_cast<char*>(der), static_cast<size_t>(size)});
  OPENSSL_free(der);
  return hex;
}

void add_extension(X509* certificate, int nid, const char* value) {
  const Extension extension(X509V3_EXT_conf_nid(nullptr, nullptr, nid, value));
  must(extension && X509_add_ext(certificate, extension.get(), -1) == 1);
}

// Self-signed, with the key usages that real clients' certificates carry (protocol 4.1).
Certificate self_signed(EVP_PKEY* key, std::string_view common_name, LabTime not_before, std::string_view serial) {
  Certificate certificate(X509_new());
  X509* x = certificate.get();
  must(x != nullptr && X509_set_version(x, X509_VERSION_3) == 1);
  const Number number(BN_bin2bn(raw(serial), static_cast<int>(serial.size()), nullptr));
  must(number && BN_to_ASN1_INTEGER(number.get(), X509_get_serialNumber(x)) != nullptr);
  const auto seconds = [](auto time) {
    return static_cast<time_t>(std::chrono::floor<std::chrono::seconds>(time).time_since_epoch().count());
  };
  must(ASN1_TIME_set(X509_getm_notBefore(x), seconds(not_before)) != nullptr &&
       ASN1_TIME_set(X509_getm_notAfter(x), seconds(not_before + kValidity)) != nullptr);
  X509_NAME* name = X509_get_subject_name(x);
  must(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, raw(common_name), static_cast<int>(common_name.size()), -1,
                                  0) == 1 &&
       X509_set_issuer_name(x, name) == 1 && X509_set_pubkey(x, key) == 1);
  add_extension(x, NID_ext_key_usage, "1.3.6.1.4.1.311.101.2, 1.3.6.1.4.1.311.101");
  add_extension(x, NID_key_usage, "digitalSignature, dataEncipherment");
  must(X509_sign(x, key, EVP_sha256()) > 0);
  return certificate;
}
}  // namespace

Result<std::string> public_key_of_certificate(std::string_view certificate_hex) {
  const ErrorQueue cleared;
  ASSIGN_OR_RETURN(const Certificate certificate, parse_certificate(certificate_hex));
  EVP_PKEY* key = X509_get0_pubkey(certificate.get());
  if (key == nullptr) return invalid_argument("the certificate's key cannot be read");
  return blob_of(key);
}

Result<std::string> certificate_hex(std::string_view pem_or_hex) {
  const ErrorQueue cleared;
  ASSIGN_OR_RETURN(const Certificate certificate, parse_certificate(pem_or_hex));
  return hex_of(certificate.get());
}

Status verify(std::string_view blob_hex, std::string_view bytes, std::string_view signature_hex) {
  const ErrorQueue cleared;
  Status refused(Code::kUnauthenticated, "the signature does not verify");
  const auto key = key_of_blob(blob_hex);
  auto signature = from_hex(trim(signature_hex));
  if (!key.ok() || !signature) return refused;
  std::ranges::reverse(*signature);
  const DigestContext context(EVP_MD_CTX_new());
  must(context != nullptr);
  const bool good = EVP_DigestVerifyInit(context.get(), nullptr, EVP_sha256(), nullptr, key->get()) == 1 &&
                    EVP_DigestVerify(context.get(), raw(*signature), signature->size(), raw(bytes), bytes.size()) == 1;
  return good ? ok_status() : refused;
}

std::string client_id_bytes(std::string_view smsid) {
  std::string bytes = utf16le_from_utf8(smsid);
  bytes.append(2, '\0');
  return bytes;
}

Result<std::string> registration_bytes(std::string_view request_xml) {
  ASSIGN_OR_RETURN(const std::string data, codec::xml_element_text(request_xml, "Data"));
  return utf16le_from_utf8(data);
}

struct SigningKey::Impl {
  Key key;
  Certificate certificate;
  std::string certificate_hex, blob_hex;
};

SigningKey::SigningKey(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
SigningKey::SigningKey(SigningKey&&) noexcept = default;
SigningKey& SigningKey::operator=(SigningKey&&) noexcept = default;
SigningKey::~SigningKey() = default;

Result<SigningKey> SigningKey::from_pem(std::string_view pem) {
  const ErrorQueue cleared;
  const Memory memory(BIO_new_mem_buf(pem.data(), static_cast<int>(std::min(pem.size(), kMaxCertificate))));
  must(memory != nullptr);
  auto impl = std::make_unique<Impl>();
  // An empty password: an encrypted key is refused, never asked about on a terminal.
  impl->key.reset(PEM_read_bio_PrivateKey(memory.get(), nullptr, nullptr, const_cast<char*>("")));
  if (!impl->key) return invalid_argument("the PEM holds no private key");
  ASSIGN_OR_RETURN(impl->certificate, parse_certificate(pem));
  if (X509_check_private_key(impl->certificate.get(), impl->key.get()) != 1) {
    return invalid_argument("the PEM's certificate is not of its private key");
  }
  impl->certificate_hex = hex_of(impl->certificate.get());
  ASSIGN_OR_RETURN(impl->blob_hex, blob_of(impl->key.get()));
  return SigningKey(std::move(impl));
}

Result<SigningKey> SigningKey::generate(std::string_view common_name, LabTime not_before) {
  auto impl = std::make_unique<Impl>();
  impl->key.reset(EVP_RSA_gen(kKeyBits));
  if (!impl->key) return internal_error("no RSA key could be generated");
  ASSIGN_OR_RETURN(impl->blob_hex, blob_of(impl->key.get()));
  Hasher serial(Algorithm::kSha1);
  serial.update(impl->blob_hex);
  impl->certificate = self_signed(impl->key.get(), common_name, not_before, serial.finish().substr(0, 16));
  impl->certificate_hex = hex_of(impl->certificate.get());
  return SigningKey(std::move(impl));
}

std::string SigningKey::sign(std::string_view bytes) const {
  const DigestContext context(EVP_MD_CTX_new());
  size_t size = 0;
  must(context && EVP_DigestSignInit(context.get(), nullptr, EVP_sha256(), nullptr, impl_->key.get()) == 1 &&
       EVP_DigestSign(context.get(), nullptr, &size, raw(bytes), bytes.size()) == 1);
  std::string signature(size, '\0');
  must(EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(signature.data()), &size, raw(bytes),
                      bytes.size()) == 1);
  signature.resize(size);
  std::ranges::reverse(signature);
  return to_hex(signature);
}

const std::string& SigningKey::certificate() const { return impl_->certificate_hex; }
const std::string& SigningKey::public_key() const { return impl_->blob_hex; }

std::string SigningKey::to_pem() const {
  const Memory memory(BIO_new(BIO_s_mem()));
  must(memory && PEM_write_bio_PrivateKey(memory.get(), impl_->key.get(), nullptr, nullptr, 0, nullptr, nullptr) == 1 &&
       PEM_write_bio_X509(memory.get(), impl_->certificate.get()) == 1);
  char* text = nullptr;
  const long size = BIO_get_mem_data(memory.get(), &text);
  return {text, static_cast<size_t>(size)};
}

}  // namespace smslab::ccm
