#include "policy/verdict.hpp"

#include <gtest/gtest.h>

namespace callerapi::policy {
namespace {

using base::Verdict;

/// Breaker and ejection judge alike what is asked here.
Verdict of_both(const Rating& rating) {
  EXPECT_EQ(rating.breaker, rating.outlier);
  return rating.breaker;
}

Verdict of(Outcome outcome, Phase phase, Duration ran) {
  Error error{outcome, {}, {}};
  error.phase = phase;
  return of_both(rate({.error = &error}, ran, 10s));
}

Verdict of(int status) {
  Response response;
  response.status = status;
  return of_both(rate({.response = &response}, 1s, 10s));
}

TEST(S19, N6_AnAttemptCutShortCountsFromHalfItsTime) {
  EXPECT_EQ(of(Outcome::deadline_exceeded, Phase::wait, 5s - 1ns), Verdict::ignore);
  EXPECT_EQ(of(Outcome::deadline_exceeded, Phase::wait, 5s), Verdict::failure);
  EXPECT_EQ(of(Outcome::deadline_exceeded, Phase::connect, 9s), Verdict::failure);
  EXPECT_EQ(of(Outcome::attempt_timeout, Phase::wait, 10s), Verdict::failure);
}

TEST(Verdict, WhatHappenedInsideThisProcessSaysNothing) {
  EXPECT_EQ(of(Outcome::deadline_exceeded, Phase::queue, 9s), Verdict::ignore);
  for (const Outcome local :
       {Outcome::pool_timeout, Outcome::bulkhead_full, Outcome::rate_limited_local,
        Outcome::circuit_open, Outcome::no_instance, Outcome::queue_full, Outcome::plugin_error,
        Outcome::cancelled, Outcome::hedge_superseded, Outcome::shutdown})
    EXPECT_EQ(of(local, Phase::queue, 10s), Verdict::ignore) << name(local);
}

TEST(Verdict, AnswersAreJudgedByTheirStatus) {
  EXPECT_EQ(of(200), Verdict::success);
  EXPECT_EQ(of(404), Verdict::success);
  EXPECT_EQ(of(429), Verdict::ignore);
  EXPECT_EQ(of(500), Verdict::failure);
  EXPECT_EQ(of(503), Verdict::failure);
}

}  // namespace
}  // namespace callerapi::policy
