#include "policy/adaptive_limit.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <thread>
#include <vector>

#include "policy/limit_queue.hpp"

namespace callerapi::policy {
namespace {

using namespace std::chrono_literals;

constexpr std::int64_t most = 100;

/// A limit in virtual time.
class Taught {
 public:
  /// One window of samples that all took as long, with so many calls in flight.
  void window(Duration took, std::int64_t in_flight) {
    now += 250ms;
    for (int i = 0; i < 10; ++i) limit.note(took, in_flight, most, now);
  }
  void windows(int count, Duration took, std::int64_t in_flight) {
    for (int i = 0; i < count; ++i) window(took, in_flight);
  }

  AdaptiveLimit limit;
  TimePoint now = TimePoint(1h);
};

TEST(AdaptiveLimit, BeginsWithAllThatIsAllowedAndStaysThereWhileNothingChanges) {
  Taught taught;
  EXPECT_EQ(taught.limit.limit(most), most);
  taught.windows(100, 50ms, most);
  EXPECT_EQ(taught.limit.limit(most), most);
  EXPECT_NEAR(taught.limit.usual(), 0.05, 1e-9);
}

/// g = 1.5 * 50 / 100, L' = 0.8 * 100 + 0.2 * (g * 100 + 4).
TEST(AdaptiveLimit, FollowsTheFormula) {
  Taught taught;
  taught.windows(11, 50ms, most);
  taught.window(100ms, most);
  const double usual = taught.limit.usual();
  EXPECT_NEAR(usual, 0.05 + 0.05 * 2 / 2401, 1e-9);
  EXPECT_EQ(taught.limit.limit(most), static_cast<int>(80 + 0.2 * (1.5 * usual * 1000 + 4)));
}

TEST(AdaptiveLimit, LosesATenthAWindowAtMostAndEndsAtEight) {
  Taught taught;
  taught.windows(11, 50ms, most);
  taught.window(10s, most);
  EXPECT_EQ(taught.limit.limit(most), 90) << "80 + 0.2 * (50 + 4), and half is the most";
  taught.windows(60, 10s, most);
  EXPECT_EQ(taught.limit.limit(most), 8);
  EXPECT_EQ(taught.limit.limit(5), 5) << "a reload may allow less than eight";
}

TEST(AdaptiveLimit, ComesBackToAllThatIsAllowed) {
  Taught taught;
  taught.windows(11, 50ms, most);
  taught.windows(60, 500ms, most);
  ASSERT_EQ(taught.limit.limit(most), 8);
  taught.window(50ms, 8);
  EXPECT_EQ(taught.limit.limit(most), 8) << "8.8";
  taught.windows(120, 50ms, most);
  EXPECT_EQ(taught.limit.limit(most), most);
}

TEST(AdaptiveLimit, WhereLessThanHalfOfItIsUsedLatenciesMeanNothing) {
  Taught taught;
  taught.windows(11, 50ms, most);
  taught.windows(50, 5s, most / 2 - 1);
  EXPECT_EQ(taught.limit.limit(most), most);
  taught.window(50s, most / 2);
  EXPECT_LT(taught.limit.limit(most), most);
}

TEST(AdaptiveLimit, AFewSamplesAreNoWindow) {
  Taught taught;
  taught.windows(11, 50ms, most);
  taught.now += 10s;
  for (int i = 0; i < 9; ++i) taught.limit.note(5s, most, most, taught.now);
  EXPECT_EQ(taught.limit.limit(most), most);
  taught.limit.note(5s, most, most, taught.now);
  EXPECT_EQ(taught.limit.limit(most), 90);
}

TEST(AdaptiveLimit, WhatFailsFasterThanUsualIsNoSignOfRoom) {
  Taught taught;
  taught.windows(11, 50ms, most);
  const double before = taught.limit.usual();
  for (int i = 0; i < 1000; ++i) taught.limit.at_least(1ms, most, most, taught.now += 1ms);
  EXPECT_EQ(taught.limit.usual(), before);
  for (int i = 0; i < 20; ++i) taught.limit.at_least(5s, most, most, taught.now += 100ms);
  EXPECT_LT(taught.limit.limit(most), most);
}

TEST(AdaptiveLimit, ABadTimeIsForgottenSoonerThanItWasLearnt) {
  Taught taught;
  taught.windows(10, 1s, most);
  taught.windows(40, 50ms, most);
  EXPECT_LT(taught.limit.usual(), 0.2);
}

/// Threads lose no sample and reckon one window at a time. With TSan: there is no race.
TEST(AdaptiveLimit, InACrowdStaysWithinItsBounds) {
  AdaptiveLimit limit;
  std::atomic<int> outside{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&, t] {
      for (int i = 0; i < 20'000; ++i) {
        limit.note(i % 2 == t % 2 ? 1ms : 100ms, most, most, TimePoint(1h + i * 5ms));
        const std::int64_t now = limit.limit(most);
        outside += now < 8 || now > most ? 1 : 0;
      }
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(outside, 0);
  EXPECT_NEAR(limit.usual(), 0.05, 0.05);
}

LimitSettings adaptive() { return {.inflight = most, .adaptive = Adaptive::gradient2}; }

TEST(Limits, AdmitWhatTheAdaptiveLimitAllowsAndSharesOfIt) {
  Limits limits;
  LimitSettings settings = adaptive();
  TimePoint now(1h);
  for (int i = 0; i < most; ++i) ASSERT_TRUE(limits.enter(settings, no_deadline, now));
  for (int w = 0; w < 80; ++w)
    for (int i = 0; i < 10; ++i) limits.note(settings, w < 11 ? 50ms : 5s, true, now += 25ms);
  EXPECT_EQ(limits.live(settings).inflight, 8);
  for (int i = 0; i < most; ++i) limits.leave();

  settings.priority = Priority::background;
  for (int i = 0; i < 4; ++i) ASSERT_TRUE(limits.enter(settings, no_deadline, now));
  const auto background = limits.enter(settings, no_deadline, now);
  ASSERT_FALSE(background);
  EXPECT_EQ(background.error().message,
            "4 calls of this service are in flight, as many as limits.adaptive = 8 allows "
            "limits.priority = \"background\"; make fewer calls at once");
  settings.priority = Priority::critical;
  for (int i = 0; i < 4; ++i) ASSERT_TRUE(limits.enter(settings, no_deadline, now));
  const auto critical = limits.enter(settings, no_deadline, now);
  ASSERT_FALSE(critical);
  EXPECT_EQ(critical.error().outcome, Outcome::bulkhead_full);
  EXPECT_EQ(critical.error().message,
            "8 calls of this service are in flight, as many as limits.adaptive finds that it can "
            "do without queueing; make fewer calls at once");
  settings.adaptive = Adaptive::off;
  EXPECT_TRUE(limits.enter(settings, no_deadline, now)) << "a reload that ends it ends it at once";
}

TEST(Limits, WhoWaitsIsLetInByTheAdaptiveLimit) {
  Limits limits;
  LimitSettings settings = adaptive();
  settings.queue = 10;
  TimePoint now(1h);
  for (int i = 0; i < most; ++i) ASSERT_TRUE(limits.enter(settings, no_deadline, now));
  for (int w = 0; w < 80; ++w)
    for (int i = 0; i < 10; ++i) limits.note(settings, w < 11 ? 50ms : 5s, true, now += 25ms);
  const auto ticket = limits.enter(settings, no_deadline, now).value();
  ASSERT_TRUE(ticket);
  for (int left = most; left > 8; --left) {
    EXPECT_TRUE(limits.look(ticket, now).value()) << left << " in flight";
    if (limits.leave()) limits.serve(now);
  }
  EXPECT_TRUE(limits.look(ticket, now).value()) << "as many as may be";
  if (limits.leave()) limits.serve(now);
  EXPECT_FALSE(limits.look(ticket, now).value()) << "it is in";
}

}  // namespace
}  // namespace callerapi::policy
