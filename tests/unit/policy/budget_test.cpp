#include "policy/budget.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <thread>
#include <vector>

namespace callerapi::policy {
namespace {

constexpr TimePoint at(Duration since) { return TimePoint(1h) + since; }

int withdrawals(Budget& budget, const BudgetTerms& terms, TimePoint now, int asked = 100'000) {
  int got = 0;
  for (int i = 0; i < asked; ++i) got += budget.withdraw(terms, now) ? 1 : 0;
  return got;
}

TEST(Budget, WithoutCallsTheFloorAloneIsThere) {
  Budget budget;
  EXPECT_EQ(withdrawals(budget, {100, 1}, at(0s)), 10);
  EXPECT_EQ(withdrawals(budget, {100, 1}, at(9s)), 0) << "still of the same ten seconds";
  EXPECT_EQ(withdrawals(budget, {100, 1}, at(10s)), 10);
}

TEST(Budget, AShareOfTheFirstAttemptsIsAddedExactly) {
  Budget budget;
  for (int i = 0; i < 999; ++i) budget.deposit(at(0s));
  EXPECT_EQ(withdrawals(budget, {100, 0}, at(0s)), 99) << "1000 * 100 > 100 * 999";
  budget.deposit(at(1s));
  EXPECT_EQ(withdrawals(budget, {100, 0}, at(1s)), 1);
}

TEST(Budget, WhatLeavesTheWindowIsForgottenSlotBySlot) {
  Budget budget;
  for (int second = 0; second < 10; ++second)
    for (int i = 0; i < 10; ++i) budget.deposit(at(std::chrono::seconds(second)));
  EXPECT_EQ(budget.balance(at(9s)).first, 100u);
  EXPECT_EQ(budget.balance(at(10s)).first, 90u);
  EXPECT_EQ(budget.balance(at(18s)).first, 10u);
  EXPECT_EQ(budget.balance(at(19s)).first, 0u);
  EXPECT_EQ(budget.balance(at(1000h)).first, 0u);
}

TEST(Budget, NewTermsKeepWhatWasCounted) {
  Budget budget;
  for (int i = 0; i < 100; ++i) budget.deposit(at(0s));
  EXPECT_EQ(withdrawals(budget, {100, 0}, at(0s)), 10);
  EXPECT_EQ(withdrawals(budget, {200, 0}, at(0s)), 10);
  EXPECT_EQ(withdrawals(budget, {100, 0}, at(0s)), 0);
}

TEST(Budget, NothingIsAllowedWhereBothNumbersAreZero) {
  Budget budget;
  for (int i = 0; i < 1000; ++i) budget.deposit(at(0s));
  EXPECT_EQ(withdrawals(budget, {0, 0}, at(0s)), 0);
}

TEST(S19, N3_AThousandRetriesScheduledInOneTickObeyTheBudget) {
  Budget budget;
  int allowed = 0;
  for (int i = 0; i < 1000; ++i) budget.deposit(at(0s));
  for (int i = 0; i < 1000; ++i) allowed += budget.withdraw({}, at(0s)) ? 1 : 0;
  EXPECT_EQ(allowed, 110);
}

TEST(Budget, ThreadsAtOnceExceedItByNoMoreThanTheirNumber) {
  constexpr int threads = 8, calls = 20'000;
  Budget budget;
  std::atomic<int> allowed{0};
  std::vector<std::thread> crowd;
  for (int t = 0; t < threads; ++t)
    crowd.emplace_back([&] {
      for (int i = 0; i < calls; ++i) {
        budget.deposit(at(0s));
        if (budget.withdraw({}, at(0s))) ++allowed;
      }
    });
  for (std::thread& one : crowd) one.join();
  EXPECT_EQ(budget.balance(at(0s)).first, static_cast<std::uint64_t>(threads * calls));
  EXPECT_LE(allowed, threads * calls / 10 + 10 + threads);
  EXPECT_EQ(static_cast<std::uint64_t>(allowed), budget.balance(at(0s)).withdrawn);
}

TEST(RecentCount, AnotherWindowFindsWhatWasCounted) {
  RecentCount count;
  for (int second = 0; second < 30; ++second) count.add(30s, at(std::chrono::seconds(second)));
  EXPECT_EQ(count.within(30s, at(29s)), 30u);
  EXPECT_EQ(count.within(60s, at(29s)), 30u) << "longer: all of it";
  EXPECT_EQ(count.within(10s, at(29s)), 9u) << "shorter: the slots that begin within it";
  count.add(60s, at(30s));
  EXPECT_GE(count.within(60s, at(30s)), 28u) << "one old slot at most makes room";
}

TEST(RecentCount, LosesNoMoreThanOneCountAThreadWhereASlotBegins) {
  constexpr int threads = 4, each = 1000, rounds = 20;
  RecentCount count;
  for (int round = 0; round < rounds; ++round) {
    const TimePoint now = at(std::chrono::seconds(10 * round));
    std::vector<std::thread> crowd;
    for (int t = 0; t < threads; ++t)
      crowd.emplace_back([&] {
        for (int i = 0; i < each; ++i) count.add(10s, now);
      });
    for (std::thread& one : crowd) one.join();
    EXPECT_GE(count.within(10s, now), static_cast<std::uint64_t>(threads * each - threads));
    EXPECT_LE(count.within(10s, now), static_cast<std::uint64_t>(threads * each));
  }
}

}  // namespace
}  // namespace callerapi::policy
