#include "wire/exchange.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <span>
#include <utility>

#include "base/limits.hpp"
#include "wire/guarded.hpp"
#include "wire/keep_alive.hpp"
#include "wire/request_writer.hpp"
#include "wire/socket.hpp"
#include "wire/syntax.hpp"

namespace callerapi::wire {
namespace {

constexpr std::size_t small_read = 16u << 10;
// What one read adds to the 64 KiB that a streamed body holds here before it must be taken: with
// the 64 KiB that its consumer keeps, 256 KiB in all.
constexpr std::size_t stream_read = 64u << 10;
// How much one turn may move: whoever drives it looks at the time and at others in between.
constexpr std::size_t turn_bytes = 1u << 20;
// What a chunk of the largest piece has before its bytes, "40000" and CRLF, and behind them.
constexpr std::size_t chunk_before = 7, chunk_behind = 2;
static_assert(base::limits::bulk_bytes < 1u << 20);

}  // namespace

Exchange::Exchange(Stream& stream, const ExchangeRequest& request, bool reused)
    : stream_(stream),
      request_(request),
      reused_(reused),
      reader_(request_.method, request_.limits) {}

Sent Exchange::sent() const noexcept {
  if (reader_.started()) return Sent::yes;
  return written_ > 0 ? Sent::maybe : Sent::no;
}

Exchange::State Exchange::fail(Outcome outcome, std::string reason, std::string message) {
  error_ = std::make_unique<Error>(Error{.outcome = outcome,
                                         .reason = std::move(reason),
                                         .message = std::move(message),
                                         .phase = phase_,
                                         .sent = sent(),
                                         .status = reader_.started() ? reader_.status() : 0});
  reusable_ = false;
  return state_ = State::failed;
}

void Exchange::abort(Outcome outcome, std::string reason, std::string message) {
  if (state_ == State::waiting) fail(outcome, std::move(reason), std::move(message));
}

Exchange::State Exchange::advance() {
  if (state_ != State::waiting) return state_;
  const bool begins = !std::exchange(begun_, true);
  more_now_ = false;
  turn_ = 0;
  visited_ = false;
  while (writing_ && !more_now_) {
    if (!write_some()) break;
  }
  if (state_ != State::waiting) return state_;
  // No answer can be here before the request has left; whoever waits is told of it when it comes.
  if (begins && !writing_ && write_error_ == 0) return State::waiting;
  if (paused_)
    if (const State state = resume(); state != State::waiting || more_now_) return state;
  return read_some();
}

/// Answers false when nothing more can be written now.
bool Exchange::write_some() {
  std::array<iovec, 2> pieces;
  int count = 0;
  const auto add = [&](std::string_view text) {
    if (!text.empty())
      pieces[static_cast<std::size_t>(count++)] = {const_cast<char*>(text.data()), text.size()};
  };
  add(std::string_view(request_.head).substr(head_at_));
  if (request_.source == nullptr) {
    add(request_.body.substr(body_at_));
  } else {
    if (piece_at_ == piece_end_ && !source_ended_ && !fill_piece()) return false;
    add({piece_.get() + piece_at_, piece_end_ - piece_at_});
  }
  if (count == 0) {
    writing_ = false;
    if (phase_ == Phase::write) phase_ = Phase::wait;
    return false;
  }
  const IoResult moved = stream_.write(pieces.data(), count);
  if (moved.error == EAGAIN || moved.error == EWOULDBLOCK) return false;
  if (moved.error != 0) {
    // The answer that made the peer stop reading may already be here.
    writing_ = false;
    write_error_ = moved.error;
    return false;
  }
  progressed_ = true;
  written_ += moved.bytes;
  std::size_t left = moved.bytes;
  const std::size_t of_head = std::min(left, request_.head.size() - head_at_);
  head_at_ += of_head;
  left -= of_head;
  (request_.source == nullptr ? body_at_ : piece_at_) += left;
  // A source may take its time for each piece.
  spend(request_.source != nullptr && piece_at_ == piece_end_ ? turn_bytes : moved.bytes);
  return true;
}

/// Reads the next piece of a streamed body, framed if its length is unknown. False: failed.
bool Exchange::fill_piece() {
  constexpr std::size_t room = base::limits::bulk_bytes;
  if (!piece_) piece_ = std::make_unique_for_overwrite<char[]>(chunk_before + room + chunk_behind);
  piece_at_ = piece_end_ = 0;
  const Result<std::size_t> got =
      request_.source->read(std::span(piece_.get() + chunk_before, room));
  const std::optional<std::uint64_t> length = request_.source->length();
  const auto broken = [&](std::string what) {
    fail(Outcome::body_source_error, "body_length", std::move(what));
    return false;
  };
  if (!got) {
    fail(Outcome::body_source_error, got.error().reason, "request body: " + got.error().message);
    return false;
  }
  if (*got > room)
    return broken("request body: its source claims more bytes than it was asked for");
  source_bytes_ += *got;
  if (length && source_bytes_ > *length)
    return broken("request body: its source gives more than the declared " +
                  std::to_string(*length) + " bytes");
  source_ended_ = *got == 0;
  if (source_ended_ && length && source_bytes_ < *length)
    return broken("request body: its source ended after " + std::to_string(source_bytes_) + " of " +
                  std::to_string(*length) + " bytes");
  frame_piece(*got);
  return true;
}

/// Makes what lies in the piece a chunk if its body needs that, without moving it.
void Exchange::frame_piece(std::size_t size) {
  piece_at_ = chunk_before;
  piece_end_ = chunk_before + size;
  if (!request_.chunked) return;
  const auto put = [this](std::string_view text, std::size_t at) {
    std::memcpy(piece_.get() + at, text.data(), text.size());
  };
  if (size == 0) {
    put(last_chunk, piece_at_);
    piece_end_ += last_chunk.size();
    return;
  }
  std::string head;
  append_chunk_head(head, size);
  piece_at_ -= head.size();
  put(head, piece_at_);
  put("\r\n", piece_end_);
  piece_end_ += chunk_behind;
}

Exchange::State Exchange::read_some() {
  // Bulk bodies get large reads; a lone answer fits the small buffer on the stack.
  std::array<char, small_read> small;
  std::span<char> buffer(small);
  if (large_) buffer = {large_.get(), large_size_};
  for (;;) {
    const IoResult got = stream_.read(buffer.data(), buffer.size());
    if (got.error == EAGAIN || got.error == EWOULDBLOCK) {
      return write_error_ != 0 ? end_of_stream(EPIPE) : State::waiting;
    }
    // Who was told of a reset by its write finds what looks like a clean end behind the bytes.
    if (got.error != 0 || got.bytes == 0)
      return end_of_stream(got.error != 0 || write_error_ == EPIPE ? got.error : write_error_);
    progressed_ = true;
    read_ += got.bytes;
    drained_ = got.bytes < buffer.size() && stream_.short_read_drains();
    on_stack_ = !large_;
    const State state = feed({buffer.data(), got.bytes});
    if (state != State::waiting) return state;
    // A short read is no reason to wait: the end of the stream may stand behind it already, and an
    // edge-triggered loop tells of both only once.
    if (!large_ && got.bytes == buffer.size()) {
      large_size_ = streaming_ ? stream_read : base::limits::bulk_bytes;
      large_ = std::make_unique_for_overwrite<char[]>(large_size_);
      buffer = {large_.get(), large_size_};
    }
    // A sink, too, may take its time for each piece.
    spend(visited_ ? turn_bytes : got.bytes);
    if (more_now_) return State::waiting;
  }
}

void Exchange::spend(std::size_t bytes) noexcept {
  turn_ += bytes;
  more_now_ = more_now_ || turn_ >= turn_bytes;
}

Exchange::State Exchange::feed(std::string_view input) {
  for (;;) {
    switch (reader_.next(input)) {
      case ResponseReader::Event::need_more:
        phase_ = reader_.status() != 0 ? Phase::body : Phase::head;
        return State::waiting;
      case ResponseReader::Event::head:
        phase_ = Phase::body;
        if (!answers_this() || !begin_body()) return state_;
        if (streaming_) return pause(input), State::head;
        break;
      case ResponseReader::Event::body:
        if (const State state = take_piece(reader_.piece(), input);
            state != State::waiting || paused_)
          return state;
        break;
      case ResponseReader::Event::end:
        // Bytes behind the message belong to nobody: they cost the connection.
        return end_of_body(input.empty() && reader_.keep_alive() && !writing_ && write_error_ == 0);
      case ResponseReader::Event::error:
        return fail_reading();
    }
  }
}

/// A service, or a proxy before it, that mixed two answers up says so by the wrong id.
bool Exchange::answers_this() {
  if (request_.request_id.empty()) return true;
  const auto id = reader_.headers().get(request_.request_id_field);
  if (!id || *id == request_.request_id) return true;
  fail(Outcome::protocol_error, "request_id",
       "the answer is for " + std::string(request_.request_id_field) + " '" + printable(*id) +
           "', the request had '" + printable(request_.request_id) +
           "': answers were mixed up on the way");
  return false;
}

Exchange::State Exchange::end_of_stream(int error) {
  const StreamFault* fault = stream_.fault();
  if (!reader_.started()) {
    // On a fresh connection the peer answers our handshake so; TLS 1.3 ends before it has judged
    // it.
    if (fault)
      return fail(reused_ ? Outcome::stale_connection : Outcome::tls_error, fault->reason,
                  fault->text);
    const bool ended = error == 0 || error == EPIPE || error == ECONNABORTED;
    const std::string how = ended ? "closed" : errno_reason(error);
    const std::string text = "the peer " + std::string(error == ECONNRESET ? "reset" : "closed") +
                             " the connection before any byte of a response; " +
                             std::to_string(written_) + " bytes were sent";
    return fail(reused_ ? Outcome::stale_connection : Outcome::connection_reset, how, text);
  }
  const std::string got = ", after " + std::to_string(body_bytes_) + " bytes of body";
  if (error == 0 || error == ECONNABORTED) {
    if (reader_.finish() != ResponseReader::Event::end) return fail_reading();
    // Anybody on the way can forge an end of TCP, but not the close_notify before it.
    if (error != 0)
      return fail(Outcome::response_truncated, "no_close_notify",
                  "the body ends with the connection, and that ended without a close_notify" + got);
    return end_of_body(false);
  }
  // A reset is never a clean end, not even of a body that ends with the connection.
  return fail(Outcome::response_truncated, fault ? fault->reason : errno_reason(error),
              "the connection broke off in the middle of the response" + got);
}

Exchange::State Exchange::end_of_body(bool reusable) {
  if (decoder_ && !decoder_->finish())
    return fail(decoder_->error_outcome(), std::string(decoder_->error_reason()),
                decoder_->error_text());
  reusable_ = reusable;
  return state_ = State::done;
}

Response Exchange::take_response() {
  Response taken;
  taken.status = reader_.status();
  taken.headers = std::move(reader_.headers());
  taken.trailers = std::move(reader_.trailers());
  taken.body = std::move(body_);
  return taken;
}

Exchange::State Exchange::fail_reading() {
  return fail(reader_.error_outcome(), std::string(reader_.error_reason()), reader_.error_text());
}

}  // namespace callerapi::wire
