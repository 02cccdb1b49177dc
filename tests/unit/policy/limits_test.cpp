#include "policy/limits.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <thread>
#include <vector>

namespace callerapi::policy {
namespace {

using namespace std::chrono_literals;

constexpr TimePoint start = TimePoint(1h);

/// How many of `calls` calls, `apart` from one another, a rate lets go.
int let_go(Rate& rate, std::int64_t per_second, std::int64_t burst, int calls, Duration apart) {
  int gone = 0;
  for (int i = 0; i < calls; ++i)
    if (rate.take(per_second, burst, start + apart * i) == 0ns) ++gone;
  return gone;
}

TEST(Inflight, AdmitsUpToTheLimitAndAgainAfterOneHasLeft) {
  Inflight inflight;
  EXPECT_TRUE(inflight.enter(2));
  EXPECT_TRUE(inflight.enter(2));
  EXPECT_FALSE(inflight.enter(2));
  inflight.leave();
  EXPECT_TRUE(inflight.enter(2));
  EXPECT_EQ(inflight.count(), 2);
}

TEST(Inflight, WithoutALimitStillCounts) {
  Inflight inflight;
  for (int i = 0; i < 1000; ++i) EXPECT_TRUE(inflight.enter(0));
  EXPECT_FALSE(inflight.enter(1000)) << "a reload that sets a limit finds what is in flight";
  EXPECT_EQ(inflight.count(), 1000);
}

TEST(Inflight, InACrowdNeverExceedsTheLimitAndEndsAtZero) {
  constexpr std::int64_t max = 3;
  Inflight inflight;
  std::atomic<std::int64_t> inside{0}, most{0}, entered{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t)
    threads.emplace_back([&] {
      for (int i = 0; i < 20'000; ++i) {
        if (!inflight.enter(max)) continue;
        const std::int64_t now = ++inside;
        for (std::int64_t seen = most; now > seen && !most.compare_exchange_weak(seen, now);) {
        }
        ++entered;
        --inside;
        inflight.leave();
      }
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_LE(most, max);
  EXPECT_GT(entered, 0);
  EXPECT_EQ(inflight.count(), 0);
}

TEST(Rate, LetsTheBurstGoAtOnceAndThenOneAfterAnother) {
  Rate rate;
  for (int i = 0; i < 5; ++i) EXPECT_EQ(rate.take(10, 5, start), 0ns) << i;
  EXPECT_EQ(rate.take(10, 5, start), 100ms);
  EXPECT_EQ(rate.take(10, 5, start + 99ms), 1ms);
  EXPECT_EQ(rate.take(10, 5, start + 100ms), 0ns) << "after the time that was named";
  EXPECT_EQ(rate.take(10, 5, start + 100ms), 100ms);
}

TEST(Rate, OverTimeLetsGoTheRateAndNoMoreThanTheBurstAbove) {
  Rate rate;
  EXPECT_EQ(let_go(rate, 100, 10, 100'000, 100us), 10 * 100 + 10 - 1) << "ten seconds of it";
}

TEST(Rate, ARefusedCallTakesNothing) {
  Rate patient, eager;
  EXPECT_EQ(let_go(patient, 10, 1, 10, 100ms), 10);
  EXPECT_EQ(let_go(eager, 10, 1, 1'000, 1ms), 10) << "trying more often gains and costs nothing";
}

TEST(Rate, APauseGivesBackTheBurstAndNoMore) {
  Rate rate;
  while (rate.take(10, 5, start) == 0ns) {
  }
  int gone = 0;
  while (rate.take(10, 5, start + 1h) == 0ns) ++gone;
  EXPECT_EQ(gone, 5);
}

TEST(Rate, AReloadToAnotherRateTakesEffectWithTheNextCall) {
  Rate rate;
  EXPECT_EQ(rate.take(1, 1, start), 0ns);
  EXPECT_EQ(rate.take(1, 1, start + 500ms), 500ms);
  EXPECT_EQ(rate.take(1000, 1000, start + 500ms), 0ns) << "a wide burst forgives what is owed";
}

TEST(Rate, WhatWasOwedAtASlowRateDoesNotBarAFastOne) {
  Rate rate;
  EXPECT_EQ(let_go(rate, 1, 1'000, 1'000, 0ns), 1'000);
  EXPECT_EQ(rate.take(100, 1, start), 10ms)
      << "not the quarter of an hour that a bucket of before held";
  EXPECT_EQ(rate.take(100, 1, start + 10ms), 0ns);
}

TEST(Rate, InACrowdLetsNoMoreGoThanItsBurst) {
  Rate rate;
  std::atomic<int> gone{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t)
    threads.emplace_back([&] {
      for (int i = 0; i < 1'000; ++i)
        if (rate.take(10, 100, start) == 0ns) ++gone;
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(gone, 100);
}

TEST(Limits, AFullServiceSaysTheNumberAndTheKeyToRaise) {
  Limits limits;
  const LimitSettings settings{.inflight = 1, .rate = 0, .burst = {}};
  EXPECT_FALSE(limits.enter(settings, start));
  const auto refused = limits.enter(settings, start);
  ASSERT_TRUE(refused);
  EXPECT_EQ(refused->outcome, Outcome::bulkhead_full);
  EXPECT_EQ(refused->sent, Sent::no);
  EXPECT_EQ(refused->message,
            "1 calls of this service are in flight, as many as limits.inflight allows; raise it, "
            "or make fewer calls at once");
}

TEST(Limits, ARateThatIsUsedUpSaysTheNumbersAndWhenToComeBack) {
  Limits limits;
  const LimitSettings settings{.inflight = 0, .rate = 40, .burst = 1};
  EXPECT_FALSE(limits.enter(settings, start));
  const auto refused = limits.enter(settings, start + 10ms);
  ASSERT_TRUE(refused);
  EXPECT_EQ(refused->outcome, Outcome::rate_limited_local);
  EXPECT_EQ(refused->message,
            "limits.rate = 40 calls a second and limits.burst = 1 at once are used up; the next "
            "call may begin in 15ms; raise them if the service takes more, or call less often");
}

TEST(Limits, ACallThatTheRateRefusesHoldsNoPlace) {
  Limits limits;
  const LimitSettings settings{.inflight = 8, .rate = 1, .burst = 1};
  EXPECT_FALSE(limits.enter(settings, start));
  for (int i = 0; i < 100; ++i) EXPECT_TRUE(limits.enter(settings, start));
  EXPECT_EQ(limits.in_flight(), 1);
}

TEST(Limits, ACallThatFindsNoPlaceTakesNothingOfTheRate) {
  Limits limits;
  const LimitSettings settings{.inflight = 1, .rate = 10, .burst = 2};
  EXPECT_FALSE(limits.enter(settings, start));
  for (int i = 0; i < 100; ++i) EXPECT_TRUE(limits.enter(settings, start));
  limits.leave();
  EXPECT_FALSE(limits.enter(settings, start));
}

TEST(Limits, AnUnsetBurstIsATenthOfASecondAndAtLeastOne) {
  EXPECT_EQ((LimitSettings{.inflight = 0, .rate = 200, .burst = {}}).burst_of(), 20);
  EXPECT_EQ((LimitSettings{.inflight = 0, .rate = 3, .burst = {}}).burst_of(), 1);
  EXPECT_EQ((LimitSettings{.inflight = 0, .rate = 3, .burst = 7}).burst_of(), 7);
}

}  // namespace
}  // namespace callerapi::policy
