#include "pool/connector.hpp"

#include <chrono>
#include <utility>

#include "wire/socket.hpp"

namespace callerapi::pool {
namespace {

std::string ms(Duration d) {
  return std::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(d).count()) + " ms";
}

}  // namespace

Connector::Connector(const Settings& settings, wire::Loop& loop, Opened opened)
    : settings_(settings), loop_(loop), opened_(std::move(opened)), timer_([this] { on_time(); }) {}

Connector::~Connector() { abandon(); }

void Connector::abandon() {
  opened_ = nullptr;
  loop_.disarm(timer_);
  if (stream_) loop_.forget(*stream_);
  stream_.reset();
}

void Connector::begin() {
  resolving_ = true;
  if (settings_.dns > Duration::zero()) loop_.arm(timer_, loop_.now() + settings_.dns);
  loop_.resolve(settings_.host, settings_.port,
                [self = weak_from_this()](Result<std::vector<wire::Address>> found) {
                  if (auto alive = self.lock()) alive->on_resolved(std::move(found));
                });
}

void Connector::on_resolved(Result<std::vector<wire::Address>> found) {
  if (!opened_ || !resolving_) return;
  resolving_ = false;
  loop_.disarm(timer_);
  if (!found) return finish(std::move(found).error());
  addresses_ = std::move(*found);
  try_next();
}

void Connector::try_next() {
  while (next_ < addresses_.size()) {
    auto stream = loop_.connect(addresses_[next_++]);
    if (!stream) {
      last_ = std::move(stream).error();
      continue;
    }
    stream_ = std::move(*stream);
    if (auto watched = loop_.watch(*stream_, *this); !watched) return finish(watched.error());
    if (settings_.connect > Duration::zero()) loop_.arm(timer_, loop_.now() + settings_.connect);
    return;
  }
  finish(std::move(last_));
}

void Connector::on_ready() noexcept {
  // Edge-triggered: the first event may come before the handshake is decided.
  const int error = stream_->connect_error();
  loop_.disarm(timer_);
  if (error == 0) return finish(std::move(stream_));
  const wire::Address& to = addresses_[next_ - 1];
  last_ = {.outcome = Outcome::connect_error,
           .reason = wire::errno_reason(error),
           .message = to.host + ":" + std::to_string(to.port) + ": connection " +
                      wire::errno_reason(error),
           .phase = Phase::connect};
  loop_.forget(*stream_);
  stream_.reset();
  try_next();
}

void Connector::on_time() {
  if (resolving_) {
    resolving_ = false;
    return finish(Error{
        .outcome = Outcome::dns_error,
        .reason = "timeout",
        .message =
            settings_.host + ": name lookup took longer than timeouts.dns = " + ms(settings_.dns),
        .phase = Phase::dns});
  }
  const wire::Address& to = addresses_[next_ - 1];
  last_ = {.outcome = Outcome::connect_timeout,
           .reason = "timeout",
           .message = to.host + ":" + std::to_string(to.port) +
                      ": no connection within timeouts.connect = " + ms(settings_.connect),
           .phase = Phase::connect};
  loop_.forget(*stream_);
  stream_.reset();
  try_next();
}

void Connector::finish(Result<std::unique_ptr<wire::Stream>> result) {
  loop_.disarm(timer_);
  if (!opened_) return;
  const auto self = shared_from_this();  // the owner drops us in the call below
  if (result) loop_.rest(**result);
  std::exchange(opened_, nullptr)(*this, std::move(result));
}

}  // namespace callerapi::pool
