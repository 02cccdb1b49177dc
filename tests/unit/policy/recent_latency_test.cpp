#include "policy/recent_latency.hpp"

#include <gtest/gtest.h>

#include <chrono>

#include "policy/hedging.hpp"

namespace callerapi::policy {
namespace {

using namespace std::chrono_literals;

constexpr TimePoint begin{1h};

TEST(RecentLatency, GivesQuantilesWithinAnEighth) {
  RecentLatency latencies;
  for (int i = 1; i <= 1000; ++i) latencies.add(i * 1ms, begin);
  for (const int per_mille : {10, 500, 950, 999, 1000}) {
    const auto found = latencies.quantile(per_mille, 100, begin);
    ASSERT_TRUE(found);
    EXPECT_GE(*found, per_mille * 1ms);
    EXPECT_LE(*found, per_mille * 1ms * 9 / 8 + 1ms);
  }
}

TEST(RecentLatency, ForgetsAfterHalfAMinute) {
  RecentLatency latencies;
  for (int i = 0; i < 200; ++i) latencies.add(10ms, begin);
  EXPECT_TRUE(latencies.quantile(500, 100, begin + 19s));
  EXPECT_FALSE(latencies.quantile(500, 100, begin + 31s));
  latencies.add(1s, begin + 31s);
  EXPECT_GT(*latencies.quantile(500, 1, begin + 31s), 900ms);
}

TEST(RecentLatency, TakesAnyDuration) {
  RecentLatency latencies;
  latencies.add(0ns, begin);
  latencies.add(-1s, begin);
  EXPECT_LE(*latencies.quantile(1000, 1, begin), 2us);
  latencies.add(24h, begin);
  EXPECT_GT(*latencies.quantile(1000, 1, begin), 1h);
}

TEST(Hedging, WaitsUntilEnoughIsKnownAndNeverForAWholeAttempt) {
  const HedgeTerms terms{1, 50};
  Hedging young;
  for (int i = 0; i < 99; ++i) young.record(10ms, begin);
  EXPECT_FALSE(young.delay(terms, 1s, begin));
  young.record(10ms, begin);
  EXPECT_FALSE(young.delay(terms, 1s, begin + 2s)) << "reckoned anew every three seconds";
  EXPECT_TRUE(young.delay(terms, 1s, begin + 3s));
  EXPECT_FALSE(young.delay(terms, 10ms, begin + 3s));

  Hedging fast;
  for (int i = 0; i < 100; ++i) fast.record(20us, begin);
  EXPECT_EQ(fast.delay(terms, 1s, begin), 1ms) << "no earlier than that";
}

TEST(Hedging, HasABudgetWithoutAFloor) {
  const HedgeTerms terms{1, 50};
  Hedging hedging;
  EXPECT_FALSE(hedging.withdraw(terms, begin));
  for (int i = 0; i < 100; ++i) hedging.deposit(begin);
  int allowed = 0;
  while (hedging.withdraw(terms, begin)) ++allowed;
  EXPECT_EQ(allowed, 5);
}

}  // namespace
}  // namespace callerapi::policy
