#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "callerapi/result.hpp"

struct ssl_ctx_st;
struct x509_store_ctx_st;

namespace callerapi::wire {

class TlsContext;

/// What a handshake saw before it failed, gathered by callbacks while OpenSSL still knows it.
struct TlsRefusal {
  int verify_code = 0;          ///< X509_V_ERR_*; the first complaint.
  std::string presented;        ///< The certificate complained of, in a few words.
  bool asked_for_cert = false;  ///< The peer wants a certificate of us.
  bool showed_cert = false;     ///< We have one to show.
  std::string first_bytes;      ///< The first bytes of the peer, at most 24.
  int io_error = 0;             ///< errno of the stream below.
  bool ended = false;           ///< The stream below ended.
  std::size_t flood = 0;        ///< Bytes of the handshake that were too many; 0: they were not.
};

/// Lets the connections of `context` tell what they refuse and are asked for. Each needs a
/// TlsRefusal as its app data. Before the first connection is made.
void watch_refusals(ssl_ctx_st* context, bool verify);

/// Why the handshake failed, from the newest entry of OpenSSL's queue and what was gathered.
Error handshake_error(const TlsContext& context, const TlsRefusal& refusal);
/// The server wants to speak a protocol we do not.
Error alpn_error(const TlsContext& context);

/// A stable token for an alert of the peer: `version`, `client_cert_required`, `alpn`, `alert_40`.
std::string alert_reason(int alert, const TlsRefusal& refusal);
/// The alert in the newest entry of OpenSSL's queue, or -1.
int peer_alert() noexcept;
/// What a peer did that sent so many bytes and none of data.
std::string flood_text(std::size_t bytes);
/// The newest entry of OpenSSL's queue in words.
std::string queue_text();

}  // namespace callerapi::wire
