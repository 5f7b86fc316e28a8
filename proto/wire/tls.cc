#include "proto/wire/tls.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <limits>

#include "proto/wire/lab_certificate.h"

namespace smslab::wire {
namespace {
constexpr size_t kRecordBytes = size_t{16} * 1024;
constexpr size_t kRecords = 4;  // that leave together
constexpr const char* kCiphers12 = "ECDHE+AESGCM:ECDHE+CHACHA20";
constexpr const char* kCiphersOld = "ECDHE+AES:AES:@SECLEVEL=0";  // else OpenSSL takes no version before 1.2
constexpr const char* kCiphers13 = "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256";

struct Free {
  void operator()(BIO* bio) const { ::BIO_free(bio); }
  void operator()(X509* certificate) const { ::X509_free(certificate); }
  void operator()(EVP_PKEY* key) const { ::EVP_PKEY_free(key); }
  void operator()(SSL_CTX* context) const { ::SSL_CTX_free(context); }
  void operator()(SSL* ssl) const { ::SSL_free(ssl); }
};
template <class T>
using Owned = std::unique_ptr<T, Free>;

Owned<BIO> memory(const std::string& text) {
  return Owned<BIO>(::BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

int no_passphrase(char*, int, int, void*) { return 0; }

Status use_certificate(SSL_CTX* context, const std::string& pem) {
  const Status bad = invalid_argument("this is no PEM certificate that OpenSSL would use", "--tls-cert");
  const auto text = memory(pem);
  const Owned<X509> leaf(::PEM_read_bio_X509(text.get(), nullptr, no_passphrase, nullptr));
  if (!leaf || ::SSL_CTX_use_certificate(context, leaf.get()) != 1) return bad;
  while (Owned<X509> next{::PEM_read_bio_X509(text.get(), nullptr, no_passphrase, nullptr)}) {
    if (::SSL_CTX_add1_chain_cert(context, next.get()) != 1) return bad;
  }
  const bool end = ERR_GET_REASON(::ERR_peek_last_error()) == PEM_R_NO_START_LINE;
  ::ERR_clear_error();
  return end ? Status() : bad;
}

Status use_key(SSL_CTX* context, const std::string& pem) {
  const auto text = memory(pem);
  const Owned<EVP_PKEY> key(::PEM_read_bio_PrivateKey(text.get(), nullptr, no_passphrase, nullptr));
  if (!key) return invalid_argument("this is no PEM key, or it has a passphrase", "--tls-key");
  if (::SSL_CTX_use_PrivateKey(context, key.get()) != 1) {
    ::ERR_clear_error();
    return invalid_argument("the key does not belong to the certificate", "--tls-key");
  }
  return {};
}

// "http/1.1" where the client names it; no other protocol is spoken, and without ALPN it is the default.
int choose_protocol(SSL*, const unsigned char** out, unsigned char* size, const unsigned char* offered,
                    unsigned int offered_size, void*) {
  static constexpr unsigned char kHttp11[] = "\x08http/1.1";
  unsigned char* chosen = nullptr;
  const int found = ::SSL_select_next_proto(&chosen, size, kHttp11, sizeof kHttp11 - 1, offered, offered_size);
  *out = chosen;
  return found == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_NOACK;
}

// Whether the kernel has TLS: asked of a socket that is not connected, which a kernel that has it says.
bool kernel_has_tls() {
  static const bool has = [] {
    const UniqueFd probe(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    return ::setsockopt(probe.get(), IPPROTO_TCP, TCP_ULP, "tls", sizeof "tls") == 0 || errno == ENOTCONN;
  }();
  return has;
}
// What one call into OpenSSL has for the wire: several records, which then leave in one system call. A worker's own.
std::string& flight() {
  static thread_local std::string bytes;
  return bytes;
}

// Plain bytes on their way into records. A worker's own.
std::span<char> plain_bytes() {
  static thread_local std::array<char, kRecords * kRecordBytes> bytes;
  return bytes;
}

// OpenSSL's end of the socket where the kernel does no TLS: it reads from it directly and writes into flight().
namespace socket_bio {
struct Socket {
  int fd = -1;
  bool drained = false;  // by the last read
};

int read(BIO* bio, char* into, int size) {
  auto* const socket = static_cast<Socket*>(::BIO_get_data(bio));
  const ssize_t got = again([&] { return ::recv(socket->fd, into, static_cast<size_t>(size), MSG_DONTWAIT); });
  socket->drained = got < size;
  ::BIO_clear_retry_flags(bio);
  if (got < 0 && errno == EAGAIN) ::BIO_set_retry_read(bio);
  return static_cast<int>(got);
}

int write(BIO*, const char* bytes, int size) {
  flight().append(bytes, static_cast<size_t>(size));
  return size;
}

long control(BIO*, int command, long, void*) { return command == BIO_CTRL_FLUSH ? 1 : 0; }

BIO_METHOD* method() {
  static BIO_METHOD* const made = [] {
    BIO_METHOD* m = ::BIO_meth_new(::BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "smslab socket");
    ::BIO_meth_set_read(m, read);
    ::BIO_meth_set_write(m, write);
    ::BIO_meth_set_ctrl(m, control);
    return m;
  }();
  return made;
}

bool attach(SSL* ssl, Socket* socket) {
  BIO* const bio = ::BIO_new(method());
  if (bio == nullptr) return false;
  ::BIO_set_data(bio, socket);
  ::BIO_set_init(bio, 1);
  ::SSL_set_bio(ssl, bio, bio);
  return true;
}
}  // namespace socket_bio

class TlsLink final : public Link {
 public:
  TlsLink(Owned<SSL> ssl, UniqueFd fd) : fd_(std::move(fd)), ssl_(std::move(ssl)) {}
  bool attach() {
    return kernel_has_tls() ? ::SSL_set_fd(ssl_.get(), fd_.get()) == 1 : socket_bio::attach(ssl_.get(), &socket_);
  }
  ~TlsLink() override {
    if (!broken_) say_goodbye();  // some clients take an end without it for a cut
  }

  int fd() const override { return fd_.get(); }
  bool secure() const override { return true; }
  bool opening() const override { return !::SSL_is_init_finished(ssl_.get()); }
  std::string_view problem() const override { return problem_; }
  UniqueFd release() override { return std::move(fd_); }

  IoResult read(std::span<char> buffer) override {
    if (!waiting_.empty()) {  // what OpenSSL answers by itself must not pile up
      if (const IoResult sent = flush(); sent.io != Io::kOk) return sent;
    }
    socket_.drained = false;  // SSL_read may be served from what it has read ahead
    ::ERR_clear_error();
    IoResult got = called(::SSL_read(ssl_.get(), buffer.data(), clamped(buffer.size())));
    got.drained = socket_.drained && ::SSL_has_pending(ssl_.get()) == 0;
    const IoResult sent = flush();  // handshake messages and alerts
    if (got.io != Io::kWantRead) return got;
    if (sent.io != Io::kOk) return sent;
    return kernel_has_tls() || got.drained ? got : IoResult{Io::kAgain};
  }

  IoResult write(std::span<const iovec> parts, bool more_follows) override {
    const std::span<char> plain = plain_bytes();
    size_t size = 0;
    for (const iovec& part : parts) {
      const size_t fits = std::min(part.iov_len, plain.size() - size);
      std::memcpy(plain.data() + size, part.iov_base, fits);
      size += fits;
    }
    return put(plain.first(size), more_follows);
  }

  IoResult send_file(const ReadableFile& file, uint64_t offset, uint64_t size) override {
    if (file.fd() >= 0 && BIO_get_ktls_send(::SSL_get_wbio(ssl_.get())) != 0) return send_by_kernel(file, offset, size);
    std::span<char> plain = plain_bytes();
    plain = plain.first(static_cast<size_t>(std::min<uint64_t>(size, plain.size())));
    const auto got = file.pread(offset, plain);
    if (!got.ok() || *got == 0) return {Io::kEnd};
    return put(plain.first(*got), false);
  }

  // Sends what was left over and what the last call has made; the socket may take it in parts.
  IoResult flush() override {
    std::string& fresh = flight();
    while (!waiting_.empty() || !fresh.empty()) {
      const iovec parts[] = {{waiting_.data(), waiting_.size()}, {fresh.data(), fresh.size()}};
      msghdr message{};
      message.msg_iov = const_cast<iovec*>(parts);
      message.msg_iovlen = std::size(parts);
      const ssize_t put = again([&] { return ::sendmsg(fd_.get(), &message, MSG_DONTWAIT | MSG_NOSIGNAL); });
      if (put < 0) {
        keep_flight();
        if (errno == EAGAIN) return {Io::kWantWrite};
        broken_ = true;
        return {Io::kError};
      }
      const size_t old = std::min(static_cast<size_t>(put), waiting_.size());
      waiting_.erase(0, old);
      fresh.erase(0, static_cast<size_t>(put) - old);
    }
    if (waiting_.capacity() > kRecordBytes) waiting_ = {};
    return {};
  }

  uint64_t unsent() const override { return waiting_.size() + unsent_of(fd_.get()); }
  void end_sending() override {
    say_goodbye();
    ::shutdown(fd_.get(), SHUT_WR);
  }
  void reset() override {
    broken_ = true;
    reset_on_close(fd_.get());
  }

 private:
  static int clamped(size_t size) { return static_cast<int>(std::min<size_t>(size, std::numeric_limits<int>::max())); }

  void say_goodbye() {
    if (!opening()) ::SSL_shutdown(ssl_.get());
    ::ERR_clear_error();
    (void)flush();
  }

  void keep_flight() {
    waiting_ += flight();
    flight().clear();
  }

  IoResult put(std::span<const char> plain, bool more_follows) {
    if (!waiting_.empty() && (!held_ || waiting_.size() > kRecords * kRecordBytes)) {
      if (const IoResult sent = flush(); sent.io != Io::kOk) return sent;
    }
    ::ERR_clear_error();
    const IoResult result = called(::SSL_write(ssl_.get(), plain.data(), clamped(plain.size())));
    held_ = more_follows && result.io == Io::kOk;
    if (held_) {
      keep_flight();
    } else if (flush().io == Io::kError) {
      return {Io::kError};
    }
    return result;
  }

  IoResult send_by_kernel(const ReadableFile& file, uint64_t offset, uint64_t size) {
    const auto step = static_cast<size_t>(std::min(size, kFileStep));
    const ossl_ssize_t sent = ::SSL_sendfile(ssl_.get(), file.fd(), static_cast<off_t>(offset), step, 0);
    if (sent == 0) return {Io::kEnd};
    return called(static_cast<int>(sent));
  }

  // What a call into OpenSSL came to.
  IoResult called(int result) {
    if (result > 0) return {Io::kOk, static_cast<size_t>(result)};
    switch (::SSL_get_error(ssl_.get(), result)) {
      case SSL_ERROR_WANT_READ: return {Io::kWantRead};
      case SSL_ERROR_WANT_WRITE: return {Io::kWantWrite};
      case SSL_ERROR_ZERO_RETURN: return {Io::kEnd};
      default: break;
    }
    const unsigned long error = ::ERR_peek_error();
    if (error != 0 && ::ERR_reason_error_string(error) != nullptr) problem_ = ::ERR_reason_error_string(error);
    ::ERR_clear_error();
    broken_ = true;
    return {Io::kError};
  }

  UniqueFd fd_;
  socket_bio::Socket socket_{fd_.get()};
  Owned<SSL> ssl_;       // goes before its socket
  std::string waiting_;  // records that the socket has not taken
  bool held_ = false;    // waiting_ waits for what follows, not for the socket
  bool broken_ = false;
  std::string_view problem_;  // static text of OpenSSL's
};

}  // namespace

struct Tls::Context {
  Owned<SSL_CTX> ssl;
};

Result<std::unique_ptr<const Tls::Context>> Tls::make(const TlsIdentity& identity) {
  auto context = std::make_unique<Context>();
  context->ssl.reset(::SSL_CTX_new(::TLS_server_method()));
  SSL_CTX* const ssl = context->ssl.get();
  if (ssl == nullptr) return internal_error("OpenSSL makes no context");
  ::SSL_CTX_set_min_proto_version(ssl, TLS1_2_VERSION);
  ::SSL_CTX_set_cipher_list(ssl, kCiphers12);
  ::SSL_CTX_set_ciphersuites(ssl, kCiphers13);
  ::SSL_CTX_set_options(ssl, SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                 SSL_OP_IGNORE_UNEXPECTED_EOF | SSL_OP_ENABLE_KTLS);
  // An idle connection keeps no buffers. The other two matter where the kernel sends: it may take a part only, and what
  // it does not take is offered again from another place.
  ::SSL_CTX_set_mode(ssl, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                              (kernel_has_tls() ? SSL_MODE_ENABLE_PARTIAL_WRITE : 0));
  // Else a peer that sends key updates without end would keep a worker. (socket_bio knows whether more has come.)
  if (!kernel_has_tls()) ::SSL_CTX_clear_mode(ssl, SSL_MODE_AUTO_RETRY);
  ::SSL_CTX_set_session_cache_mode(ssl, SSL_SESS_CACHE_OFF);  // clients resume by tickets
  ::SSL_CTX_set_read_ahead(ssl, 1);
  ::SSL_CTX_set_alpn_select_cb(ssl, choose_protocol, nullptr);
  RETURN_IF_ERROR(use_certificate(ssl, identity.certificate));
  RETURN_IF_ERROR(use_key(ssl, identity.key));
  return std::unique_ptr<const Context>(std::move(context));
}

Result<std::unique_ptr<Tls>> Tls::open(const TlsIdentity& identity) {
  std::unique_ptr<Tls> tls(new Tls());
  ASSIGN_OR_RETURN(tls->context_, make(identity));
  return tls;
}

std::unique_ptr<Tls> Tls::of_lab() { return std::unique_ptr<Tls>(new Tls()); }

Tls::Tls() = default;
Tls::~Tls() = default;

std::unique_ptr<Link> Tls::link(UniqueFd fd, Versions versions) const {
  std::call_once(first_, [this] {
    if (context_ != nullptr) return;
    if (auto made = make(lab_identity()); made.ok()) context_ = *std::move(made);
  });
  if (context_ == nullptr) return nullptr;
  Owned<SSL> ssl(::SSL_new(context_->ssl.get()));
  if (!ssl) return nullptr;
  if (versions == Versions::kOld) {
    ::SSL_set_min_proto_version(ssl.get(), TLS1_VERSION);
    ::SSL_set_max_proto_version(ssl.get(), TLS1_1_VERSION);
    ::SSL_set_cipher_list(ssl.get(), kCiphersOld);
  }
  ::SSL_set_accept_state(ssl.get());
  auto link = std::make_unique<TlsLink>(std::move(ssl), std::move(fd));
  if (!link->attach()) return nullptr;
  return link;
}

}  // namespace smslab::wire
