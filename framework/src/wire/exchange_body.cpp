// The body of an answer on its way to whom it is for.
#include <algorithm>
#include <string>
#include <string_view>
#include <utility>

#include "wire/exchange.hpp"
#include "wire/guarded.hpp"
#include "wire/keep_alive.hpp"

namespace callerapi::wire {
namespace {

// An answer's body in memory grows as it arrives: a Content-Length alone reserves no more.
constexpr std::size_t reserve_max = 64u << 10;
// What a streamed body holds here before it must be taken.
constexpr std::size_t stream_piece = 64u << 10;

}  // namespace

/// Decides where the body goes and whether it must be decoded on its way.
bool Exchange::begin_body() {
  if (reader_.headers().contains("Keep-Alive"))
    if (const auto kept = keep_alive_time(reader_.headers())) stream_.peer_keeps = kept;
  to_sink_ = request_.sink != nullptr && reader_.status() < 400;
  streaming_ = request_.stream && reader_.status() < 400;
  if (const auto length = reader_.content_length(); length && !to_sink_ && !streaming_) {
    if (*length > request_.response_bytes_max) {
      fail(Outcome::response_too_large, "body",
           "response body: Content-Length is " + std::to_string(*length) + ", at most " +
               std::to_string(request_.response_bytes_max) +
               " allowed; raise limits.response_body or take it with a BodySink");
      return false;
    }
    body_.reserve(std::min<std::size_t>(*length, reserve_max));
  }
  if (request_.decode && reader_.has_body() && reader_.headers().contains("Content-Encoding")) {
    decoder_ = std::make_unique<BodyDecoder>();
    if (!decoder_->start(reader_.headers())) {
      fail(decoder_->error_outcome(), std::string(decoder_->error_reason()),
           decoder_->error_text());
      return false;
    }
    if (decoder_->needed()) {
      // The fields describe the body that is handed out.
      reader_.headers().remove("Content-Encoding");
      reader_.headers().remove("Content-Length");
    } else {
      decoder_.reset();
    }
  }
  return true;
}

bool Exchange::within_limit(std::uint64_t bytes) {
  if (to_sink_ || streaming_ || bytes <= request_.response_bytes_max) return true;
  fail(Outcome::response_too_large, "body",
       "response body: more than the " + std::to_string(request_.response_bytes_max) +
           " bytes allowed; raise limits.response_body or take it with a BodySink");
  return false;
}

/// Takes a piece that `rest` follows in the buffer. The limit counts what arrives as well as what
/// it becomes.
Exchange::State Exchange::take_piece(std::string_view piece, std::string_view rest) {
  body_bytes_ += piece.size();
  if (!decoder_) {
    const Taken taken = deliver(piece);
    if (taken == Taken::failed) return state_;
    if (taken == Taken::later) {
      untaken_ = piece.size();
      return pause({piece.data(), piece.size() + rest.size()});
    }
    return full() ? pause(rest) : State::waiting;
  }
  if (!within_limit(body_bytes_)) return state_;
  decoder_->give(piece);
  return decode(rest);
}

/// Hands on what the decoder makes of its input, until that ends, a stream has enough or a sink has
/// been asked; then `rest` waits as well.
Exchange::State Exchange::decode(std::string_view rest) {
  while (!full()) {
    if (!std::exchange(decoded_waits_, false)) {
      const BodyDecoder::Event event = decoder_->next();
      if (event == BodyDecoder::Event::need_more) return State::waiting;
      if (event == BodyDecoder::Event::error)
        return fail(decoder_->error_outcome(), std::string(decoder_->error_reason()),
                    decoder_->error_text());
    }
    const Taken taken = deliver(decoder_->piece());
    if (taken == Taken::failed) return state_;
    if (taken == Taken::all) continue;
    decoded_waits_ = true;
    break;
  }
  return pause(rest);
}

/// A sink is asked once in a turn, whatever lies here for it: it may take its time.
Exchange::Taken Exchange::deliver(std::string_view piece) {
  if (to_sink_) {
    if (std::exchange(visited_, true)) return Taken::later;
    progressed_ = true;
    const auto why = refused_by(*request_.sink, piece);
    if (!why) return Taken::all;
    fail(Outcome::cancelled, "sink", *why);
    return Taken::failed;
  }
  if (!within_limit(body_.size() + piece.size())) return Taken::failed;
  body_.append(piece);
  return Taken::all;
}

bool Exchange::full() const noexcept { return streaming_ && body_.size() >= stream_piece; }

/// Keeps `rest`, and what the decoder has, for the next turn or until the body was taken. What lies
/// in the large buffer stays there, for nothing is read meanwhile.
Exchange::State Exchange::pause(std::string_view rest) {
  if (std::exchange(on_stack_, false)) {
    if (decoder_) decoder_->keep();
    kept_.assign(rest);
    rest = kept_;
  }
  rest_ = rest;
  paused_ = true;
  more_now_ = more_now_ || to_sink_;
  return streaming_ ? State::more : State::waiting;
}

Exchange::State Exchange::resume() {
  if (full()) return State::more;
  paused_ = false;
  drained_ = false;  // who knows what came meanwhile
  std::string_view rest = std::exchange(rest_, {});
  if (const std::size_t size = std::exchange(untaken_, 0); size > 0) {
    if (deliver(rest.substr(0, size)) != Taken::all) return state_;
    rest.remove_prefix(size);
  } else if (decoder_) {
    if (const State state = decode(rest); state != State::waiting || paused_) return state;
  }
  const State state = feed(rest);
  if (visited_) more_now_ = true;
  return state;
}

}  // namespace callerapi::wire
