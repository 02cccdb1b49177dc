#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "pool/origin.hpp"
#include "support/raw_server.hpp"
#include "wire/reactor.hpp"

namespace callerapi::pool {

using namespace std::chrono_literals;
using support::Peer;
using support::RawServer;

/// A socket that counts how often it was looked at.
class CountedStream final : public wire::Stream {
 public:
  CountedStream(std::unique_ptr<wire::Stream> below, std::atomic<int>& looks)
      : below_(std::move(below)), looks_(looks) {}
  wire::IoResult read(char* into, std::size_t size) noexcept override {
    return below_->read(into, size);
  }
  wire::IoResult write(const iovec* pieces, int count) noexcept override {
    return below_->write(pieces, count);
  }
  bool quiet() noexcept override { return ++looks_, below_->quiet(); }
  int connect_error() noexcept override { return below_->connect_error(); }
  void shutdown() noexcept override { below_->shutdown(); }
  int fd() const noexcept override { return below_->fd(); }

 private:
  const std::unique_ptr<wire::Stream> below_;
  std::atomic<int>& looks_;
};

/// The real loop, with counted sockets.
class CountingLoop final : public wire::Loop {
 public:
  explicit CountingLoop(wire::Reactor& below) : below_(below) {}
  TimePoint now() const noexcept override { return below_.now(); }
  std::int64_t wall_ms() const noexcept override { return below_.wall_ms(); }
  std::uint64_t random() noexcept override { return below_.random(); }
  void post(std::function<void()> task) override { below_.post(std::move(task)); }
  bool inside() const noexcept override { return below_.inside(); }
  void arm(wire::Timer& timer, TimePoint due) override { below_.arm(timer, due); }
  void disarm(wire::Timer& timer) override { below_.disarm(timer); }
  void resolve(const std::string& host, std::uint16_t port, Resolved done) override {
    below_.resolve(host, port, std::move(done));
  }
  Result<std::unique_ptr<wire::Stream>> connect(const wire::Address& to) override {
    auto stream = below_.connect(to);
    if (!stream) return stream;
    return std::unique_ptr<wire::Stream>(new CountedStream(std::move(*stream), looks));
  }
  Result<void> watch(wire::Stream& stream, wire::StreamEvents& events) override {
    return below_.watch(stream, events);
  }
  void rest(wire::Stream& stream) noexcept override { below_.rest(stream); }
  bool stirred(wire::Stream& stream) noexcept override { return below_.stirred(stream); }
  void forget(wire::Stream& stream) noexcept override { below_.forget(stream); }

  std::atomic<int> looks{0};

 private:
  wire::Reactor& below_;
};

using Got = Result<std::unique_ptr<Connection>>;

/// One who waits in the queue.
class Asker final : public Waiter {
 public:
  void on_connection(Got got) noexcept override { got_.set_value(std::move(got)); }
  Wants wants() const noexcept override { return fresh ? Wants::fresh : Wants::any; }
  bool told() { return answer_.wait_for(0s) == std::future_status::ready; }
  Got answer() {
    EXPECT_EQ(answer_.wait_for(20s), std::future_status::ready);
    return answer_.get();
  }

  bool fresh = false;

 private:
  std::promise<Got> got_;
  std::future<Got> answer_ = got_.get_future();
};

/// One pool on a loop whose clock stands still until a test moves it.
class Pool : public testing::Test {
 protected:
  Pool() {
    settings_.host = "127.0.0.1";
    settings_.port = static_cast<std::uint16_t>(server_.port());
  }
  ~Pool() override {
    on_loop([this] {
      for (const auto& origin : origins_) origin->close(Error{Outcome::shutdown, "shutdown", ""});
      origins_.clear();
    });
  }
  Origin& make(std::shared_ptr<Quota> quota = std::make_shared<Quota>()) {
    origins_.push_back(std::make_shared<Origin>(settings_, loop_, family_, std::move(quota)));
    return *origins_.back();
  }
  void on_loop(const std::function<void()>& task) {
    std::promise<void> done;
    reactor_->post([&] { task(), done.set_value(); });
    done.get_future().get();
  }
  void ask(Origin& origin, Asker& asker) {
    on_loop([&] { origin.wait(asker); });
  }
  std::unique_ptr<Connection> open(Origin& origin) {
    Asker asker;
    asker.fresh = true;
    ask(origin, asker);
    return asker.answer().value();
  }
  /// So many connections that rest.
  void keep(Origin& origin, int count) {
    std::vector<std::unique_ptr<Connection>> opened;
    for (int i = 0; i < count; ++i) opened.push_back(open(origin));
    for (auto& connection : opened) origin.give_back(std::move(connection), true);
  }
  void sweep(Origin& origin) {
    on_loop([&] { origin.sweep(); });
  }
  std::uint64_t connections() const { return family_->counters.open; }

  std::promise<void> closing_;
  std::shared_future<void> close_now_ = closing_.get_future().share();
  RawServer server_{[this](Peer& peer) {
    while (!peer.readable(5))
      if (close_now_.wait_for(0s) == std::future_status::ready) return;
  }};
  base::ManualClock clock_;
  std::unique_ptr<wire::Reactor> reactor_ = wire::Reactor::start(clock_).value();
  CountingLoop loop_{*reactor_};
  std::shared_ptr<Family> family_ = std::make_shared<Family>();
  Settings settings_;
  std::vector<std::shared_ptr<Origin>> origins_;
};

}  // namespace callerapi::pool
