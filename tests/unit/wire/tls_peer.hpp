#pragma once

#include <gtest/gtest.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "support/certificates.hpp"
#include "wire/tls_stream.hpp"

/// A TLS peer in memory, for what no real one does.
namespace callerapi::wire {

/// What is between the client and its peer. Each direction can be held up.
struct Pipe {
  std::string to_client, to_server;
  std::size_t room = 1u << 30;  ///< Bytes the client may still write.
  bool ended = false;           ///< Towards the client.
};

class PipeStream final : public Stream {
 public:
  explicit PipeStream(Pipe& pipe) : pipe_(pipe) {}
  IoResult read(char* into, std::size_t size) noexcept override {
    if (pipe_.to_client.empty()) return {0, pipe_.ended ? 0 : EAGAIN};
    const std::size_t n = std::min(size, pipe_.to_client.size());
    std::memcpy(into, pipe_.to_client.data(), n);
    pipe_.to_client.erase(0, n);
    return {n, 0};
  }
  IoResult write(const iovec* pieces, int) noexcept override {
    const std::size_t n = std::min(pieces[0].iov_len, pipe_.room);
    if (n == 0) return {0, EAGAIN};
    pipe_.to_server.append(static_cast<const char*>(pieces[0].iov_base), n);
    pipe_.room -= n;
    return {n, 0};
  }
  bool short_read_drains() const noexcept override { return true; }
  bool quiet() noexcept override { return pipe_.to_client.empty() && !pipe_.ended; }
  int connect_error() noexcept override { return 0; }
  void shutdown() noexcept override { pipe_.ended = true; }
  int fd() const noexcept override { return -1; }

 private:
  Pipe& pipe_;
};

struct Identity {
  support::Certificate root = support::make_authority("root");
  support::Certificate server = support::make_certificate({}, &root);
  static const Identity& get() {
    static const Identity identity;
    return identity;
  }
};

/// The other end, on OpenSSL and memory alone.
class Peer {
 public:
  explicit Peer(int version = TLS1_3_VERSION) : context_(SSL_CTX_new(TLS_server_method())) {
    SSL_CTX_use_certificate(context_, certificate());
    SSL_CTX_use_PrivateKey(context_, key());
    SSL_CTX_set_min_proto_version(context_, version);
    SSL_CTX_set_max_proto_version(context_, version);
    SSL_CTX_set_session_id_context(context_, reinterpret_cast<const unsigned char*>("t"), 1);
    SSL_CTX_set_options(context_, SSL_OP_ALLOW_CLIENT_RENEGOTIATION);
    next_connection();
  }
  ~Peer() {
    SSL_free(ssl);
    SSL_CTX_free(context_);
  }
  Peer(const Peer&) = delete;
  Peer& operator=(const Peer&) = delete;

  void next_connection() {
    SSL_free(std::exchange(ssl, SSL_new(context_)));
    SSL_set_bio(ssl, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
    SSL_set_accept_state(ssl);
  }
  void take(Pipe& pipe) {
    if (!pipe.to_server.empty())
      BIO_write(SSL_get_rbio(ssl), pipe.to_server.data(), static_cast<int>(pipe.to_server.size()));
    pipe.to_server.clear();
  }
  void give(Pipe& pipe) {
    char buffer[4096];
    int n = 0;
    while ((n = BIO_read(SSL_get_wbio(ssl), buffer, sizeof buffer)) > 0)
      pipe.to_client.append(buffer, static_cast<std::size_t>(n));
  }
  std::string read_all() {
    std::string all;
    char buffer[4096];
    int n = 0;
    while ((n = SSL_read(ssl, buffer, sizeof buffer)) > 0)
      all.append(buffer, static_cast<std::size_t>(n));
    return all;
  }
  void say(Pipe& pipe, std::string_view text) {
    SSL_write(ssl, text.data(), static_cast<int>(text.size()));
    give(pipe);
  }

  SSL* ssl = nullptr;

 private:
  static X509* certificate();
  static EVP_PKEY* key();
  SSL_CTX* context_;
};

X509* Peer::certificate() { return support::certificate_of(Identity::get().server); }
EVP_PKEY* Peer::key() { return support::key_of(Identity::get().server); }

inline std::shared_ptr<TlsContext> context() {
  TlsSettings settings;
  settings.ca = Identity::get().root.pem;
  settings.server_name = "svc.test";
  return TlsContext::make(settings, "127.0.0.1", 443).value();
}

/// A connection after its handshake; the client has read nothing beyond it.
struct Connected {
  explicit Connected(Peer& with, std::shared_ptr<TlsContext> shared = context())
      : peer(with), client(std::move(shared), std::make_unique<PipeStream>(pipe)) {
    TlsStream::Handshake state = TlsStream::Handshake::again;
    for (int i = 0; i < 20 && state == TlsStream::Handshake::again; ++i) {
      state = client.handshake();
      peer.take(pipe);
      SSL_do_handshake(peer.ssl);
      peer.give(pipe);
    }
    EXPECT_EQ(state, TlsStream::Handshake::done) << client.take_error().message;
  }

  std::string read() {
    char buffer[65536];
    const IoResult got = client.read(buffer, sizeof buffer);
    error = got.error;
    return {buffer, got.bytes};
  }

  Pipe pipe;
  Peer& peer;
  TlsStream client;
  int error = 0;
};

}  // namespace callerapi::wire
