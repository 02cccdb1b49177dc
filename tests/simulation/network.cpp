#include "simulation/network.hpp"

#include <sys/uio.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <utility>
#include <vector>

namespace callerapi::simulation {
namespace {

using namespace std::chrono_literals;

Duration travel(base::Random& rng) { return std::chrono::microseconds(50 + rng.below(2000)); }

}  // namespace

/// What the engine holds of a cable.
class ClientEnd final : public wire::Stream {
 public:
  ClientEnd(std::shared_ptr<Cable> to, int& open) : cable(std::move(to)), open_(open) { ++open_; }
  ~ClientEnd() override {
    --open_;
    cable->client_leaves();
  }

  wire::IoResult read(char* into, std::size_t size) noexcept override {
    if (cable->reset_arrived_) return {0, ECONNRESET};
    if (cable->arrived_.empty() && cable->shut_) return {0, ESHUTDOWN};
    if (cable->arrived_.empty()) return {0, cable->end_arrived_ ? 0 : EAGAIN};
    const std::size_t n = std::min(size, cable->arrived_.size());
    std::copy_n(cable->arrived_.data(), n, into);
    cable->arrived_.erase(0, n);
    return {n, 0};
  }

  /// Takes what a full socket buffer would: seldom all of it.
  wire::IoResult write(const iovec* pieces, int count) noexcept override {
    if (!cable->connected_) return {0, EAGAIN};
    if (cable->reset_arrived_) return {0, ECONNRESET};
    if (cable->shut_) return {0, EPIPE};
    auto& rng = cable->loop_.rng();
    if (rng.below(16) == 0 && !cable->blocked_) {
      cable->blocked_ = true;
      cable->loop_.after(travel(rng), [cable = cable] {
        cable->blocked_ = false;
        cable->wake();
      });
    }
    if (cable->blocked_) return {0, EAGAIN};
    std::size_t room = rng.below(4) == 0 ? 1 + rng.below(200) : std::size_t{1} << 20;
    std::string bytes;
    for (int i = 0; i < count && room > 0; ++i) {
      const std::size_t n = std::min(room, pieces[i].iov_len);
      bytes.append(static_cast<const char*>(pieces[i].iov_base), n);
      room -= n;
    }
    const std::size_t n = bytes.size();
    cable->to_peer([bytes = std::move(bytes)](Cable& c) { c.peer_->on_bytes(c, bytes); });
    return {n, 0};
  }

  bool short_read_drains() const noexcept override { return true; }
  bool quiet() noexcept override {
    return cable->arrived_.empty() && !cable->end_arrived_ && !cable->reset_arrived_;
  }
  int connect_error() noexcept override { return cable->connect_error_; }
  void shutdown() noexcept override {
    cable->shut_ = true;
    cable->loop_.post([cable = cable] { cable->wake(); });
  }
  int fd() const noexcept override { return -1; }

  const std::shared_ptr<Cable> cable;

 private:
  int& open_;
};

void Cable::wake() {
  if (!watcher_ || end_arrived_ || reset_arrived_) stirred_ = true;
  if (watcher_) watcher_->on_ready();
}

void Cable::to_client(std::function<void(Cable&)> what) {
  last_to_client_ = std::max(last_to_client_, loop_.now() + travel(loop_.rng()));
  loop_.at(last_to_client_, [self = shared_from_this(), what = std::move(what)] {
    if (self->client_gone_ || self->reset_arrived_) return;
    what(*self);
    self->wake();
  });
}

void Cable::to_peer(std::function<void(Cable&)> what) {
  last_to_peer_ = std::max(last_to_peer_, loop_.now() + travel(loop_.rng()));
  loop_.at(last_to_peer_, [self = shared_from_this(), what = std::move(what)] {
    if (!self->reset_sent_) what(*self);
  });
}

void Cable::send(std::string bytes) {
  if (closed_ || reset_sent_) return;
  to_client([bytes = std::move(bytes)](Cable& c) { c.arrived_ += bytes; });
}

void Cable::close() {
  if (std::exchange(closed_, true) || reset_sent_) return;
  to_client([](Cable& c) { c.end_arrived_ = true; });
}

void Cable::reset() {
  if (std::exchange(reset_sent_, true)) return;
  to_client([](Cable& c) {
    c.arrived_.clear();
    c.reset_arrived_ = true;
  });
}

void Cable::client_leaves() {
  client_gone_ = true;
  watcher_ = nullptr;
  to_peer([](Cable& c) { c.peer_->on_end(c); });
}

void Network::resolve(const std::string& host, std::uint16_t port, wire::Loop::Resolved done) {
  loop_.after(travel(loop_.rng()), [this, host, port, done = std::move(done)] {
    if (names_fail)
      return done(Error{.outcome = Outcome::dns_error,
                        .reason = "servfail",
                        .message = host + ": the name servers fail",
                        .phase = Phase::dns});
    done(std::vector<wire::Address>{{host, port}});
  });
}

Result<std::unique_ptr<wire::Stream>> Network::connect(const wire::Address& to) {
  const Place& place = places.at(to.host);
  auto cable = std::make_shared<Cable>(loop_, place.accept());
  if (place.door != Door::swallows)
    cable->to_client([refuses = place.door == Door::refuses](Cable& c) {
      c.connected_ = !refuses;
      c.connect_error_ = refuses ? ECONNREFUSED : 0;
    });
  return std::unique_ptr<wire::Stream>(new ClientEnd(std::move(cable), clients_open));
}

void Network::watch(wire::Stream& stream, wire::StreamEvents* events) noexcept {
  Cable& cable = *static_cast<ClientEnd&>(stream).cable;
  cable.watcher_ = events;
  if (events) return;
  cable.stirred_ = false;
}

bool Network::stirred(wire::Stream& stream) noexcept {
  return std::exchange(static_cast<ClientEnd&>(stream).cable->stirred_, false);
}

}  // namespace callerapi::simulation
