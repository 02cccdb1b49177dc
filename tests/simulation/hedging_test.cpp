// The model behind hedging (20 ms, lognormal; one answer in fifty stalls for 500 ms more).
#include <gtest/gtest.h>

#include <chrono>
#include <cstdio>
#include <memory>

#include "simulation/model.hpp"

namespace callerapi::simulation {
namespace {

using namespace std::chrono_literals;

/// Three instances, 200 calls a second.
struct Stalling {
  explicit Stalling(policy::HedgeTerms terms, policy::LimitSettings limits = {}) {
    policy::Settings settings;
    settings.limits = limits;
    settings.hedge = terms;
    settings.retry.max_attempts = 1;
    model = std::make_unique<Model>(settings, 3, [this](int, const Answer& answer) {
      model->loop().after(stalling_time(model->loop()), [this, answer] { answer(status); });
    });
  }
  int answered() const { return static_cast<int>(model->done().size()); }

  int status = 200;  ///< Of every answer.
  std::unique_ptr<Model> model;
};

TEST(Hedging, TakesTheStallsOutOfTheTailForOneRequestInTwenty) {
  Stalling plain({0, 50}), hedged({1, 50});
  for (Stalling* one : {&plain, &hedged}) {
    one->model->run(200, 5s);
    one->model->forget();
    one->model->run(200, 100s);
  }
  std::printf("p99 %.0f ms -> %.0f ms, p99.9 %.0f ms -> %.0f ms, %.1f %% extra\n",
              plain.model->percentile_ms(0.99), hedged.model->percentile_ms(0.99),
              plain.model->percentile_ms(0.999), hedged.model->percentile_ms(0.999),
              100 * hedged.model->extra_requests());

  EXPECT_GT(plain.model->percentile_ms(0.99), 480);
  EXPECT_LT(hedged.model->percentile_ms(0.99), 110);
  EXPECT_LT(hedged.model->percentile_ms(0.999), 200);
  EXPECT_LE(hedged.model->extra_requests(), 0.055);
  EXPECT_EQ(hedged.answered(), 20'000);
}

TEST(Hedging, AShareBelowThatOfTheStallsGainsNothing) {
  Stalling hedged({1, 10});
  hedged.model->run(200, 100s);
  EXPECT_GT(hedged.model->percentile_ms(0.99), 400) << "the wait itself lies within the stall";
}

/// A call that meets the rate to the last has nothing left for a hedge, which is a part of it.
TEST(Hedging, IsWithinTheLimitsOfTheCallItBelongsTo) {
  Stalling hedged({1, 50}, {.inflight = 256, .rate = 200, .burst = 1});
  hedged.model->run(200, 20s);
  EXPECT_GT(hedged.model->counters().hedges, 20u);
  EXPECT_EQ(hedged.model->counters().failed, 0u);
}

TEST(S19, N10_LosersAndCancelledCallsAreNoFailures) {
  Stalling some({1, 50});
  some.model->run(200, 10s);
  EXPECT_GT(some.model->counters().hedges, 20u);
  for (int i = 0; i < 100; ++i) some.model->call();
  some.model->run_for(5ms);
  some.model->end_all({.outcome = Outcome::cancelled, .reason = "cancelled", .message = "enough"});
  some.model->run_for(5s);

  EXPECT_EQ(some.model->failures_seen(), 0u);
  EXPECT_EQ(some.model->running(), 0u);
  EXPECT_EQ(some.model->counters().in_flight(), 0u);
  EXPECT_EQ(some.model->counters().calls, 2'100u);
}

TEST(S19, N10_WhenBothSiblingsFailTheCallEndsAtOnce) {
  Stalling some({1, 500});
  some.model->run(200, 5s);
  const auto hedges_before = some.model->counters().hedges.load();
  some.status = 503;
  for (int i = 0; i < 30; ++i) some.model->call();
  some.model->run_for(1200ms);

  EXPECT_GT(some.model->counters().hedges, hedges_before);
  EXPECT_EQ(some.model->running(), 0u);
  EXPECT_EQ(some.answered(), 1'030) << "a 503 of both is an answer";
}

}  // namespace
}  // namespace callerapi::simulation
