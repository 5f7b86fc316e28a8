// TlsProbe: an HttpProbe that speaks TLS. The server's certificate must be good for the address and signed by
// `trusted`.
//
//   TlsProbe probe(at, lab.data() + "/tls.pem");            // a PEM file
//   ASSERT_TRUE(probe.connected()) << probe.problem();      // false when the handshake failed, too
//
// The one place among the tests that knows OpenSSL's TLS; a test that includes it links OpenSSL::SSL. The write side
// cannot be closed alone: end_sending() says close_notify and goes on reading.
#pragma once

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <csignal>

#include "tests/support/http_probe.h"

namespace smslab::test {

class TlsProbe final : public HttpProbe {
 public:
  enum class Versions { kUsual, kOld };  // kOld: 1.0 and 1.1 alone
  TlsProbe(const HostPort& to, const std::string& trusted, const std::string& bind_to = {},
           Versions versions = Versions::kUsual)
      : HttpProbe(to, bind_to), context_(::SSL_CTX_new(::TLS_client_method()), ::SSL_CTX_free) {
    if (versions == Versions::kOld) {
      ::SSL_CTX_set_min_proto_version(context_.get(), TLS1_VERSION);
      ::SSL_CTX_set_max_proto_version(context_.get(), TLS1_1_VERSION);
      ::SSL_CTX_set_cipher_list(context_.get(), "ALL:@SECLEVEL=0");
    }
    ::signal(SIGPIPE, SIG_IGN);  // OpenSSL writes without MSG_NOSIGNAL
    if (!connected() || !handshake(to.host, trusted)) {
      char text[256];
      ::ERR_error_string_n(::ERR_get_error(), text, sizeof text);
      problem_ = text;
      if (ssl_ && ::SSL_get_verify_result(ssl_.get()) != X509_V_OK) {
        problem_ += std::string(": ") + ::X509_verify_cert_error_string(::SSL_get_verify_result(ssl_.get()));
      }
      close();
    }
  }

  const std::string& problem() const { return problem_; }
  std::string version() const { return ::SSL_get_version(ssl_.get()); }
  bool update_key() {
    return ::SSL_key_update(ssl_.get(), SSL_KEY_UPDATE_NOT_REQUESTED) == 1 && ::SSL_do_handshake(ssl_.get()) == 1;
  }
  void end_sending() override { ::SSL_shutdown(ssl_.get()); }

 private:
  bool handshake(const std::string& host, const std::string& trusted) {
    if (::SSL_CTX_load_verify_file(context_.get(), trusted.c_str()) != 1) return false;
    ::SSL_CTX_set_verify(context_.get(), SSL_VERIFY_PEER, nullptr);
    ::SSL_CTX_set_options(context_.get(), SSL_OP_IGNORE_UNEXPECTED_EOF);
    ssl_.reset(::SSL_new(context_.get()));
    if (::X509_VERIFY_PARAM_set1_ip_asc(::SSL_get0_param(ssl_.get()), host.c_str()) != 1) {  // no address but a name
      ::SSL_set1_host(ssl_.get(), host.c_str());
      ::SSL_set_tlsext_host_name(ssl_.get(), host.c_str());
    }
    return ::SSL_set_fd(ssl_.get(), fd()) == 1 && ::SSL_connect(ssl_.get()) == 1;
  }

  ssize_t write_some(std::string_view bytes) override {
    return ::SSL_write(ssl_.get(), bytes.data(), static_cast<int>(bytes.size()));
  }

  ssize_t read_some(char* buffer, size_t size) override {
    const int got = ::SSL_read(ssl_.get(), buffer, static_cast<int>(size));
    if (got > 0) return got;
    const int error = ::SSL_get_error(ssl_.get(), got);
    if (error == SSL_ERROR_ZERO_RETURN) return 0;
    if (error != SSL_ERROR_SYSCALL) errno = error == SSL_ERROR_WANT_READ ? EAGAIN : EPROTO;
    return -1;
  }

  std::unique_ptr<SSL_CTX, decltype(&::SSL_CTX_free)> context_;
  std::unique_ptr<SSL, decltype(&::SSL_free)> ssl_{nullptr, ::SSL_free};
  std::string problem_;
};

}  // namespace smslab::test
