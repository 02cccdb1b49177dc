#include "policy/ejection.hpp"

#include <gtest/gtest.h>

#include <chrono>

#include "group.hpp"

namespace callerapi::policy {
namespace {

using namespace std::chrono_literals;

TEST(Ejection, FiveFailuresInARowPutAnInstanceOutForTenSeconds) {
  Group group(3);
  group.fail(0, 4);
  EXPECT_FALSE(group.ejected(0));
  group.fail(0);
  EXPECT_TRUE(group.ejected(0));
  for (int i = 0; i < 100; ++i) EXPECT_NE(group.pick(), 0u);
  group.now += 10s;
  EXPECT_TRUE(group.ejected(0) || group[0].ejected_until() == group.now);
  group.now += 1s;
  EXPECT_FALSE(group.ejected(0)) << "the spread is less than a second";
}

TEST(Ejection, ASuccessInBetweenBeginsTheCountAgain) {
  Group group(3);
  group.fail(0, 4);
  group.succeed(0);
  group.fail(0, 4);
  EXPECT_FALSE(group.ejected(0));
  group.note(0, base::Verdict::ignore);
  group.fail(0);
  EXPECT_TRUE(group.ejected(0)) << "what says nothing about the instance does not interrupt";
}

TEST(Ejection, ASweepPutsOutWhatNearlyAlwaysFailsWhileTheOthersDoNot) {
  for (const bool others_fail : {false, true}) {
    Group group(3);
    group.settings.ejection.consecutive_failures = 1000;
    group.succeed(0);  // begins the sweep
    for (int i = 0; i < 10; ++i) {
      group.fail(0, 9);
      group.succeed(0);
      for (std::size_t other : {1u, 2u}) {
        group.succeed(other, 4);
        group.fail(other, others_fail ? 5 : 3);
      }
    }
    group.now += 10s;
    group.succeed(1);
    EXPECT_EQ(group.ejected(0), !others_fail);
    EXPECT_EQ(group.ejected(), others_fail ? 0 : 1);
  }
}

TEST(Ejection, ASweepNeedsFiftyAttempts) {
  Group group(3);
  group.settings.ejection.consecutive_failures = 1000;
  group.fail(0, 49);
  group.succeed(1, 49);
  group.now += 10s;
  group.succeed(1);
  EXPECT_FALSE(group.ejected(0));
  group.fail(0, 50);
  group.now += 10s;
  group.succeed(1);
  EXPECT_TRUE(group.ejected(0));
}

TEST(Ejection, TheTimeGrowsWithEachAndShrinksWithEachCleanSweep) {
  Group group(3);
  const auto eject = [&] {
    group.fail(0, 5);
    return std::chrono::floor<std::chrono::seconds>(group[0].ejected_until() - group.now).count();
  };
  EXPECT_EQ(eject(), 10);
  group.now += 11s;
  EXPECT_EQ(eject(), 20);
  group.now += 21s;
  group.succeed(1);  // a sweep that only saw the instance out of use
  for (int sweeps = 0; sweeps < 2; ++sweeps) {
    group.now += 10s;
    group.succeed(0);
  }
  EXPECT_LE(eject(), 20) << "forgiven by clean sweeps";
  for (int i = 0; i < 100; ++i) {
    group.now = group[0].ejected_until() + 1ns;
    eject();
  }
  group.now = group[0].ejected_until() + 1ns;
  EXPECT_EQ(eject(), 300) << "the longest";
}

TEST(Ejection, DarkCountsAndLeavesNobodyOut) {
  Group group(3);
  group.settings.ejection.mode = EjectionMode::dark;
  group.fail(0, 5);
  EXPECT_EQ(group.ejector.ejections(), 1u);
  EXPECT_GT(group.picks(300)[0], 50);

  group.settings.ejection.mode = EjectionMode::off;
  group.now += 20s;
  group.fail(0, 50);
  EXPECT_EQ(group.ejector.ejections(), 1u);
}

TEST(Ejection, AnInstanceThatIsBackGetsItsShareLittleByLittle) {
  Group group(3);
  group.settings.balance.policy = BalancePolicy::round_robin;
  group.fail(0, 5);
  group.now = group[0].ejected_until();
  const int at_once = group.picks(3000)[0];
  group.now += 5s;
  const int half = group.picks(3000)[0];
  group.now += 5s;
  const int full = group.picks(3000)[0];
  EXPECT_NEAR(at_once, 143, 60) << "a tenth of the weight of the others";
  EXPECT_NEAR(half, 600, 80);
  EXPECT_EQ(full, 1000);
}

TEST(S19, N12_OneInstanceIsNeverEjectedAndOfTwoOneAtMost) {
  Group one(1);
  one.fail(0, 1000);
  EXPECT_EQ(one.ejected(), 0);
  EXPECT_EQ(one.pick(), 0u);

  Group two(2);
  two.fail(0, 5);
  two.fail(1, 1000);
  EXPECT_EQ(two.ejected(), 1);

  Group seven(7);
  for (std::size_t i = 0; i < 7; ++i) seven.fail(i, 100);
  EXPECT_EQ(seven.ejected(), 3) << "the whole part of half";

  Group three(3);
  three.settings.ejection.max_percent = 10;
  for (std::size_t i = 0; i < 3; ++i) three.fail(i, 100);
  EXPECT_EQ(three.ejected(), 1) << "one may always go";
}

TEST(S19, N12_WithLessThanHalfLeftEjectionsAreIgnored) {
  Group group(4);
  group.settings.ejection.max_percent = 100;
  for (std::size_t i : {0u, 1u}) group.fail(i, 5);
  auto of = group.picks(400);
  EXPECT_EQ(of[0] + of[1], 0) << "two of four are half";
  EXPECT_EQ(group.ejector.panics(), 0u);
  group.fail(2, 5);
  of = group.picks(400);
  for (int count : of) EXPECT_GT(count, 50);
  EXPECT_EQ(group.ejector.panics(), 400u);
}

TEST(KeepingOut, IsWithinTheSameBoundsAndLastsAsLongAsItIsTold) {
  Group group(4);
  const TimePoint until = group.now + 20s;
  group.keep_out(0, until);
  group.keep_out(1, until);
  group.keep_out(2, until);
  EXPECT_EQ(group.ejected(), 2) << "half of them";
  EXPECT_EQ(group.ejector.ejections(), 2u);
  EXPECT_FALSE(group.ejector.calm(group.now));
  group.keep_out(0, until + 20s);
  EXPECT_EQ(group.ejector.ejections(), 2u) << "no other one";
  group.now = until;
  EXPECT_TRUE(group.ejected(0));
  EXPECT_FALSE(group.ejected(1));
  EXPECT_EQ(group.picks(100)[0], 0);

  Group lone(1);
  lone.keep_out(0, until);
  EXPECT_EQ(lone.ejected(), 0);
  Group off(2);
  off.settings.ejection.mode = EjectionMode::off;
  off.keep_out(0, until);
  EXPECT_EQ(off.ejected(), 0);
}

TEST(LettingIn, EndsAnEjectionAndWhatLedToIt) {
  Group group(2);
  group.fail(0, 5);
  ASSERT_TRUE(group.ejected(0));
  group.ejector.let_in(group[0], group.now);
  EXPECT_FALSE(group.ejected(0));
  EXPECT_NEAR(group[0].ramp(group.now, 10s), 0.1, 0.001) << "with slow start";
  group.fail(0, 4);
  EXPECT_FALSE(group.ejected(0)) << "counted anew";
  group.fail(0, 1);
  EXPECT_TRUE(group.ejected(0));
}

}  // namespace
}  // namespace callerapi::policy
