#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <utility>

#include "callerapi/call.hpp"
#include "callerapi/export.hpp"
#include "callerapi/headers.hpp"
#include "callerapi/response.hpp"
#include "callerapi/result.hpp"

namespace callerapi {
namespace detail {

/// The inner half of a BodyStream. Implemented inside the library.
class CALLERAPI_API StreamCore {
 public:
  virtual ~StreamCore();
  virtual Result<std::size_t> read(std::span<char> into) = 0;
  virtual std::shared_ptr<CallCore> next() = 0;
  virtual void cancel() noexcept = 0;
  /// Ends the stream with `why`, which its reads answer from then on.
  virtual void end(Error why) noexcept = 0;
};

CALLERAPI_API Result<std::string> piece_of(Result<Response> piece);

}  // namespace detail

/// An answer whose head is here and whose body is read as it comes, at the reader's pace: while it
/// rests the connection is not read, at most 256 KiB are kept, and the peer is held back.
///
/// The body is decoded from gzip and deflate on its way. Its end is certain: a body that was cut
/// short is an Error, after the bytes that arrived. timeouts.total and attempt bound the head only;
/// then timeouts.stream_idle bounds each wait for a byte, and a deadline() given with the request
/// the whole. No part of the plugin is held meanwhile. The body of an answer of 400 and more has
/// been read already, up to limits.response_body, so that retries and error texts work as ever.
///
/// One thread at a time reads. Destroying it before the end closes its connection; read to the end
/// it gives the connection back. It may outlive its Caller: reading then answers `shutdown`.
class CALLERAPI_API BodyStream {
 public:
  /// For the library.
  BodyStream(std::shared_ptr<detail::StreamCore> core, Response head)
      : core_(std::move(core)), head_(std::move(head)) {}
  BodyStream(BodyStream&&) noexcept = default;
  BodyStream& operator=(BodyStream&& other) noexcept {
    std::swap(core_, other.core_);
    std::swap(head_, other.head_);
    return *this;
  }
  ~BodyStream() { cancel(); }

  /// Of the head, 200 to 999.
  int status() const noexcept { return head_.status; }
  const Headers& headers() const noexcept { return head_.headers; }
  /// The response without its body; `elapsed` ends with the head.
  const Response& head() const noexcept { return head_; }

  /// Blocks until there are bytes and answers how many; 0 only at the end. `into` is not empty.
  /// Errors: `response_truncated`, `protocol_error`, `attempt_timeout` (timeouts.stream_idle, or
  /// `min_rate`), `response_too_large` (`ratio`), `deadline_exceeded`, `cancelled`, `shutdown`,
  /// `unloaded`, `forked`; on the loop's own thread `would_deadlock`. An error stays.
  Result<std::size_t> read(std::span<char> into) { return core_->read(into); }
  /// Everything up to the end, blocking. Errors: those of read(); `response_too_large` beyond
  /// `limit` bytes, which ends the stream.
  Result<std::string> read_all(std::size_t limit = std::size_t{16} << 20);
  /// The next bytes when there are any, in any way a Call can be waited for; empty only at the end.
  /// One at a time. Dropping it unused cancels the stream.
  Call<std::string> next() { return {core_->next(), &detail::piece_of}; }

  /// Ends the stream and closes its connection; a read that waits answers `cancelled`. Any thread.
  void cancel() noexcept {
    if (core_) core_->cancel();
  }

 private:
  std::shared_ptr<detail::StreamCore> core_;
  Response head_;
};

}  // namespace callerapi
