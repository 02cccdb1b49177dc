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
#include "support/black_hole.hpp"
#include "unit/pool/pool_fixture.hpp"

namespace callerapi::pool {
namespace {

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

TEST_F(Pool, ANewcomerDoesNotTakeWhatComesToRestForWhoWaits) {
  settings_.connections_max = 1;
  Origin& origin = make();
  auto connection = open(origin);
  Asker first, newcomer;
  ask(origin, first);
  on_loop([&] {
    // From another thread: what serves the queue is posted behind this.
    std::thread([&] { origin.give_back(std::move(connection), true); }).join();
    origin.wait(newcomer);
  });
  const bool in_order = first.told();
  EXPECT_TRUE(in_order && !newcomer.told());
  const auto opened = family_->counters.opened.load();
  for (Asker* one : {in_order ? &first : &newcomer, in_order ? &newcomer : &first})
    origin.give_back(one->answer().value(), true);
  EXPECT_EQ(family_->counters.opened, opened) << "it was closed, only to be opened again";
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

TEST_F(Pool, WhoAConnectionIsBeingOpenedForFillsNoQueue) {
  settings_.connections_max = 2;
  settings_.queue_max = 0;
  Origin& origin = make();
  Asker first, second, third;
  on_loop([&] {
    for (Asker* asker : {&first, &second, &third}) origin.wait(*asker);
  });

  ASSERT_TRUE(third.told());
  EXPECT_EQ(third.answer().error().outcome, Outcome::queue_full);
  auto one = first.answer(), two = second.answer();
  ASSERT_TRUE(one && two) << "or a queue of none would let nobody through at all";
  origin.give_back(std::move(*one), true);
  origin.give_back(std::move(*two), true);
}

TEST_F(Pool, TellsWhatItHasBeenAtForSoLong) {
  const support::BlackHole hole;
  settings_.port = static_cast<std::uint16_t>(hole.port());
  Origin& origin = make();
  Asker asker;
  on_loop([&] {
    const TimePoint before = loop_.now();
    EXPECT_EQ(origin.opening(before), std::nullopt) << "at nothing";
    origin.wait(asker);
    EXPECT_EQ(origin.opening(loop_.now()), Phase::connect);
    EXPECT_EQ(origin.opening(before - 1s), std::nullopt) << "not yet for so long";
    origin.withdraw(asker);
  });
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
  for (Duration Settings::*off : {&Settings::dns, &Settings::connect}) {
    const Duration was = std::exchange(settings_.*off, 0s);
    EXPECT_EQ(make().open_time(), Duration::max()) << "no time is no bound";
    settings_.*off = was;
  }
}

}  // namespace
}  // namespace callerapi::pool
