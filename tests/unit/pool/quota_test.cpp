#include "pool/quota.hpp"

#include <gtest/gtest.h>

#include "unit/pool/pool_fixture.hpp"

namespace callerapi::pool {
namespace {

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

TEST_F(PoolOfSeveral, WhoAloneWaitsKeepsWhatComesBack) {
  settings_.service_connections_max = 2;
  Origin &busy = instance(), &calm = instance();
  auto one = open(busy), two = open(busy);
  const std::uint64_t opened = family_->counters.opened;
  for (int i = 0; i < 10; ++i) {
    Asker asker;
    ask(busy, asker);
    busy.give_back(std::move(one), true);
    one = asker.answer().value();
  }
  EXPECT_EQ(family_->counters.opened, opened) << "closed, only to be opened again";
  busy.give_back(std::move(one), true);
  busy.give_back(std::move(two), true);
  EXPECT_EQ(calm.census().idle, 0u);
}

TEST_F(PoolOfSeveral, WhoWaitsNoLongerCostsNobodyAConnection) {
  settings_.service_connections_max = 2;
  settings_.queue_max = 1;
  Origin &busy = instance(), &other = instance();
  auto one = open(busy), two = open(busy);
  Asker gone, refused;
  ask(other, gone);
  ask(other, refused);
  EXPECT_TRUE(quota_->hungry());
  const Error full = refused.answer().error();
  EXPECT_EQ(full.outcome, Outcome::queue_full);
  EXPECT_EQ(full.message, "127.0.0.1:" + std::to_string(server_.port()) +
                              ": 1 calls already wait for a connection; raise "
                              "pool.service_connections_max or call less");
  on_loop([&] { other.withdraw(gone); });
  EXPECT_FALSE(quota_->hungry());
  busy.give_back(std::move(one), true);
  busy.give_back(std::move(two), true);
  EXPECT_EQ(connections(), 2u);
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

TEST_F(PoolOfSeveral, WhatComesToRestElsewhereIsTakenByWhoeverWaits) {
  settings_.service_connections_max = 1;
  Origin &left = instance(), &waits = instance();
  Asker gone, starved;
  on_loop([&] {
    left.wait(gone);  // opens the only one there may be
    left.withdraw(gone);
    waits.wait(starved);
  });
  waits.give_back(starved.answer().value(), true);
}

/// One comes to rest on another thread between the look for one that rests and the entry into the
/// queue: the moment is tried at each delay.
TEST_F(PoolOfSeveral, WhatComesToRestWhileOneEntersTheQueueIsNotMissed) {
  settings_.service_connections_max = 1;
  Origin *waits = &instance(), *uses = &instance();
  auto connection = open(*uses);
  for (int round = 0; round < 3000; ++round) {
    Asker asker;
    std::atomic<bool> begun{false};
    reactor_->post([&] {
      begun = true;
      waits->wait(asker);
    });
    while (!begun) continue;
    for (std::atomic<int> i{0}; i < round % 300; ++i) continue;
    uses->give_back(std::move(connection), true);
    const auto until = std::chrono::steady_clock::now() + 5s;
    while (!asker.told() && std::chrono::steady_clock::now() < until) std::this_thread::yield();
    const bool told = asker.told();
    if (!told) on_loop([&] { waits->withdraw(asker); });
    ASSERT_TRUE(told) << "in round " << round;
    connection = asker.answer().value();
    std::swap(waits, uses);
  }
  uses->give_back(std::move(connection), true);
}

TEST_F(PoolOfSeveral, WhoWantsAFreshOneGetsItInPlaceOfTheKeptOne) {
  settings_.service_connections_max = 1;
  Origin& only = instance();
  auto used = open(only);
  Asker fresh;
  fresh.fresh = true;
  ask(only, fresh);
  only.give_back(std::move(used), true);
  only.give_back(fresh.answer().value(), true);
  EXPECT_EQ(connections(), 1u);
}

}  // namespace
}  // namespace callerapi::pool
