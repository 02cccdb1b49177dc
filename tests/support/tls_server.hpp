#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "support/certificates.hpp"
#include "support/scripted_server.hpp"

namespace callerapi::support {

/// How a TLS test server behaves; the default is a good one.
struct TlsBehaviour {
  Certificate identity;
  std::string client_authority;          ///< PEM; asks for a client certificate signed by it.
  bool client_required = true;           ///< And refuses connections without.
  int min_version = 0, max_version = 0;  ///< TLS1_2_VERSION and its like; 0: any.
  std::string protocol;                  ///< Chosen by ALPN whatever was offered; empty: none.
  std::string ciphers;                   ///< Of TLS 1.2; empty: the usual.
  std::string groups;                    ///< For the key exchange; empty: the usual.
  bool weak = false;                     ///< Security level 0.
  bool close_notify = true;              ///< Before the end of a connection.
  enum class Mode : std::uint8_t { tls, silent, closing, plain, garbage } mode = Mode::tls;
};

/// A loopback TLS server on OpenSSL, independent of the client's code, that counts on its side. A
/// thread for each connection.
class TlsServer {
 public:
  using Answer = ScriptedServer::Answer;
  TlsServer(TlsBehaviour behaviour, Answer answer);
  ~TlsServer();
  TlsServer(const TlsServer&) = delete;
  TlsServer& operator=(const TlsServer&) = delete;

  int port() const noexcept;
  std::string url() const { return "https://127.0.0.1:" + std::to_string(port()); }
  /// Connections accepted, handshakes that were completed, and those that resumed a session.
  int connections() const, handshakes() const, resumed() const;
  /// Decrypted bytes that reached the server: 0 means not a byte of a request did.
  std::uint64_t application_bytes() const;
  /// The SNI of the last handshake; "(none)".
  std::string server_name() const;
  /// The common name of the last client certificate; empty without.
  std::string client_name() const;
  void drop_connections();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace callerapi::support
