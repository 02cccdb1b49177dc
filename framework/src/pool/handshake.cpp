#include "pool/handshake.hpp"

#include <chrono>
#include <utility>

namespace callerapi::pool {

Handshake::Handshake(const Settings& settings, wire::Loop& loop, Done done)
    : settings_(settings), loop_(loop), done_(std::move(done)), timer_([this] { on_time(); }) {}

Handshake::~Handshake() { drop(); }

void Handshake::drop() noexcept {
  loop_.disarm(timer_);
  if (stream_) loop_.forget(*stream_);
  stream_.reset();
}

void Handshake::begin(std::unique_ptr<wire::Stream> connected) {
  stream_ = std::make_unique<wire::TlsStream>(settings_.tls, std::move(connected));
  if (auto watched = loop_.watch(*stream_, *this); !watched)
    return settle(std::move(watched).error());
  if (settings_.handshake > Duration::zero()) loop_.arm(timer_, loop_.now() + settings_.handshake);
  on_ready();
}

void Handshake::on_ready() noexcept {
  switch (stream_->handshake()) {
    case wire::TlsStream::Handshake::again:
      return;
    case wire::TlsStream::Handshake::done:
      loop_.rest(*stream_);
      return settle(std::unique_ptr<wire::Stream>(std::move(stream_)));
    case wire::TlsStream::Handshake::failed:
      return settle(stream_->take_error());
  }
}

void Handshake::on_time() {
  const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(settings_.handshake);
  settle(Error{.outcome = Outcome::tls_error,
               .reason = "timeout",
               .message = settings_.tls->where() + ": no TLS handshake within timeouts.tls = " +
                          std::to_string(ms.count()) + " ms",
               .phase = Phase::tls});
}

void Handshake::settle(Result<std::unique_ptr<wire::Stream>> result) {
  drop();
  // What is told may destroy this object.
  const Done done = std::move(done_);
  done(std::move(result));
}

}  // namespace callerapi::pool
