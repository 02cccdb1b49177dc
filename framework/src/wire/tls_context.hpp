#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/mutex.hpp"
#include "callerapi/result.hpp"

struct ssl_ctx_st;
struct ssl_session_st;
struct ssl_st;

namespace callerapi::wire {

/// `[services.X.tls]` with its files read. A value.
struct TlsSettings {
  std::string ca;           ///< Certificates in PEM; empty: those the system trusts.
  std::string cert, key;    ///< Our own chain and its key in PEM; empty: we show none.
  std::string server_name;  ///< Whom the certificate must name; empty: the host of base_url.
  bool tls13_only = false;  ///< Else TLS 1.2 is good enough.
  bool verify = true;

  bool operator==(const TlsSettings&) const = default;
};

/// What every TLS connection of one pool shares: trust, identity, and the sessions to resume. The
/// certificate is checked strictly: chain, dates, use, strength, and a SAN that names the server.
/// Thread-safe.
class TlsContext {
 public:
  /// Errors: `registry_invalid` with reason `ca`, `certificate`, `key` or `server_name`, the
  /// setting at fault; the message says what is wrong with it.
  static Result<std::shared_ptr<TlsContext>> make(const TlsSettings& settings,
                                                  const std::string& host, std::uint16_t port);
  ~TlsContext();
  TlsContext(const TlsContext&) = delete;
  TlsContext& operator=(const TlsContext&) = delete;

  /// A client's end with name, SNI and a session to resume set; null: out of memory.
  ssl_st* begin();
  /// No session is offered any more: the last handshake failed.
  void drop_sessions() noexcept;

  const std::string& name() const noexcept { return name_; }
  /// "name:port", the begin of error texts.
  const std::string& where() const noexcept { return where_; }
  bool own_store() const noexcept { return own_store_; }

 private:
  TlsContext(const TlsSettings& settings, const std::string& host, std::uint16_t port);
  Result<void> set_up(const TlsSettings& settings);
  bool set_name();
  static int keep_session(ssl_st* ssl, ssl_session_st* session) noexcept;
  bool offer_session(ssl_st* ssl);

  ssl_ctx_st* context_ = nullptr;
  std::string name_, where_;
  bool address_ = false;  ///< `name_` is an IP address.
  bool own_store_ = false;

  base::Mutex mutex_;
  std::vector<ssl_session_st*> sessions_ CALLERAPI_GUARDED_BY(mutex_);  ///< Oldest first.
};

}  // namespace callerapi::wire
