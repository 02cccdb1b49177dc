#include "wire/tls_stream.hpp"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <string_view>
#include <utility>

namespace callerapi::wire {
namespace {

// The longest record: less than this in pieces is gathered, so that a head and a body leave as one.
constexpr std::size_t record_bytes = 16u << 10;
constexpr std::size_t first_bytes_kept = 24;
// How much a peer may say that is no data, in its handshake and since the last byte of data behind
// it. OpenSSL takes such messages, tickets say, for as long as they come, and answers nobody
// meanwhile: no turn and no deadline would end that. A chain of certificates has 100 KiB at most.
constexpr std::size_t handshake_talk_max = 256u << 10, talk_max = 128u << 10;

bool again(int error) noexcept { return error == EAGAIN || error == EWOULDBLOCK; }

}  // namespace

/// OpenSSL's view of the stream below.
struct TlsStream::Bottom {
  static TlsStream& self(BIO* bio) noexcept { return *static_cast<TlsStream*>(BIO_get_data(bio)); }

  static int read(BIO* bio, char* into, int size) noexcept {
    BIO_clear_retry_flags(bio);
    TlsStream& tls = self(bio);
    if (tls.talks_too_much()) {
      tls.below_error_ = 0;
      return -1;
    }
    const IoResult got = tls.below_->read(into, static_cast<std::size_t>(size));
    tls.below_error_ = got.error;
    tls.below_drained_ = got.error == 0 && got.bytes > 0 &&
                         got.bytes < static_cast<std::size_t>(size) &&
                         tls.below_->short_read_drains();
    if (got.error != 0) {
      if (again(got.error)) BIO_set_retry_read(bio);
      return -1;
    }
    tls.below_ended_ = got.bytes == 0;
    tls.talk_ += got.bytes;
    if (!tls.ready_ && tls.refusal_.first_bytes.size() < first_bytes_kept)
      tls.refusal_.first_bytes.append(
          into, std::min(got.bytes, first_bytes_kept - tls.refusal_.first_bytes.size()));
    return static_cast<int>(got.bytes);
  }

  static int write(BIO* bio, const char* from, int size) noexcept {
    BIO_clear_retry_flags(bio);
    TlsStream& tls = self(bio);
    const iovec piece{const_cast<char*>(from), static_cast<std::size_t>(size)};
    const IoResult moved = tls.below_->write(&piece, 1);
    tls.below_error_ = moved.error;
    if (moved.error == 0) return static_cast<int>(moved.bytes);
    if (again(moved.error)) BIO_set_retry_write(bio);
    return -1;
  }

  /// No BIO_CTRL_EOF: OpenSSL would send an alert about an end that is ours to judge.
  static long control(BIO*, int what, long, void*) noexcept {
    return what == BIO_CTRL_FLUSH ? 1 : 0;
  }

  static BIO_METHOD* method() {
    static BIO_METHOD* const made = [] {
      BIO_METHOD* m = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "callerapi stream");
      if (!m) return m;
      BIO_meth_set_read(m, read);
      BIO_meth_set_write(m, write);
      BIO_meth_set_ctrl(m, control);
      return m;
    }();
    return made;
  }
};

TlsStream::TlsStream(std::shared_ptr<TlsContext> context, std::unique_ptr<Stream> below)
    : context_(std::move(context)), below_(std::move(below)), ssl_(context_->begin()) {
  loop_slot = std::exchange(below_->loop_slot, nullptr);
  BIO_METHOD* method = Bottom::method();
  BIO* bio = ssl_ && method ? BIO_new(method) : nullptr;
  if (!bio) {
    SSL_free(std::exchange(ssl_, nullptr));
    return;
  }
  BIO_set_data(bio, this);
  BIO_set_init(bio, 1);
  SSL_set_bio(ssl_, bio, bio);
  SSL_set_app_data(ssl_, &refusal_);
  refusal_.showed_cert = SSL_get_certificate(ssl_) != nullptr;
}

