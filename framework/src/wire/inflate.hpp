#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "callerapi/headers.hpp"
#include "callerapi/outcome.hpp"

namespace callerapi::wire {

/// What a request says it can take where nobody else has said anything.
inline constexpr std::string_view accepted_codings = "gzip, deflate";

/// Undoes the content codings of one body (RFC 9110 8.4) as a stream: coded bytes in, pieces of at
/// most 32 KiB out, no I/O. gzip in one or several members, deflate with and without its zlib
/// wrapper. Checksums and lengths are checked, bytes behind the end are refused, and a body that
/// grows beyond all proportion ends here, in the loop that makes it grow. An empty body is empty.
///
/// Give coded bytes, then ask next() until it needs more. One thread.
class BodyDecoder {
 public:
  enum class Event : std::uint8_t { need_more, piece, error };

  BodyDecoder();
  ~BodyDecoder();
  BodyDecoder(const BodyDecoder&) = delete;
  BodyDecoder& operator=(const BodyDecoder&) = delete;

  /// Reads Content-Encoding. False: more codings than anybody needs, or one that is not known here.
  bool start(const Headers& headers);
  /// Is there anything to undo?
  bool needed() const noexcept { return !layers_.empty(); }

  /// The view must stay until next() has asked for more, or until keep().
  void give(std::string_view input);
  /// Copies what is left of the input given last.
  void keep();
  Event next();
  /// After `piece`; valid until the next call.
  std::string_view piece() const noexcept { return piece_; }
  /// The body has ended and next() wants more: false where the coding has not ended.
  bool finish();

  /// After `error` or false: as of ResponseReader.
  Outcome error_outcome() const noexcept { return outcome_; }
  std::string_view error_reason() const noexcept { return reason_; }
  const std::string& error_text() const noexcept { return text_; }

 private:
  class Layer;
  Event pull(std::size_t layer);
  bool add(std::string_view coding);
  bool within_ratio(std::uint64_t made);
  Event fail(Outcome outcome, std::string_view reason, std::string text);

  std::vector<std::unique_ptr<Layer>> layers_;  ///< In the order they are undone.
  std::string kept_;
  std::string_view piece_;
  std::uint64_t given_ = 0;
  Outcome outcome_ = Outcome::ok;
  std::string_view reason_;
  std::string text_;
};

}  // namespace callerapi::wire
