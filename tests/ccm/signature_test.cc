#include "proto/ccm/signature.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "proto/base/hex.h"
#include "proto/base/time_text.h"
#include "proto/base/utf16.h"
#include "proto/ccm/envelope.h"
#include "proto/codec/xml.h"
#include "tests/support/golden.h"
#include "tests/support/recorded.h"

namespace smslab::ccm {
namespace {
using smslab::testing::recorded;
using smslab::testing::test_data;

Envelope post(const std::string& name) {
  const auto whole = recorded("requests/" + name);
  auto in = read_request(whole.field("Content-Type"), whole.body);
  EXPECT_TRUE(in.ok()) << in.status().to_string();
  return *std::move(in);
}

std::string flipped(std::string bytes, size_t at) {
  bytes[at] = static_cast<char>(bytes[at] ^ 1);
  return bytes;
}

// The signature is good as it is, and bad with one bit of the text or of the signature turned.
void expect_signs(const std::string& key, const std::string& bytes, const std::string& signature) {
  EXPECT_EQ(verify(key, bytes, signature), ok_status());
  for (const size_t at : {size_t{0}, bytes.size() / 2, bytes.size() - 1}) {
    EXPECT_EQ(verify(key, flipped(bytes, at), signature).code(), Code::kUnauthenticated) << at;
  }
  const std::string raw = *from_hex(signature);
  for (const size_t at : {size_t{0}, raw.size() / 2, raw.size() - 1}) {
    EXPECT_EQ(verify(key, bytes, to_hex(flipped(raw, at))).code(), Code::kUnauthenticated) << at;
  }
  EXPECT_EQ(verify(key, bytes, "").code(), Code::kUnauthenticated);
  EXPECT_EQ(verify(key, bytes, signature.substr(1)).code(), Code::kUnauthenticated);
  EXPECT_EQ(verify(key, bytes, "not hex").code(), Code::kUnauthenticated);
}

TEST(Signature, RecordedRegistrationVerifies) {
  const std::string xml = post("10-client-registration").documents.front();
  v1::ClientRegistrationRequest request;
  ASSERT_EQ(codec::from_xml(xml, &request), ok_status());
  const auto key = public_key_of_certificate(request.data().certificates().signing().hex());
  ASSERT_TRUE(key.ok()) << key.status().to_string();
  const auto bytes = registration_bytes(xml);
  ASSERT_TRUE(bytes.ok()) << bytes.status().to_string();
  expect_signs(*key, *bytes, request.signature().signature_value());
}

TEST(Signature, RecordedHooksVerify) {
  for (const char* name : {"12-policy-assignments", "15-status-hash-mismatch"}) {
    const Envelope in = post(name);
    const std::string key = in.hook_property("clientauth", "PublicKey");
    EXPECT_EQ(*public_key_of_certificate(test_data("wire/client.pem")), key);
    expect_signs(key, client_id_bytes(in.header.source_id()), in.hook_property("clientauth", "ClientIDSignature"));
    expect_signs(key, in.payload, in.hook_property("clientauth", "PayloadSignature"));
    EXPECT_EQ(verify(key, utf16le_from_utf8(in.header.source_id()), in.hook_property("clientauth", "ClientIDSignature"))
                  .code(),
              Code::kUnauthenticated);  // without the NUL
  }
}

TEST(Signature, CertificatesAsPemOrHex) {
  const auto hex = certificate_hex(test_data("wire/client.pem"));
  ASSERT_TRUE(hex.ok()) << hex.status().to_string();
  EXPECT_TRUE(hex->starts_with("30820341"));
  EXPECT_EQ(*certificate_hex(*hex), *hex);
  EXPECT_EQ(*public_key_of_certificate(*hex), *public_key_of_certificate(test_data("wire/client.pem")));
  for (const std::string& bad : {std::string(), std::string("30"), hex->substr(0, hex->size() - 2), std::string("zz"),
                                 std::string("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")}) {
    EXPECT_EQ(certificate_hex(bad).status().code(), Code::kInvalidArgument) << bad;
    EXPECT_EQ(public_key_of_certificate(bad).status().code(), Code::kInvalidArgument) << bad;
  }
}

TEST(Signature, EveryPrefixOfABlobIsRefused) {
  const std::string key = *public_key_of_certificate(test_data("wire/client.pem"));
  const std::string signature = post("12-policy-assignments").hook_property("clientauth", "PayloadSignature");
  for (size_t size = 0; size < key.size(); size++) {
    EXPECT_EQ(verify(key.substr(0, size), "x", signature).code(), Code::kUnauthenticated) << size;
  }
}

TEST(Signature, KeysThatAreNoneAreRefused) {
  EXPECT_EQ(public_key_of_certificate(test_data("ccm/zero-modulus.pem")).status().code(), Code::kInvalidArgument);
  const std::string key = *public_key_of_certificate(test_data("wire/client.pem"));
  const std::string signature = post("12-policy-assignments").hook_property("clientauth", "PayloadSignature");
  const std::string head = key.substr(0, 40);
  const std::string zero = head + std::string(key.size() - 40, '0');
  std::string even = key;
  even.replace(40, 2, "00");
  std::string exponent = key;
  exponent.replace(32, 8, "00000000");
  for (const std::string& bad : {zero, even, exponent}) {
    EXPECT_EQ(verify(bad, "x", signature).code(), Code::kUnauthenticated);
  }
}

TEST(SigningKey, SignsWhatVerifyAccepts) {
  const auto made = SigningKey::generate("WRK-LON-001", *parse_rfc3339("2026-11-21T20:00:00Z"));
  ASSERT_TRUE(made.ok()) << made.status().to_string();
  EXPECT_EQ(made->public_key().size(), 2u * 276);
  EXPECT_TRUE(made->public_key().starts_with("0602000000A40000525341310008000001000100"));
  EXPECT_EQ(*public_key_of_certificate(made->certificate()), made->public_key());
  expect_signs(made->public_key(), "some bytes", made->sign("some bytes"));

  const auto back = SigningKey::from_pem(made->to_pem());
  ASSERT_TRUE(back.ok()) << back.status().to_string();
  EXPECT_EQ(back->certificate(), made->certificate());
  EXPECT_EQ(back->sign("some bytes"), made->sign("some bytes"));
}

TEST(SigningKey, RefusesPemsWithoutAKeyOfTheirCertificate) {
  const std::string certificate = test_data("wire/client.pem");
  const auto made = SigningKey::generate("X", *parse_rfc3339("2026-11-21T20:00:00Z"));
  ASSERT_TRUE(made.ok());
  const std::string pem = made->to_pem();
  const std::string key_only = pem.substr(0, pem.find("-----BEGIN CERTIFICATE"));
  for (const std::string& bad : {std::string(), certificate, key_only, key_only + certificate}) {
    EXPECT_EQ(SigningKey::from_pem(bad).status().code(), Code::kInvalidArgument);
  }
}
}  // namespace
}  // namespace smslab::ccm
