#include "bench_histogram.hpp"

#include <gtest/gtest.h>

#include <chrono>

namespace callerapi::cli {
namespace {

using std::chrono::hours;
using std::chrono::microseconds;

TEST(Histogram, KnowsEveryDurationToAThirtySecondPartAndNeverShortensIt) {
  for (std::int64_t ns = 1; ns < 1'000'000'000'000; ns += 1 + ns / 7) {
    Histogram one;
    one.record(Duration(ns));
    EXPECT_GE(one.at(1.0).count(), ns);
    EXPECT_LE(one.at(1.0).count(), ns + ns / 32);
  }
}

TEST(Histogram, AnswersTheDurationThatAPartOfAllDoesNotExceed) {
  Histogram seen;
  for (int i = 0; i < 98; ++i) seen.record(microseconds(10));
  seen.record(microseconds(1000));
  seen.record(microseconds(5000));
  EXPECT_NEAR(static_cast<double>(seen.at(0.50).count()), 10'000, 320);
  EXPECT_NEAR(static_cast<double>(seen.at(0.98).count()), 10'000, 320);
  EXPECT_NEAR(static_cast<double>(seen.at(0.99).count()), 1'000'000, 32'000);
  EXPECT_NEAR(static_cast<double>(seen.at(1.00).count()), 5'000'000, 160'000);
}

TEST(Histogram, TakesWhatIsBeyondItsBoundsAsTheBound) {
  Histogram seen;
  seen.record(Duration(-5));
  seen.record(hours(10));
  EXPECT_EQ(seen.count(), 2u);
  EXPECT_EQ(seen.at(0.5), Duration(0));
  EXPECT_GT(seen.at(1.0), std::chrono::minutes(18));
}

TEST(Histogram, AddsUpAndForgets) {
  Histogram one, other;
  EXPECT_EQ(one.at(0.5), Duration::zero());
  one.record(microseconds(1));
  other.record(microseconds(9));
  one.add(other);
  EXPECT_EQ(one.count(), 2u);
  EXPECT_GE(one.at(1.0), Duration(microseconds(9)));
  one.clear();
  EXPECT_EQ(one.count(), 0u);
}

}  // namespace
}  // namespace callerapi::cli
