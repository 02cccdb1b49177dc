#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "callerapi/body.hpp"
#include "callerapi/response.hpp"
#include "callerapi/result.hpp"
#include "wire/inflate.hpp"
#include "wire/response_reader.hpp"
#include "wire/stream.hpp"

namespace callerapi::wire {

/// What goes out and what may come back. Views and pointers must outlive the exchange.
struct ExchangeRequest {
  std::string_view method;
  std::string_view head;         ///< Complete, with its empty line.
  std::string_view body;         ///< In memory; empty when `source` is set.
  BodySource* source = nullptr;  ///< May block: such an exchange never runs on a reactor.
  bool chunked = false;          ///< `source` has no length.
  BodySink* sink = nullptr;      ///< Takes the body of an answer below 400.
  bool stream = false;           ///< Such a body is taken from the exchange piece by piece.
  bool decode = false;           ///< Undo the content codings of the answer.
  std::string_view request_id;   ///< An answer that names another is refused; empty: none.
  std::string_view request_id_field = "X-Request-Id";  ///< Where it names it.
  std::size_t response_bytes_max = 16u << 20;
  ReaderLimits limits;
};

/// One request and its response on one connection: moves bytes whenever it is asked
/// to and never waits. It knows no loop, no clock and no thread; whoever owns it does.
///
/// With `stream`, an answer below 400 is told of twice or more: `head` once, then `more` whenever
/// enough body lies here to be taken. Until it was taken nothing is read from the connection, so a
/// consumer that rests holds the peer back and at most 192 KiB are kept.
class Exchange {
 public:
  enum class State : std::uint8_t { waiting, head, more, done, failed };

  /// `reused`: the connection has carried a request before.
  Exchange(Stream& stream, const ExchangeRequest& request, bool reused);

  /// Moves what can be moved without blocking, but 1 MiB, one piece of a source and one for a sink
  /// at most.
  State advance();
  /// Was there more to move? Then nobody will tell: advance() again, once others had their turn.
  bool more_now() const noexcept { return more_now_; }
  /// Ends a waiting exchange from outside: a time-out, a cancellation. The connection is lost.
  void abort(Outcome outcome, std::string reason, std::string message);

  bool wants_write() const noexcept { return writing_; }
  /// Is it done or has it failed?
  bool ended() const noexcept { return state_ != State::waiting; }
  bool progressed() noexcept { return std::exchange(progressed_, false); }
  /// Has the answer begun, by more than interim (1xx) ones?
  bool answered() const noexcept { return reader_.answering(); }
  Phase phase() const noexcept { return phase_; }
  /// Does the body of the answer go to the sink?
  bool delivers() const noexcept { return to_sink_; }
  /// May request bytes have reached the service?
  Sent sent() const noexcept;
  std::uint64_t bytes_written() const noexcept { return written_; }
  std::uint64_t bytes_read() const noexcept { return read_; }
  /// Of the request's body, as it was handed to the connection.
  std::uint64_t body_written() const noexcept { return body_at_ + source_bytes_; }
  /// Of the answer's body, before decoding.
  std::uint64_t body_received() const noexcept { return body_bytes_; }
  /// After done: may the connection carry another request?
  bool reusable() const noexcept { return reusable_; }
  /// After done: did the last read take all that the connection held?
  bool drained() const noexcept { return drained_; }

  /// After head: status and fields alone. After done: everything that was not taken before.
  Response take_response();
  /// Of a streamed body, what has been decoded so far; after `more` and at every end.
  std::string take_body() { return std::exchange(body_, {}); }
  /// After failed.
  Error take_error() { return std::move(*error_); }

 private:
  bool write_some();
  bool fill_piece();
  void frame_piece(std::size_t size);
  State read_some();
  State feed(std::string_view input);
  bool begin_body();
  bool answers_this();
  State take_piece(std::string_view piece, std::string_view rest);
  State decode(std::string_view rest);
  enum class Taken : std::uint8_t { all, later, failed };
  Taken deliver(std::string_view piece);
  bool within_limit(std::uint64_t bytes);
  bool full() const noexcept;
  void spend(std::size_t bytes) noexcept;
  State pause(std::string_view rest);
  State resume();
  State end_of_stream(int error);
  State end_of_body(bool reusable);
  State fail(Outcome outcome, std::string reason, std::string message);
  State fail_reading();

  Stream& stream_;
  ExchangeRequest request_;
  const bool reused_;
  ResponseReader reader_;
  std::string body_;              ///< Of the answer, decoded; what else it has the reader keeps.
  std::unique_ptr<Error> error_;  ///< Set when it has failed, which most never do.
  State state_ = State::waiting;
  Phase phase_ = Phase::write;

  // Writing: the head and the body in memory go out together; a source goes out in pieces.
  std::size_t head_at_ = 0, body_at_ = 0;
  std::unique_ptr<char[]> piece_;  ///< Of a source, framed where it lies.
  std::size_t piece_at_ = 0, piece_end_ = 0;
  std::uint64_t source_bytes_ = 0;
  bool source_ended_ = false;
  bool writing_ = true;
  int write_error_ = 0;  ///< Why the peer stopped reading; its answer may still come.
  std::size_t turn_ = 0;
  bool more_now_ = false;
  std::uint64_t written_ = 0, read_ = 0;
  bool progressed_ = false;
  bool to_sink_ = false, streaming_ = false;
  std::unique_ptr<BodyDecoder> decoder_;  ///< Null: the body is as it was sent.
  std::uint64_t body_bytes_ = 0;          ///< As they arrived, before decoding.
  // Of what was read: what is not looked at before the next turn, or before the body was taken. It
  // lies in `kept_` or in `large_`, and begins with `untaken_` bytes of body.
  std::string_view rest_;
  std::string kept_;
  std::size_t untaken_ = 0;
  bool decoded_waits_ = false;  ///< As does the piece that the decoder made last.
  bool on_stack_ = false;       ///< What is fed lies in a buffer that will be gone.
  bool visited_ = false;        ///< The sink has had its piece of this turn.
  bool paused_ = false;
  bool reusable_ = false;
  bool begun_ = false, drained_ = false;
  std::size_t large_size_ = 0;
  std::unique_ptr<char[]> large_;  ///< To read into, once a body has filled the small buffer.
};

}  // namespace callerapi::wire
