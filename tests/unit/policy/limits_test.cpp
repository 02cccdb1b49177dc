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

TEST(Rate, SaysBeforehandWhatSoManyMoreWouldWait) {
  Rate rate;
  EXPECT_EQ(rate.wait(10, 2, 0, start), 0ns);
  EXPECT_EQ(rate.wait(10, 2, 1, start), 0ns) << "the burst";
  EXPECT_EQ(rate.wait(10, 2, 4, start), 300ms);
  while (rate.take(10, 2, start) == 0ns) {
  }
  EXPECT_EQ(rate.wait(10, 2, 0, start), 100ms) << "as take() says";
  EXPECT_EQ(rate.wait(10, 2, 3, start + 50ms), 350ms);
  EXPECT_EQ(rate.wait(1000, 1, 0, start), 1ms) << "what was owed at a slow rate is forgiven";
}

TEST(LimitSettings, KeepPlacesBackForThoseThatMatterMore) {
  constexpr LimitSettings settings{.inflight = 256};
  EXPECT_EQ(settings.places(Priority::critical), 256);
  EXPECT_EQ(settings.places(Priority::normal), 231);
  EXPECT_EQ(settings.places(Priority::background), 128);
  constexpr LimitSettings one{.inflight = 1}, none{.inflight = 0};
  EXPECT_EQ(one.places(Priority::background), 1) << "a service is never out of reach";
  EXPECT_EQ(none.places(Priority::background), 0) << "no limit has no half";
}

TEST(LimitSettings, AnUnsetBurstIsATenthOfASecondAndAtLeastOne) {
  EXPECT_EQ((LimitSettings{.inflight = 0, .rate = 200, .burst = {}}).burst_of(), 20);
  EXPECT_EQ((LimitSettings{.inflight = 0, .rate = 3, .burst = {}}).burst_of(), 1);
  EXPECT_EQ((LimitSettings{.inflight = 0, .rate = 3, .burst = 7}).burst_of(), 7);
}

}  // namespace
}  // namespace callerapi::policy
