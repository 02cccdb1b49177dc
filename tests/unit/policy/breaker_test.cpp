#include "policy/breaker.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

namespace callerapi::policy {
namespace {

using base::Verdict;
using Permit = Breaker::Permit;

constexpr TimePoint at(Duration since) { return TimePoint(1h) + since; }
constexpr std::uint64_t middle = ~0ull / 2;  ///< Opens for exactly its time.
constexpr Duration attempt = 10s;

struct Bench {
  Breaker breaker;
  BreakerTerms terms;
  TimePoint now = at(0s);

  Breaker::Admission admit() { return breaker.admit(terms, now, attempt); }
  void record(const Permit& permit, Verdict verdict) {
    breaker.record(terms, permit, verdict, now, middle);
  }
  void calls(int n, Verdict verdict) {
    for (int i = 0; i < n; ++i) {
      const auto admission = admit();
      ASSERT_TRUE(admission.granted) << i;
      record(admission.permit, verdict);
    }
  }
  BreakerState state() const { return breaker.view(terms, now).state; }
  /// Opened by twenty failures, and its time has passed.
  void open_and_wait() {
    calls(20, Verdict::failure);
    ASSERT_EQ(state(), BreakerState::open);
    now += 6s;
  }
  std::vector<Permit> probes(int n) {
    std::vector<Permit> all;
    for (int i = 0; i < n; ++i) {
      const auto admission = admit();
      EXPECT_TRUE(admission.granted) << i;
      EXPECT_NE(admission.permit.lease, Permit::no_lease);
      all.push_back(admission.permit);
    }
    return all;
  }
};

TEST(S19, N7_FortyFailuresInARowOpenIt) {
  Bench bench;
  bench.calls(60, Verdict::success);
  bench.calls(39, Verdict::failure);
  EXPECT_EQ(bench.state(), BreakerState::closed) << "39 of 99 is far from 80 %";
  bench.calls(1, Verdict::failure);
  EXPECT_EQ(bench.state(), BreakerState::open);
}

TEST(S19, N7_NineteenCallsThatAllFailDoNotOpenIt) {
  Bench bench;
  bench.calls(19, Verdict::failure);
  EXPECT_EQ(bench.state(), BreakerState::closed);
  bench.calls(1, Verdict::failure);
  EXPECT_EQ(bench.state(), BreakerState::open);
}

TEST(Breaker, OpensAtFourFifthsAndNotBelow) {
  Bench below;
  below.calls(8, Verdict::success);
  below.calls(31, Verdict::failure);
  EXPECT_EQ(below.state(), BreakerState::closed) << "31 of 39";
  below.calls(1, Verdict::failure);
  EXPECT_EQ(below.state(), BreakerState::open) << "32 of 40";
}

TEST(Breaker, WhatIsNobodysFaultCountsNowhere) {
  Bench bench;
  bench.calls(39, Verdict::ignore);
  EXPECT_EQ(bench.breaker.view(bench.terms, bench.now).total, 0u);
  bench.calls(19, Verdict::failure);
  bench.calls(100, Verdict::ignore);
  EXPECT_EQ(bench.state(), BreakerState::closed);
}

TEST(Breaker, ARefusalSaysWhyAndForHowLong) {
  Bench bench;
  bench.calls(2, Verdict::success);
  bench.calls(18, Verdict::failure);
  bench.now += 1s;
  const auto refused = bench.admit();
  EXPECT_FALSE(refused.granted);
  EXPECT_EQ(refused.refusal.state, BreakerState::open);
  EXPECT_EQ(refused.refusal.failed, 18u);
  EXPECT_EQ(refused.refusal.total, 20u);
  ASSERT_TRUE(refused.refusal.retry_after);
  EXPECT_NEAR(static_cast<double>(refused.refusal.retry_after->count()), 4e9, 1e3);
}

TEST(Breaker, StaysOpenLongerEachTimeUpToItsLimit) {
  Bench bench;
  bench.calls(20, Verdict::failure);
  for (const Duration expected : {5s, 10s, 15s, 15s}) {
    const auto refused = bench.admit();
    ASSERT_FALSE(refused.granted);
    EXPECT_GE(*refused.refusal.retry_after, expected * 8 / 10);
    EXPECT_LE(*refused.refusal.retry_after, expected * 12 / 10);
    bench.now += *refused.refusal.retry_after;
    for (const Permit& probe : bench.probes(5)) bench.record(probe, Verdict::failure);
    ASSERT_EQ(bench.state(), BreakerState::open);
  }
}

TEST(Breaker, RandomSpreadsTheTimeOpenByAFifth) {
  for (const auto& [random, expected] : {std::pair{0ull, 4000ms}, std::pair{~0ull, 6000ms}}) {
    Bench bench;
    for (int i = 0; i < 20; ++i)
      bench.breaker.record(bench.terms, bench.admit().permit, Verdict::failure, bench.now, random);
    EXPECT_NEAR(static_cast<double>(bench.admit().refusal.retry_after->count()),
                static_cast<double>(Duration(expected).count()), 1e4);
  }
}

TEST(Breaker, AFullWindowClosedForgetsEarlierOpenings) {
  for (const Duration closed_for : {29s, 30s}) {
    Bench bench;
    bench.open_and_wait();
    for (const Permit& probe : bench.probes(5)) bench.record(probe, Verdict::success);
    bench.now += closed_for;
    bench.calls(20, Verdict::failure);
    const auto left = bench.admit().refusal.retry_after;
    ASSERT_TRUE(left);
    EXPECT_EQ(*left > 7s, closed_for < 30s);
  }
}

TEST(Breaker, FourFailedProbesOfFiveOpenItAgainAndThreeCloseIt) {
  for (const int failures : {3, 4}) {
    Bench bench;
    bench.open_and_wait();
    const auto probes = bench.probes(5);
    for (int i = 0; i < 5; ++i) {
      EXPECT_EQ(bench.state(), BreakerState::half_open);
      bench.record(probes[static_cast<std::size_t>(i)],
                   i < failures ? Verdict::failure : Verdict::success);
    }
    EXPECT_EQ(bench.state(), failures == 4 ? BreakerState::open : BreakerState::closed);
  }
}

TEST(Breaker, ClosesWithAnEmptyWindow) {
  Bench bench;
  bench.open_and_wait();
  for (const Permit& probe : bench.probes(5)) bench.record(probe, Verdict::success);
  EXPECT_EQ(bench.breaker.view(bench.terms, bench.now).total, 0u);
  bench.calls(19, Verdict::failure);
  EXPECT_EQ(bench.state(), BreakerState::closed);
}

TEST(S19, N7_APermitThatIsNeverReportedIsResolvedByItsLease) {
  Bench bench;
  bench.open_and_wait();
  const auto probes = bench.probes(5);
  for (std::size_t i = 0; i < 4; ++i) bench.record(probes[i], Verdict::success);
  EXPECT_FALSE(bench.admit().granted) << "one is out";
  bench.now += attempt + 1s - 1ns;
  const auto waiting = bench.admit();
  EXPECT_FALSE(waiting.granted);
  EXPECT_EQ(waiting.refusal.state, BreakerState::half_open);
  EXPECT_EQ(waiting.refusal.retry_after, Duration(1ns));
  bench.now += 1ns;
  EXPECT_TRUE(bench.admit().granted);
  EXPECT_EQ(bench.state(), BreakerState::closed);
}

TEST(S19, N7_FivePermitsThatAreNeverReportedOpenItAgain) {
  Bench bench;
  bench.open_and_wait();
  bench.probes(5);
  bench.now += attempt + 1s;
  const auto refused = bench.admit();
  EXPECT_FALSE(refused.granted);
  EXPECT_EQ(bench.state(), BreakerState::open);
  EXPECT_GT(*refused.refusal.retry_after, 7s) << "the second time";
}

TEST(Breaker, AProbeReportedAfterItsLeaseCountsAsFailed) {
  Bench bench;
  bench.open_and_wait();
  const auto probes = bench.probes(5);
  bench.now += attempt + 1s;
  bench.record(probes[0], Verdict::success);
  EXPECT_EQ(bench.state(), BreakerState::open);
}

TEST(Breaker, AProbeThatSaidNothingGivesItsPlaceBack) {
  Bench bench;
  bench.open_and_wait();
  const auto probes = bench.probes(5);
  EXPECT_FALSE(bench.admit().granted);
  bench.record(probes[2], Verdict::ignore);
  EXPECT_TRUE(bench.admit().granted);
  EXPECT_FALSE(bench.admit().granted);
}

TEST(S19, N7_AResultOfAnOlderEpochIsIgnored) {
  Bench bench;
  const Permit old = bench.admit().permit;
  bench.open_and_wait();
  const auto probes = bench.probes(5);
  for (int i = 0; i < 5; ++i) bench.record(old, Verdict::success);
  EXPECT_EQ(bench.state(), BreakerState::half_open);
  for (const Permit& probe : probes) bench.record(probe, Verdict::success);
  ASSERT_EQ(bench.state(), BreakerState::closed);
  for (int i = 0; i < 40; ++i) bench.record(old, Verdict::failure);
  for (int i = 0; i < 40; ++i) bench.record(probes[0], Verdict::failure);
  EXPECT_EQ(bench.breaker.view(bench.terms, bench.now).total, 0u);
}

TEST(S19, N7_NoMoreThanFiveAreLetThroughToSixtyFourThreads) {
  for (int round = 0; round < 20; ++round) {
    Bench bench;
    bench.open_and_wait();
    std::atomic<int> granted{0}, ready{0};
    std::vector<std::thread> crowd;
    for (int t = 0; t < 64; ++t)
      crowd.emplace_back([&] {
        ++ready;
        while (ready < 64) std::this_thread::yield();
        for (int i = 0; i < 20; ++i)
          if (bench.breaker.admit(bench.terms, bench.now, attempt).granted) ++granted;
      });
    for (std::thread& one : crowd) one.join();
    ASSERT_EQ(granted, 5);
  }
}

TEST(Breaker, DarkCountsAndRefusesNobody) {
  Bench bench;
  bench.terms.mode = BreakerMode::dark;
  bench.calls(20, Verdict::failure);
  EXPECT_EQ(bench.state(), BreakerState::open);
  const auto admission = bench.admit();
  EXPECT_TRUE(admission.granted);
  EXPECT_TRUE(admission.refused);
  bench.record(admission.permit, Verdict::success);
  EXPECT_EQ(bench.state(), BreakerState::open) << "it would not have been sent";
  bench.now += 6s;
  for (const Permit& probe : bench.probes(5)) bench.record(probe, Verdict::success);
  EXPECT_EQ(bench.state(), BreakerState::closed);
}

TEST(Breaker, OffCountsNothing) {
  Bench bench;
  bench.terms.mode = BreakerMode::off;
  bench.calls(100, Verdict::failure);
  EXPECT_EQ(bench.breaker.view(bench.terms, bench.now).total, 0u);
  EXPECT_EQ(bench.state(), BreakerState::off);
}

TEST(Breaker, ForcedModesBelieveNoResult) {
  Bench bench;
  bench.terms.mode = BreakerMode::forced_closed;
  bench.calls(100, Verdict::failure);
  EXPECT_EQ(bench.state(), BreakerState::forced_closed);

  bench.terms.mode = BreakerMode::forced_open;
  const auto refused = bench.admit();
  EXPECT_FALSE(refused.granted);
  EXPECT_EQ(refused.refusal.state, BreakerState::forced_open);
  EXPECT_FALSE(refused.refusal.retry_after) << "a person ends it";

  bench.terms.mode = BreakerMode::on;
  EXPECT_TRUE(bench.admit().granted);
}

TEST(Breaker, NewNumbersKeepWhatWasCounted) {
  Bench bench;
  bench.calls(15, Verdict::failure);
  bench.terms.window = 60s;
  bench.terms.min_calls = 16;
  EXPECT_EQ(bench.breaker.view(bench.terms, bench.now).failed, 15u);
  bench.calls(1, Verdict::failure);
  EXPECT_EQ(bench.state(), BreakerState::open);
}

}  // namespace
}  // namespace callerapi::policy
