#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>

#include "callerapi/export.hpp"
#include "callerapi/result.hpp"

namespace callerapi {

/// Produces the bytes of a request body, piece by piece, so that no body need be in memory whole.
/// One thread at a time calls it, not always the same one; it may block. What it throws ends the
/// call as `body_source_error`.
class CALLERAPI_API BodySource {
 public:
  virtual ~BodySource();
  /// Fills `into`, which is not empty, from the front; answers how many bytes, 0 only at the end.
  /// An Error ends the call as `body_source_error` with its text.
  virtual Result<std::size_t> read(std::span<char> into) = 0;
  /// Bytes in all, if known before the first read. Unknown lengths are sent chunked.
  virtual std::optional<std::uint64_t> length() const = 0;
  /// Back to the first byte, so that a retry can send the same again; false if that is impossible.
  virtual bool rewind() = 0;
  /// Does rewind() always succeed? Then nothing of what was read is kept for a retry, as otherwise
  /// up to `retry.replay_buffer` is. The same answer every time.
  virtual bool rewindable() const { return false; }
};

/// A request body: nothing, text in memory, a file, or a generator. Move-only.
class CALLERAPI_API Body {
 public:
  /// As BodySource::read().
  using Generator = std::function<Result<std::size_t>(std::span<char>)>;

  Body() = default;
  /// Keeps `text` for as long as the call lives.
  static Body text(std::string text, std::string content_type = "application/octet-stream");
  /// Opens `path` now. Read as it is sent, never whole. Errors: `body_source_error`, naming it, for
  /// what cannot be opened or is no regular file.
  static Result<Body> file(const std::string& path,
                           std::string content_type = "application/octet-stream");
  /// `generate` fills a buffer and answers 0 at the end. It runs once: a retry sends what was kept
  /// of it, and a body longer than `retry.replay_buffer` (64 KiB) is not sent again. `length`:
  /// bytes in all; nullopt sends chunked.
  static Body generated(Generator generate, std::optional<std::uint64_t> length = std::nullopt,
                        std::string content_type = "application/octet-stream");
  /// A source of your own, which the body then owns; not null.
  static Body source(std::unique_ptr<BodySource> source, std::string content_type);

  /// Neither bytes nor a type: the request has no body.
  bool empty() const noexcept { return !source_ && text_.empty() && content_type_.empty(); }
  const std::string& content_type() const noexcept { return content_type_; }
  /// The bytes when they are in memory, else empty: see source().
  const std::string& in_memory() const noexcept { return text_; }
  /// Null when the bytes are in memory; owned by the body.
  BodySource* source() const noexcept { return source_.get(); }
  std::unique_ptr<BodySource> take_source() && noexcept { return std::move(source_); }

 private:
  std::string text_;
  std::string content_type_;
  std::unique_ptr<BodySource> source_;
};

/// Where a response body goes when it must not be kept in memory. One thread at a time. What it
/// throws ends the call as `cancelled`, with its text.
class CALLERAPI_API BodySink {
 public:
  virtual ~BodySink();
  /// Takes the next bytes of a response whose status is below 400; false stops the call with
  /// `cancelled`. May block: the peer is then not read (back-pressure).
  virtual bool write(std::span<const char> bytes) = 0;
};

}  // namespace callerapi
