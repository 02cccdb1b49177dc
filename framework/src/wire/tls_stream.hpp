#pragma once

#include <memory>
#include <string>

#include "callerapi/result.hpp"
#include "wire/stream.hpp"
#include "wire/tls_context.hpp"
#include "wire/tls_refusal.hpp"

namespace callerapi::wire {

/// TLS over another stream: OpenSSL moves records, the stream below moves bytes, so that nothing
/// here blocks or raises SIGPIPE. Takes over the place of the stream below in its loop. Reads until
/// EAGAIN see all there is.
class TlsStream final : public Stream {
 public:
  TlsStream(std::shared_ptr<TlsContext> context, std::unique_ptr<Stream> below);
  /// Says goodbye to the peer unless the connection broke.
  ~TlsStream() override;
  TlsStream(const TlsStream&) = delete;
  TlsStream& operator=(const TlsStream&) = delete;

  enum class Handshake : std::uint8_t { again, done, failed };
  /// Moves the handshake on; `again`: when the stream is ready. No byte of a request may be written
  /// before `done`.
  Handshake handshake() noexcept;
  /// After failed: `tls_error` or `tls_verify_failed`.
  Error take_error() { return std::move(error_); }
  /// After done: did the peer resume a session?
  bool resumed() const noexcept;

  /// Errors: ECONNABORTED for an end without close_notify; EPROTO, with a fault(), for what the
  /// peer may not say, and for a peer that says too much of what is no data.
  IoResult read(char* into, std::size_t size) noexcept override;
  IoResult write(const iovec* pieces, int count) noexcept override;
  /// Takes in what TLS says to itself, such as tickets, and is quiet when nothing else came.
  bool quiet() noexcept override;
  /// Records end where they like: only when the last read of the stream below emptied that one, and
  /// nothing of what it brought is left here.
  bool short_read_drains() const noexcept override;
  bool wants_write(bool writing) const noexcept override;
  const StreamFault* fault() const noexcept override {
    return fault_.reason.empty() ? nullptr : &fault_;
  }
  int connect_error() noexcept override { return below_->connect_error(); }
  void shutdown() noexcept override { below_->shutdown(); }
  int fd() const noexcept override { return below_->fd(); }

 private:
  struct Bottom;
  IoResult failed(int result) noexcept;
  bool talks_too_much() const noexcept;
  Handshake refuse();
  Handshake judge_protocol();

  std::shared_ptr<TlsContext> context_;
  std::unique_ptr<Stream> below_;
  ssl_st* ssl_ = nullptr;
  TlsRefusal refusal_;  ///< What the handshake saw, for its error text.
  Error error_;
  StreamFault fault_;

  std::size_t talk_ = 0;  ///< Bytes taken since the last of data, or of the handshake.

  // What the stream below said last.
  int below_error_ = 0;
  bool below_ended_ = false;
  bool below_drained_ = false;  ///< It held no more than it gave.

  bool ready_ = false;             ///< The handshake is done.
  bool broken_ = false;            ///< Nothing may be asked of OpenSSL any more.
  bool read_wants_write_ = false;  ///< An answer of TLS itself waits to be written.
  bool write_wants_read_ = false;
};

}  // namespace callerapi::wire
