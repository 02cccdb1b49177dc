#include "pool/connector.hpp"

#include <chrono>
#include <utility>

namespace callerapi::pool {
namespace {

std::string ms(Duration d) {
  return std::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(d).count()) + " ms";
}

}  // namespace

Connector::Connector(const Settings& settings, wire::Loop& loop, Owner owner)
    : settings_(settings), loop_(loop), owner_(std::move(owner)), timer_([this] { on_time(); }) {}

Connector::~Connector() { abandon(); }

void Connector::abandon() {
  owner_.opened = nullptr;
  loop_.disarm(timer_);
  race_.reset();
  handshake_.reset();
}

void Connector::begin() {
  resolving_ = true;
  times_.began = loop_.now();
  if (settings_.dns > Duration::zero()) loop_.arm(timer_, times_.began + settings_.dns);
  const auto& proxy = settings_.proxy;
  loop_.resolve(proxy ? proxy->host : settings_.host, proxy ? proxy->port : settings_.port,
                [self = weak_from_this()](Result<std::vector<wire::Address>> found) {
                  if (auto alive = self.lock()) alive->on_resolved(std::move(found));
                });
}

void Connector::on_resolved(Result<std::vector<wire::Address>> found) {
  if (!owner_.opened || !resolving_) return;
  resolving_ = false;
  loop_.disarm(timer_);
  if (!found) return finish(std::move(found).error());
  times_.resolved = loop_.now();
  owner_.found(found->size());
  race_.emplace(settings_, loop_, std::move(*found), owner_.make_room,
                [this](auto raced) { on_raced(std::move(raced)); });
  race_->begin();
}

void Connector::on_raced(Result<std::unique_ptr<wire::Stream>> raced) {
  if (!raced) return finish(std::move(raced));
  established(std::move(*raced));
}

void Connector::on_time() {
  resolving_ = false;
  finish(Error{.outcome = Outcome::dns_error,
               .reason = "timeout",
               .message = (settings_.proxy ? settings_.proxy->host : settings_.host) +
                          ": name lookup took longer than timeouts.dns = " + ms(settings_.dns),
               .phase = Phase::dns});
}

/// TCP is connected; who the peer is remains to be seen.
void Connector::established(std::unique_ptr<wire::Stream> stream) {
  times_.connected = loop_.now();
  if (!settings_.tls) return finish(std::move(stream));
  handshake_.emplace(settings_, loop_, [this](auto result) { finish(std::move(result)); });
  handshake_->begin(std::move(stream));
}

void Connector::finish(Result<std::unique_ptr<wire::Stream>> result) {
  loop_.disarm(timer_);
  times_.ready = handshake_ ? loop_.now() : times_.connected;
  if (!owner_.opened) return;
  if (!result && settings_.proxy) result.error().message = "proxy " + result.error().message;
  // The owner drops us in the call below, but a timer of ours may be what is running.
  loop_.post([self = shared_from_this()] {});
  std::exchange(owner_.opened, nullptr)(*this, std::move(result));
}

}  // namespace callerapi::pool
