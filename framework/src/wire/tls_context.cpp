#include "wire/tls_context.hpp"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <utility>

#include "wire/resolve.hpp"
#include "wire/tls_refusal.hpp"

namespace callerapi::wire {
namespace {

// Servers give two tickets for each handshake; eight let a burst of connections resume.
constexpr std::size_t sessions_max = 8;
constexpr int security_level = 2;  // Keys of 112 bits and more: no RSA 1024, no SHA-1, no MD5.

constexpr std::size_t name_bytes_max = 255;  // What the field for it holds.

bool is_visible(char c) noexcept { return c > ' ' && c < 0x7f; }

template <auto Free>
struct Freed {
  template <class T>
  void operator()(T* object) const noexcept {
    Free(object);
  }
};
using Bio = std::unique_ptr<BIO, Freed<BIO_free_all>>;
using Certificate = std::unique_ptr<X509, Freed<X509_free>>;
using PrivateKey = std::unique_ptr<EVP_PKEY, Freed<EVP_PKEY_free>>;

Error refuse(const char* reason, std::string message) {
  return {.outcome = Outcome::registry_invalid, .reason = reason, .message = std::move(message)};
}

Bio reader(const std::string& text) {
  return Bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

/// OpenSSL would ask for a pass phrase on the terminal.
int no_phrase(char*, int, int, void*) { return -1; }

/// Every certificate of the text, in order; none when it holds none or a broken one.
std::vector<Certificate> read_certificates(const std::string& pem) {
  std::vector<Certificate> all;
  const Bio bio = reader(pem);
  ERR_clear_error();
  while (X509* one = PEM_read_bio_X509(bio.get(), nullptr, no_phrase, nullptr))
    all.emplace_back(one);
  const auto stop = ERR_peek_last_error();
  ERR_clear_error();
  const bool at_end =
      ERR_GET_LIB(stop) == ERR_LIB_PEM && ERR_GET_REASON(stop) == PEM_R_NO_START_LINE;
  if (!at_end) all.clear();
  return all;
}

Result<void> set_trust(SSL_CTX* context, const std::string& pem) {
  if (pem.empty()) {
    if (SSL_CTX_set_default_verify_paths(context) == 1) return {};
    return refuse("ca", "the system's store of certificates cannot be used; set tls.ca_file");
  }
  const auto trusted = read_certificates(pem);
  if (trusted.empty())
    return refuse("ca",
                  "holds no certificate in PEM form, or a broken one; expected BEGIN "
                  "CERTIFICATE blocks");
  for (const Certificate& one : trusted)
    if (X509_STORE_add_cert(SSL_CTX_get_cert_store(context), one.get()) != 1)
      return refuse("ca", "holds a certificate that OpenSSL refuses");
  return {};
}

Result<void> set_identity(SSL_CTX* context, const TlsSettings& settings) {
  if (settings.cert.empty() && settings.key.empty()) return {};
  const auto chain = read_certificates(settings.cert);
  if (chain.empty())
    return refuse("certificate",
                  "holds no certificate in PEM form, or a broken one; expected "
                  "BEGIN CERTIFICATE blocks, our own first");
  const PrivateKey key(
      PEM_read_bio_PrivateKey(reader(settings.key).get(), nullptr, no_phrase, nullptr));
  ERR_clear_error();
  if (!key)
    return refuse("key", "holds no private key in PEM form that can be read without a pass phrase");
  if (X509_check_private_key(chain.front().get(), key.get()) != 1)
    return refuse("key", "is not the key of the first certificate in tls.cert_file");
  if (SSL_CTX_use_certificate(context, chain.front().get()) != 1)
    return refuse("certificate", "is too weak, or of a kind that TLS cannot use");
  for (std::size_t i = 1; i < chain.size(); ++i)
    if (SSL_CTX_add1_chain_cert(context, chain[i].get()) != 1)
      return refuse("certificate", "has a chain that OpenSSL refuses");
  if (SSL_CTX_use_PrivateKey(context, key.get()) != 1)
    return refuse("key", "is too weak, or of a kind that TLS cannot use");
  return {};
}

}  // namespace

TlsContext::TlsContext(const TlsSettings& settings, const std::string& host, std::uint16_t port)
    : context_(SSL_CTX_new(TLS_client_method())),
      name_(settings.server_name.empty() ? host : settings.server_name),
      own_store_(!settings.ca.empty()) {
  if (name_.ends_with('.')) name_.pop_back();
  where_ = name_ + ":" + std::to_string(port);
  address_ = numeric_address(name_, port).has_value();
  base::Lock lock(mutex_);
  sessions_.reserve(sessions_max + 1);
}

TlsContext::~TlsContext() {
  drop_sessions();
  SSL_CTX_free(context_);
}

Result<std::shared_ptr<TlsContext>> TlsContext::make(const TlsSettings& settings,
                                                     const std::string& host, std::uint16_t port) {
  std::shared_ptr<TlsContext> made(new TlsContext(settings, host, port));
  auto ready = made->set_up(settings);
  // Our complaints are told; the queue belongs to the thread, and so to the host as well.
  ERR_clear_error();
  if (!ready) return std::move(ready).error();
  return made;
}

Result<void> TlsContext::set_up(const TlsSettings& settings) {
  if (!context_) return Error{Outcome::resource_exhausted, "memory", "no memory for a TLS context"};
  // To OpenSSL a leading dot means any name below.
  if (name_.empty() || name_.front() == '.')
    return refuse("server_name",
                  "begins with a dot, or is empty; expected one full name such as "
                  "billing.svc.example, or an IP address");
  if (name_.size() > name_bytes_max || !std::ranges::all_of(name_, is_visible))
    return refuse("server_name",
                  "has " + std::to_string(name_.size()) +
                      " bytes, or a space, control or non-ASCII byte; expected one full name "
                      "of at most " +
                      std::to_string(name_bytes_max) +
                      " bytes such as billing.svc.example, or an IP address");
  SSL_CTX_set_security_level(context_, security_level);
  SSL_CTX_set_min_proto_version(context_, settings.tls13_only ? TLS1_3_VERSION : TLS1_2_VERSION);
  SSL_CTX_set_options(context_, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
  SSL_CTX_set_mode(context_, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                                 SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_read_ahead(context_, 1);
  watch_refusals(context_, settings.verify);
  // Only the first costs a key of every handshake, and X448 there, which some libraries prefer, a
  // third of one. With TLS 1.2 the others also say which keys a certificate may have.
  static constexpr unsigned char alpn[] = "\x08http/1.1";
  if (SSL_CTX_set1_groups_list(context_, "X25519:P-256:P-384:P-521") != 1 ||
      SSL_CTX_set_alpn_protos(context_, alpn, sizeof alpn - 1) != 0)
    return Error{Outcome::resource_exhausted, "memory", "no memory for a TLS context"};
  if (!set_name())
    return Error{Outcome::resource_exhausted, "memory", "no memory for a TLS context"};
  SSL_CTX_set_app_data(context_, this);
  SSL_CTX_set_session_cache_mode(context_, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
  SSL_CTX_sess_set_new_cb(context_, keep_session);
  if (auto trust = set_trust(context_, settings.ca); !trust) return trust;
  return set_identity(context_, settings);
}

/// Whom the certificate must name; each connection inherits it.
bool TlsContext::set_name() {
  X509_VERIFY_PARAM* wanted = SSL_CTX_get0_param(context_);
  if (address_) return X509_VERIFY_PARAM_set1_ip_asc(wanted, name_.c_str()) == 1;
  X509_VERIFY_PARAM_set_hostflags(
      wanted, X509_CHECK_FLAG_NEVER_CHECK_SUBJECT | X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  return X509_VERIFY_PARAM_set1_host(wanted, name_.c_str(), name_.size()) == 1;
}

ssl_st* TlsContext::begin() {
  SSL* ssl = SSL_new(context_);
  if (!ssl) return nullptr;
  const bool set = address_ || SSL_set_tlsext_host_name(ssl, name_.c_str()) == 1;
  if (set && offer_session(ssl)) return ssl;
  SSL_free(ssl);
  return nullptr;
}

/// A ticket of TLS 1.3 is offered once, so that nobody can link two connections by it; a session of
/// TLS 1.2 as often as it is good.
bool TlsContext::offer_session(SSL* ssl) {
  base::Lock lock(mutex_);
  if (sessions_.empty()) return true;
  SSL_SESSION* last = sessions_.back();
  const bool set = SSL_set_session(ssl, last) == 1;
  if (SSL_SESSION_get_protocol_version(last) >= TLS1_3_VERSION) {
    sessions_.pop_back();
    SSL_SESSION_free(last);
  }
  return set;
}

/// Called by OpenSSL when a session can be resumed: in TLS 1.3 that is after the handshake, when a
/// ticket arrives. Answering 1 keeps the reference.
int TlsContext::keep_session(SSL* ssl, SSL_SESSION* session) noexcept {
  auto* self = static_cast<TlsContext*>(SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl)));
  base::Lock lock(self->mutex_);
  self->sessions_.push_back(session);
  if (self->sessions_.size() > sessions_max) {
    SSL_SESSION_free(self->sessions_.front());
    self->sessions_.erase(self->sessions_.begin());
  }
  return 1;
}

void TlsContext::drop_sessions() noexcept {
  base::Lock lock(mutex_);
  for (SSL_SESSION* session : sessions_) SSL_SESSION_free(session);
  sessions_.clear();
}

}  // namespace callerapi::wire
