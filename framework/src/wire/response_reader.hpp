#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "callerapi/headers.hpp"
#include "callerapi/outcome.hpp"

namespace callerapi::wire {

/// Bounds of one response; the numbers are those of faults every trusted client has met.
struct ReaderLimits {
  std::size_t head_bytes = 64u << 10;  ///< Status line and fields together.
  std::size_t status_line_bytes = 8u << 10;
  std::size_t fields = 200;
  std::size_t value_bytes = 16u << 10;
  std::size_t interim = 8;  ///< 1xx answers before the final one.
  std::size_t interim_bytes = 64u << 10;
  std::size_t trailer_bytes = 8u << 10;
  std::size_t chunk_line_bytes = 256;  ///< Size and extensions of one chunk, CRLF included.
  /// All chunk lines of one body: this many bytes, and `factor` more for each byte of data.
  std::size_t chunk_overhead_bytes = 16u << 10;
  std::size_t chunk_overhead_factor = 16;

  // What old servers send and RFC 9112 lets a recipient take. Such an answer is read, but its
  // connection carries no other: who disagrees about one line may disagree about where it ends.
  bool bare_lf = false;   ///< 2.2: lines of the head and of the trailers may end without CR.
  bool obs_fold = false;  ///< 5.2: a field of the head may go on in the next line.
};

/// Reads one HTTP/1.1 response (RFC 9112), strictly: bytes in, events out, no I/O.
///
/// Give next() what arrived; it takes bytes from the front of the view and says what they were.
/// After `end` whatever is left in the view belongs to nobody. An incomplete line is kept inside,
/// so no byte need be presented twice. Body pieces point into the input. How the bytes were cut
/// into reads changes neither the events' meaning nor the verdict: each rule is applied at the
/// byte that breaks it.
/// One thread. Reusable by start().
class ResponseReader {
 public:
  enum class Event : std::uint8_t { need_more, head, body, end, error };

  ResponseReader() = default;
  /// `method` of the request: HEAD has no body, CONNECT none with 2xx.
  ResponseReader(std::string_view method, const ReaderLimits& limits);
  /// Another response, as if made anew.
  void start(std::string_view method, const ReaderLimits& limits) {
    *this = ResponseReader(method, limits);
  }
  Event next(std::string_view& input);
  /// The peer closed its side: `end` where that ends the body, else `error`.
  Event finish();

  int status() const noexcept { return status_; }
  Headers& headers() noexcept { return headers_; }
  Headers& trailers() noexcept { return trailers_; }
  /// Length of the body to come; nothing for an answer that has none, such as one to HEAD.
  std::optional<std::uint64_t> content_length() const noexcept { return length_; }
  /// After `head`: is a body to come? It may still be empty where its length is not known.
  bool has_body() const noexcept { return state_ != State::body_length || left_ > 0; }
  /// After `body`.
  std::string_view piece() const noexcept { return piece_; }
  /// After `end`: may the connection carry another request?
  bool keep_alive() const noexcept { return keep_alive_; }
  /// Has any byte of a response arrived?
  bool started() const noexcept { return started_; }
  /// Has the final answer begun? Before it, and within interim (1xx) ones, it has not.
  bool answering() const noexcept {
    return status_ >= 200 || state_ == State::failed || (!in_fields_ && !held_.empty());
  }

  /// After `error`: protocol_error, response_truncated or response_too_large, a stable reason, and
  /// a text for people.
  Outcome error_outcome() const noexcept { return outcome_; }
  std::string_view error_reason() const noexcept { return reason_; }
  const std::string& error_text() const noexcept { return text_; }

 private:
  enum class State : std::uint8_t {
    head,
    body_length,
    body_close,
    chunk_line,
    chunk_data,
    chunk_end,
    trailers,
    done,
    failed
  };

  enum class Line : std::uint8_t { whole, more, too_long, bare_lf };

  Line take_line(std::string_view& input, std::size_t most, std::string_view& line);
  Event read_head(std::string_view& input);
  Event read_status_line(std::string_view& input);
  Event read_fields(std::string_view& input, Headers& into);
  Event refuse_start(std::string_view begin);
  Event parse_status_line(std::string_view line);
  Event parse_field(std::string_view line, Headers& into);
  Event parse_folded(std::string_view line);
  Event end_of_head();
  Event frame_body();
  bool read_framing_fields(bool& chunked);
  void read_connection_fields();
  Event read_chunk_line(std::string_view& input);
  Event read_chunk_end(std::string_view& input);
  Event read_trailers(std::string_view& input);
  std::string missing() const;
  Event take_body(std::string_view& input, std::uint64_t most);
  Event fail(Outcome outcome, std::string_view reason, std::string text);
  Event protocol(std::string_view reason, std::string text) {
    return fail(Outcome::protocol_error, reason, std::move(text));
  }

  ReaderLimits limits_;
  bool head_request_ = false, connect_request_ = false;
  State state_ = State::head;
  bool started_ = false;
  bool in_fields_ = false;  ///< Of the head: the status line is behind.
  std::size_t used_ = 0;    ///< Bytes of this head, or of the trailers, so far.
  std::string held_;        ///< A line, as far as it has arrived.
  std::string line_;        ///< The last line that came in pieces.
  std::size_t interim_ = 0, interim_bytes_ = 0;
  int status_ = 0;
  bool http_1_0_ = false;
  Headers headers_, trailers_;
  std::optional<std::uint64_t> length_;
  std::uint64_t left_ = 0;      ///< Of the body or of this chunk.
  std::uint64_t received_ = 0;  ///< Bytes of body given out.
  std::uint64_t overhead_ = 0;  ///< Bytes of all chunk lines.
  std::string_view piece_;
  bool keep_alive_ = false;
  bool let_pass_ = false;  ///< A line was taken that strictness refuses.
  Outcome outcome_ = Outcome::ok;
  std::string_view reason_;
  std::string text_;
};

}  // namespace callerapi::wire
