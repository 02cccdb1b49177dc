#include "pool/origin.hpp"

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

#include "pool/address_race.hpp"
#include "support/raw_server.hpp"
#include "wire/reactor.hpp"

namespace callerapi::pool {
namespace {

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

TEST_F(Pool, AConnectionIsLeftAloneASecondBeforeThePeerClosesIt) {
  Origin& origin = make();
  auto connection = open(origin);
  connection->stream->peer_keeps = 5s;
  origin.give_back(std::move(connection), true);

  clock_.advance(3999ms);
  connection = origin.take();
  ASSERT_TRUE(connection);
  origin.give_back(std::move(connection), true);
  clock_.advance(4s);
  EXPECT_FALSE(origin.take());
  EXPECT_EQ(connections(), 0u);
}

TEST_F(Pool, APeerThatKeepsItForASecondOrLessGetsNoSecondRequest) {
  Origin& origin = make();
  for (const Duration keeps : {Duration(0s), Duration(1s)}) {
    auto connection = open(origin);
    connection->stream->peer_keeps = keeps;
    origin.give_back(std::move(connection), true);
    EXPECT_EQ(connections(), 0u) << "closed at once and not by a later sweep";
  }
}

TEST_F(Pool, APeerThatKeepsItForLongDoesNotLengthenWhatIsConfigured) {
  settings_.idle = 10s;
  Origin& origin = make();
  auto connection = open(origin);
  connection->stream->peer_keeps = 3600s;
  origin.give_back(std::move(connection), true);

  clock_.advance(10s);
  EXPECT_FALSE(origin.take());
}

TEST_F(Pool, ConnectionsOpenedTogetherEndWithinATenthOfTheirAgeButNotTogether) {
  settings_.age = 300s;
  settings_.idle = 3600s;
  Origin& origin = make();
  keep(origin, 40);

  clock_.advance(269s);
  sweep(origin);
  EXPECT_EQ(connections(), 40u);
  clock_.advance(31s);
  sweep(origin);
  EXPECT_GT(connections(), 0u);
  EXPECT_LT(connections(), 40u);
  clock_.advance(31s);
  sweep(origin);
  EXPECT_EQ(connections(), 0u);
}

TEST_F(Pool, WhoWaitsIsServedInOrderOfArrivalAndWhoLeftIsSkipped) {
  settings_.connections_max = 1;
  Origin& origin = make();
  auto connection = open(origin);
  Asker first, leaving, third;
  for (Asker* asker : {&first, &leaving, &third}) ask(origin, *asker);
  on_loop([&] { origin.withdraw(leaving); });

  on_loop([&] { origin.give_back(std::move(connection), true); });
  connection = first.answer().value();
  EXPECT_FALSE(third.told());
  on_loop([&] { origin.give_back(std::move(connection), true); });
  origin.give_back(third.answer().value(), true);
  EXPECT_FALSE(leaving.told());
}

TEST_F(Pool, AFullQueueRefusesAtOnce) {
  settings_.connections_max = 1;
  settings_.queue_max = 2;
  Origin& origin = make();
  auto held = open(origin);
  Asker first, second, third;
  for (Asker* asker : {&first, &second, &third}) ask(origin, *asker);

  ASSERT_TRUE(third.told());
  const auto refused = third.answer();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().outcome, Outcome::queue_full);
  EXPECT_EQ(refused.error().message,
            "127.0.0.1:" + std::to_string(server_.port()) +
                ": 2 calls already wait for a connection; raise pool.connections_max or call less");
  EXPECT_FALSE(first.told());
  on_loop([&] { origin.withdraw(first), origin.withdraw(second); });
  origin.give_back(std::move(held), true);
}

TEST_F(Pool, ASweepAsksTheKernelOnlyAboutConnectionsThatMoved) {
  Origin& origin = make();
  keep(origin, 20);

  sweep(origin);
  const int once = loop_.looks;
  for (int i = 0; i < 10; ++i) sweep(origin);
  EXPECT_EQ(loop_.looks, once) << "one look after each use, none while nothing happens";
  EXPECT_LE(once, 20);
}

TEST_F(Pool, ASweepClosesWhatThePeerClosedWhileItRested) {
  Origin& origin = make();
  keep(origin, 20);
  sweep(origin);
  sweep(origin);
  ASSERT_EQ(connections(), 20u);

  closing_.set_value();
  const auto until = std::chrono::steady_clock::now() + 20s;
  while (connections() > 0 && std::chrono::steady_clock::now() < until) sweep(origin);
  EXPECT_EQ(connections(), 0u);
}

TEST_F(Pool, ASweepVisitsNoServiceThatHasNoConnection) {
  for (int i = 0; i < 1'000; ++i) make();
  Origin& called = *origins_[500];
  Origin& used = *origins_[700];
  const auto visited = [this] {
    std::size_t count = 0;
    on_loop([&] { count = family_->sweep(); });
    return count;
  };
  EXPECT_EQ(visited(), 0u);

  keep(called, 2);
  auto held = open(used);
  EXPECT_EQ(visited(), 1u) << "the one where connections rest";
  used.give_back(std::move(held), true);
  EXPECT_EQ(visited(), 2u);

  held = used.take();
  EXPECT_EQ(visited(), 2u) << "in use: it will be back, and need not be listed anew";
  used.give_back(std::move(held), true);
  clock_.advance(settings_.idle);
  EXPECT_EQ(visited(), 2u) << "both close what they had";
  EXPECT_EQ(connections(), 0u);
  EXPECT_EQ(visited(), 0u);

  keep(called, 1);
  EXPECT_EQ(visited(), 1u) << "listed again";
}

TEST_F(Pool, TheLongestIdleOfAllServicesMakesRoomForOneThatIsNeeded) {
  Origin& young = make();
  Origin& old = make();
  keep(old, 2);
  clock_.advance(1s);
  keep(young, 1);

  EXPECT_TRUE(family_->close_longest_idle());
  EXPECT_TRUE(family_->close_longest_idle());
  EXPECT_EQ(old.idle_since(), TimePoint::max());
  EXPECT_NE(young.idle_since(), TimePoint::max());
  EXPECT_TRUE(family_->close_longest_idle());
  EXPECT_FALSE(family_->close_longest_idle()) << "nothing rests any more";
  EXPECT_EQ(family_->counters.sacrificed, 3u);
}

TEST_F(Pool, OpeningMayTakeAStaggerForEachFurtherAddress) {
  wire::NameSettings names;
  names.hosts["svc.test"] = {"127.0.0.1", "127.0.0.2", "127.0.0.3"};
  reactor_->set_names(names);
  settings_.host = "svc.test";
  Origin& origin = make();
  EXPECT_EQ(origin.open_time(), settings_.dns + settings_.connect);

  origin.give_back(open(origin), true);
  EXPECT_EQ(origin.open_time(), settings_.dns + settings_.connect + 2 * address_stagger);
}

/// The instances of one service, which share what it may have of connections.
class PoolOfSeveral : public Pool {
 protected:
  Origin& instance() { return make(quota_); }
  void settle() {
    for (int i = 0; i < 3; ++i) on_loop([] {});
  }
  std::shared_ptr<Quota> quota_ = std::make_shared<Quota>();
};

TEST_F(PoolOfSeveral, TogetherNeverHaveMoreConnectionsThanTheService) {
  settings_.service_connections_max = 3;
  std::vector<Origin*> instances{&instance(), &instance(), &instance(), &instance()};
  constexpr int each = 8;
  std::vector<std::unique_ptr<Asker>> waiting;
  for (int i = 0; i < each; ++i)
    for (Origin* origin : instances) {
      waiting.push_back(std::make_unique<Asker>());
      ask(*origin, *waiting.back());
    }
  int served = 0;
  const auto until = std::chrono::steady_clock::now() + 20s;
  while (served < each * 4 && std::chrono::steady_clock::now() < until) {
    for (std::size_t i = 0; i < waiting.size(); ++i) {
      ASSERT_LE(connections(), 3u);
      ASSERT_LE(quota_->taken(), 3);
      if (!waiting[i] || !waiting[i]->told()) continue;
      auto got = waiting[i]->answer();
      ASSERT_TRUE(got);
      instances[i % 4]->give_back(std::move(*got), true);
      waiting[i] = nullptr;
      ++served;
    }
    std::this_thread::yield();
  }
  EXPECT_EQ(served, each * 4) << "each of every instance had its turn";
}

TEST_F(PoolOfSeveral, OneThatRestsElsewhereMakesRoom) {
  settings_.service_connections_max = 2;
  Origin &full = instance(), &empty = instance();
  keep(full, 2);
  auto connection = open(empty);
  EXPECT_EQ(connections(), 2u);
  empty.give_back(std::move(connection), true);
}

TEST_F(PoolOfSeveral, AnInstanceThatIsBusyGivesUpWhatIsAboveItsPartForOneThatHasNone) {
  settings_.service_connections_max = 2;
  Origin &busy = instance(), &starved = instance();
  auto one = open(busy), two = open(busy);
  Asker of_busy, of_starved;
  ask(busy, of_busy);
  ask(starved, of_starved);
  EXPECT_TRUE(starved.short_of_quota());
  busy.give_back(std::move(one), true);
  starved.give_back(of_starved.answer().value(), true);
  busy.give_back(std::move(two), true);
  busy.give_back(of_busy.answer().value(), true);
  EXPECT_LE(connections(), 2u);
}

TEST_F(PoolOfSeveral, WhatCouldNotBeOpenedOrIsGoneTakesNothing) {
  settings_.service_connections_max = 2;
  settings_.port = 1;
  Origin& refused = instance();
  for (int i = 0; i < 3; ++i) {
    Asker asker;
    ask(refused, asker);
    EXPECT_EQ(asker.answer().error().reason, "refused");
  }
  EXPECT_EQ(quota_->taken(), 0);
  settings_.port = static_cast<std::uint16_t>(server_.port());
  Origin& sound = instance();
  keep(sound, 2);
  EXPECT_EQ(quota_->taken(), 2);
  sound.drain();
  EXPECT_EQ(quota_->taken(), 0);
}

TEST_F(PoolOfSeveral, UnsetTheServiceMayHave512OrAllThatOneInstanceMay) {
  EXPECT_EQ(Settings{}.service_max(), 512);
  EXPECT_EQ((Settings{.connections_max = 4096}).service_max(), 4096);
  EXPECT_EQ((Settings{.connections_max = 64, .service_connections_max = 2}).service_max(), 2);
}

}  // namespace
}  // namespace callerapi::pool