TlsStream::~TlsStream() {
  if (!ssl_) return;
  if (ready_ && !broken_) {
    ERR_clear_error();
    SSL_shutdown(ssl_);
  }
  // Else OpenSSL would spoil the session of a connection that broke, which others may resume.
  SSL_set_shutdown(ssl_, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
  SSL_free(ssl_);
  ERR_clear_error();
}

bool TlsStream::talks_too_much() const noexcept {
  return talk_ >= (ready_ ? talk_max : handshake_talk_max);
}

bool TlsStream::resumed() const noexcept { return ready_ && SSL_session_reused(ssl_) == 1; }

TlsStream::Handshake TlsStream::handshake() noexcept {
  if (!ssl_) {
    error_ = {.outcome = Outcome::resource_exhausted,
              .reason = "memory",
              .message = context_->where() + ": no memory for a TLS connection",
              .phase = Phase::tls};
    return Handshake::failed;
  }
  // What other code of this thread left in the queue would be taken for ours.
  ERR_clear_error();
  const int result = SSL_connect(ssl_);
  if (result == 1) return judge_protocol();
  const int why = SSL_get_error(ssl_, result);
  if (why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE) return Handshake::again;
  return refuse();
}

TlsStream::Handshake TlsStream::refuse() {
  broken_ = true;
  refusal_.io_error = again(below_error_) ? 0 : below_error_;
  refusal_.ended = below_ended_;
  if (talks_too_much()) refusal_.flood = talk_;
  error_ = handshake_error(*context_, refusal_);
  ERR_clear_error();
  context_->drop_sessions();
  return Handshake::failed;
}

/// A peer that knows no ALPN chooses nothing, and HTTP/1.1 is what is spoken then.
TlsStream::Handshake TlsStream::judge_protocol() {
  const unsigned char* chosen = nullptr;
  unsigned size = 0;
  SSL_get0_alpn_selected(ssl_, &chosen, &size);
  const std::string_view protocol(reinterpret_cast<const char*>(chosen), size);
  ready_ = true;
  talk_ = 0;
  if (size == 0 || protocol == "http/1.1") return Handshake::done;
  error_ = alpn_error(*context_);
  return Handshake::failed;
}

/// What a result of 0 or less means; EAGAIN included.
IoResult TlsStream::failed(int result) noexcept {
  switch (SSL_get_error(ssl_, result)) {
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE:
      return {0, EAGAIN};
    case SSL_ERROR_ZERO_RETURN:
      return {0, 0};
    case SSL_ERROR_SYSCALL:
      broken_ = true;
      if (below_error_ != 0) return {0, below_error_};
      if (talks_too_much()) {
        fault_.reason = "flood";
        fault_.text = context_->where() + ": " + flood_text(talk_);
        return {0, EPROTO};
      }
      if (below_ended_) return {0, ECONNABORTED};
      [[fallthrough]];
    default:
      break;
  }
  broken_ = true;
  const int alert = peer_alert();
  fault_.reason = alert >= 0 ? alert_reason(alert, refusal_) : "record";
  fault_.text = context_->where() + ": " + queue_text();
  return {0, EPROTO};
}

IoResult TlsStream::read(char* into, std::size_t size) noexcept {
  if (!ready_ || broken_) return {0, EPROTO};
  ERR_clear_error();
  const int got = SSL_read(ssl_, into, static_cast<int>(std::min<std::size_t>(size, 1u << 30)));
  read_wants_write_ = got <= 0 && SSL_want_write(ssl_);
  if (got <= 0) return failed(got);
  talk_ = 0;
  return {static_cast<std::size_t>(got), 0};
}

IoResult TlsStream::write(const iovec* pieces, int count) noexcept {
  if (!ready_ || broken_) return {0, EPROTO};
  std::array<char, record_bytes> gathered;
  const char* from = nullptr;
  std::size_t size = 0;
  if (count > 0 && (count == 1 || pieces[0].iov_len >= gathered.size())) {
    from = static_cast<const char*>(pieces[0].iov_base);
    size = pieces[0].iov_len;
  } else {
    for (int i = 0; i < count && size < gathered.size(); ++i) {
      const std::size_t part = std::min(pieces[i].iov_len, gathered.size() - size);
      std::memcpy(gathered.data() + size, pieces[i].iov_base, part);
      size += part;
    }
    from = gathered.data();
  }
  // A record that was begun is ended first: after EAGAIN the same bytes come again, at its front.
  ERR_clear_error();
  const int put = SSL_write(ssl_, from, static_cast<int>(std::min<std::size_t>(size, 1u << 30)));
  write_wants_read_ = put <= 0 && SSL_want_read(ssl_);
  if (put > 0) return {static_cast<std::size_t>(put), 0};
  const IoResult result = failed(put);
  // A peer that reads no more may have said why: its last words can still be read.
  if (result.error == EPIPE || result.error == ECONNRESET) broken_ = false;
  return result;
}

bool TlsStream::short_read_drains() const noexcept {
  return below_drained_ && SSL_has_pending(ssl_) == 0;
}

bool TlsStream::quiet() noexcept {
  if (!ready_ || broken_ || SSL_pending(ssl_) > 0) return false;
  if (SSL_has_pending(ssl_) == 0 && below_->quiet()) return true;
  ERR_clear_error();
  char byte;
  const int got = SSL_peek(ssl_, &byte, 1);
  if (got > 0) return false;
  const int why = SSL_get_error(ssl_, got);
  broken_ = why == SSL_ERROR_SSL || why == SSL_ERROR_SYSCALL;
  ERR_clear_error();
  return why == SSL_ERROR_WANT_READ;
}

bool TlsStream::wants_write(bool writing) const noexcept {
  return read_wants_write_ || (writing && !write_wants_read_);
}

}  // namespace callerapi::wire
