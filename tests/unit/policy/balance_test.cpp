#include "policy/balance.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cmath>
#include <queue>
#include <stop_token>
#include <string>
#include <thread>
#include <tuple>

#include "group.hpp"

namespace callerapi::policy {
namespace {

using namespace std::chrono_literals;

double in_ms(double seconds) { return seconds * 1000; }

TEST(InstanceHealth, APeakCountsAtOnceAndFadesWithoutBeingAsked) {
  const TimePoint start(1h);
  InstanceHealth health(start);
  EXPECT_NEAR(in_ms(health.ewma(start)), 30, 0.01) << "before anything is known";
  health.sample(200ms, start);
  EXPECT_NEAR(in_ms(health.ewma(start)), 200, 0.01);
  EXPECT_NEAR(in_ms(health.ewma(start + 10s)), 200 / std::exp(1.0), 0.1);
  health.sample(10ms, start + 10s);
  const double k = std::exp(-1.0);
  EXPECT_NEAR(in_ms(health.ewma(start + 10s)), 200 * k + 10 * (1 - k), 0.1);
}

TEST(InstanceHealth, AQuickFailureCostsASecondThenTwiceWhatItCostAndAtMostFive) {
  const TimePoint now(1h);
  InstanceHealth health(now);
  for (double expected : {1.0, 2.0, 4.0, 5.0, 5.0}) {
    health.penalize(1ms, now);
    EXPECT_NEAR(health.ewma(now), expected, 1e-6);
  }
  InstanceHealth slow(now);
  slow.penalize(3s, now);
  EXPECT_NEAR(slow.ewma(now), 3, 1e-6);
  slow.penalize(60s, now);
  EXPECT_NEAR(slow.ewma(now), 5, 1e-6);
}

TEST(InstanceHealth, WhatWasGivenUpSaysOnlyThatTheLatencyIsMore) {
  const TimePoint now(1h);
  InstanceHealth health(now);
  health.at_least(10ms, now + 1s);
  EXPECT_NEAR(in_ms(health.ewma(now)), 30, 0.01);
  health.at_least(100ms, now + 1s);
  EXPECT_NEAR(in_ms(health.ewma(now + 1s)), 100, 0.01);
}

TEST(InstanceHealth, ManySamplesInOneMillisecondDoNotWearAPeakAway) {
  const TimePoint now(1h);
  InstanceHealth health(now);
  health.sample(1s, now);
  for (int i = 0; i < 1000; ++i) health.sample(1ms, now + 1us * i);
  EXPECT_NEAR(health.ewma(now + 1ms), 1, 0.01);
}

TEST(Balance, TheCheaperOfTwoIsTheOneThatAnswersSoonerAndHasLessToDo) {
  Group group(2);
  group[0].sample(100ms, group.now);
  group[1].sample(40ms, group.now);
  EXPECT_EQ(group.pick(), 1u);
  group[1].begin();
  EXPECT_EQ(group.pick(), 1u) << "80 ms against 100";
  group[1].begin();
  EXPECT_EQ(group.pick(), 0u) << "120 ms against 100";
}

TEST(Balance, EqualsAreChosenAtRandom) {
  Group group(4);
  for (int count : group.picks(4000)) EXPECT_NEAR(count, 1000, 150);
}

TEST(Balance, WeightDividesTheCost) {
  Group group(2, {1, 3});
  group[1].begin();
  EXPECT_EQ(group.pick(), 1u) << "two thirds of what the other costs";
  for (int i = 0; i < 2; ++i) group[1].begin();
  EXPECT_EQ(group.pick(), 0u) << "four thirds";
}

TEST(Balance, RoundRobinTakesTurnsByWeightAndEvenly) {
  Group equal(3);
  equal.settings.balance.policy = BalancePolicy::round_robin;
  std::string turns;
  for (int i = 0; i < 6; ++i) turns += static_cast<char>('a' + static_cast<char>(equal.pick()));
  EXPECT_EQ(turns, "abcabc");

  Group weighted(3, {4, 2, 2});
  weighted.settings.balance.policy = BalancePolicy::round_robin;
  turns.clear();
  for (int i = 0; i < 8; ++i) turns += static_cast<char>('a' + static_cast<char>(weighted.pick()));
  EXPECT_EQ(turns, "abacabac");
}

TEST(Balance, RoundRobinSharesTheTurnsOfOneThatIsOut) {
  Group group(3);
  group.settings.balance.policy = BalancePolicy::round_robin;
  group.fail(1, 5);
  const auto of = group.picks(300);
  EXPECT_EQ(of[1], 0);
  EXPECT_EQ(of[0], 150);
  EXPECT_EQ(of[2], 150);
}

TEST(Balance, LeastRequestLooksAtNothingButTheLoad) {
  Group group(2);
  group.settings.balance.policy = BalancePolicy::least_request;
  group[0].sample(5s, group.now);
  group[1].begin();
  EXPECT_EQ(group.pick(), 0u);
}

TEST(Balance, FirstGoesOnOnlyWhileTheOneBeforeIsOut) {
  Group group(3);
  group.settings.balance.policy = BalancePolicy::first;
  EXPECT_EQ(group.picks(100)[0], 100);
  group.fail(0, 5);
  EXPECT_EQ(group.picks(100)[1], 100);
  group.now = group[0].ejected_until();
  EXPECT_EQ(group.picks(100)[0], 100);
}

TEST(Balance, APriorityIsUsedOnceNobodyOfTheOneBeforeIsLeft) {
  for (const auto policy : {BalancePolicy::p2c_ewma, BalancePolicy::round_robin,
                            BalancePolicy::least_request, BalancePolicy::first}) {
    Group group(4, {}, {20, 10, 10, 20});
    group.settings.balance.policy = policy;
    auto of = group.picks(200);
    EXPECT_EQ(of[1] + of[2], 200);
    group.fail(1, 5);
    EXPECT_EQ(group.picks(100)[2], 100) << "one is left";
    group.fail(2, 5);
    of = group.picks(100);
    EXPECT_EQ(of[0] + of[3], 100);
    group.now = group[1].ejected_until();
    of = group.picks(100);
    EXPECT_EQ(of[0] + of[3], 0) << "back at once, slow start or not";
  }
}

TEST(Balance, ARetryGoesOnToTheNextPriorityAndBackRatherThanToOneThatIsOut) {
  Group group(3, {}, {1, 2, 2});
  Tried tried;
  tried.add(0);
  EXPECT_NE(group.pick(tried), 0u);
  tried.add(1);
  tried.add(2);
  EXPECT_EQ(group.pick(tried), 0u) << "all were tried: the first priority again";
}

TEST(Balance, ACallGoesToAnotherInstanceAsLongAsThereIsOne) {
  for (const auto policy : {BalancePolicy::p2c_ewma, BalancePolicy::round_robin,
                            BalancePolicy::least_request, BalancePolicy::first}) {
    Group group(3);
    group.settings.balance.policy = policy;
    Tried tried;
    for (int i = 0; i < 3; ++i) {
      const auto next = group.pick(tried);
      EXPECT_FALSE(tried.contains(next));
      tried.add(next);
    }
    EXPECT_LT(group.pick(tried), 3u) << "better one of them again than none";
  }
}

TEST(Balance, OneThatFailedInThisCallIsBetterThanOneThatIsOut) {
  Group group(2);
  group.fail(0, 5);
  Tried tried;
  tried.add(1);
  EXPECT_EQ(group.pick(tried), 1u);
}

TEST(Balance, AnInstanceThatAskedForItIsLeftAloneForThirtySecondsAtMost) {
  Group group(2);
  group.ejector.cool(group[0], 3600s, group.now);
  EXPECT_EQ(group.picks(100)[0], 0);
  group.now += 29s;
  EXPECT_EQ(group.picks(100)[0], 0);
  group.now += 1s;
  EXPECT_GT(group.picks(100)[0], 0);
}

TEST(Balance, IfAllAskedForItTheyAreAskedAllTheSame) {
  Group group(2);
  group.ejector.cool(group[0], 5s, group.now);
  group.ejector.cool(group[1], 5s, group.now);
  for (int count : group.picks(100)) EXPECT_GT(count, 0);
}

TEST(Balance, OneIsChosenOfThoseThereAreWhileAnotherThreadEjectsTheLast) {
  Group group(4);
  const TimePoint until = group.now + 30s;
  group.keep_out(3, until);
  std::atomic<int> turns{0};
  std::jthread other([&](const std::stop_token& over) {
    for (; !over.stop_requested(); ++turns) {
      group.ejector.let_in(group[3], group.now);
      group.keep_out(3, until);
    }
  });
  for (int picks = 0; picks < 1'000'000 || turns < 100'000; ++picks) ASSERT_LT(group.pick(), 4u);
}

TEST(Balance, NoInstanceIsNoChoice) {
  Ejector ejector;
  const Balancer none({});
  Choice choice;
  EXPECT_FALSE(none.pick(ejector, {}, {}, TimePoint(1h), 1, choice));
}

/// Calls at random times against instances of which #0 fails after 1 ms for a while.
class FastFailer {
 public:
  explicit FastFailer(std::uint64_t seed, EjectionMode mode) : random_(seed), group_(3) {
    group_.random = base::Random(seed + 1);
    group_.settings.ejection.mode = mode;
  }

  struct Share {
    int calls = 0, at_the_failer = 0;
    double share() const { return calls == 0 ? 0 : static_cast<double>(at_the_failer) / calls; }
  };
  /// Calls that begin until so many seconds after the start.
  Share run_until(double seconds) {
    Share share;
    for (; arrival_ < seconds; arrival_ += exponential(1 / rate)) {
      while (!ends_.empty() && std::get<0>(ends_.top()) <= arrival_) end_first();
      group_.now = at(arrival_);
      const std::size_t i = group_.pick();
      group_[i].begin();
      const bool fails = i == 0 && arrival_ >= 10 && arrival_ < 40;
      const double latency = fails ? 0.001 : 0.025 + exponential(0.025);
      ends_.emplace(arrival_ + latency, latency, i, fails);
      ++share.calls;
      share.at_the_failer += i == 0 ? 1 : 0;
    }
    return share;
  }

 private:
  static constexpr double rate = 200;
  static TimePoint at(double seconds) {
    return TimePoint(1h) + Duration(static_cast<Duration::rep>(seconds * 1e9));
  }
  double exponential(double mean) {
    return -mean * std::log1p(-static_cast<double>(random_.below(1'000'000)) / 1e6);
  }
  void end_first() {
    const auto [when, latency, i, failed] = ends_.top();
    ends_.pop();
    group_.now = at(when);
    const Duration took(static_cast<Duration::rep>(latency * 1e9));
    group_[i].end();
    failed ? group_[i].penalize(took, group_.now) : group_[i].sample(took, group_.now);
    failed ? group_.fail(i) : group_.succeed(i);
  }

  base::Random random_;
  Group group_;
  double arrival_ = 0;
  using End = std::tuple<double, double, std::size_t, bool>;
  std::priority_queue<End, std::vector<End>, std::greater<>> ends_;
};

TEST(S19, N11_AnInstanceThatFailsFastIsHardlyHitAndGetsItsShareBack) {
  for (const auto mode : {EjectionMode::on, EjectionMode::off})
    for (std::uint64_t seed = 1; seed <= 10; ++seed) {
      SCOPED_TRACE(seed);
      FastFailer model(seed, mode);
      EXPECT_GT(model.run_until(10).share(), 0.25);
      EXPECT_LE(model.run_until(40).share(), 0.005);
      model.run_until(65);
      EXPECT_GE(model.run_until(70).share(), 0.2) << "in the last of thirty seconds";
    }
}

}  // namespace
}  // namespace callerapi::policy
