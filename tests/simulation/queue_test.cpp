// Calls that wait for their turn within the limits of their service, in virtual time.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <vector>

#include "simulation/model.hpp"

namespace callerapi::simulation {
namespace {

using namespace std::chrono_literals;

/// A service that takes the same time for each request and counts those it works on at once.
class Counted {
 public:
  Counted(const policy::Settings& settings, Duration each, int instances = 1)
      : work(each), model(settings, instances, [this](int, const Answer& answer) {
          most = std::max(most, ++now);
          ++asked;
          model.loop().after(work, [this, answer] {
            --now;
            answer(200);
          });
        }) {}

  int good() const {
    return static_cast<int>(std::ranges::count_if(model.done(), &Model::Done::good));
  }

  Duration work;
  int now = 0, most = 0, asked = 0;
  Model model;
};

policy::Settings with(policy::LimitSettings limits, Duration acquire = 10s) {
  policy::Settings settings;
  settings.limits = limits;
  settings.timeouts.acquire = acquire;
  return settings;
}

TEST(Queue, UnderTwiceTheLoadTheCapHoldsAndNobodyWhoFitsInTheQueueIsRefused) {
  Counted service(with({.inflight = 4, .queue = 1000}), 100ms);
  service.model.run(80, 5s, 10s);
  EXPECT_EQ(service.most, 4);
  EXPECT_EQ(service.good(), 400);
  EXPECT_EQ(service.model.running(), 0u);
}

TEST(Queue, CallsEndInTheOrderTheyBegan) {
  Counted service(with({.inflight = 1, .queue = 1000}), 10ms);
  service.model.run(200, 500ms, 10s);
  EXPECT_EQ(service.good(), 100);
  std::vector<Duration> began;
  for (const Model::Done& one : service.model.done()) began.push_back(one.began);
  EXPECT_TRUE(std::ranges::is_sorted(began)) << "one passed another, which could starve";
}

TEST(Queue, WhatWaitsLongerThanItMayIsRefusedAndTheRestIsServed) {
  Counted service(with({.inflight = 4, .queue = 1000}, 500ms), 100ms);
  service.model.run(80, 5s, 10s);
  EXPECT_EQ(service.most, 4);
  EXPECT_GT(service.good(), 200) << "40 a second at least";
  EXPECT_LT(service.good(), 300);
  EXPECT_EQ(service.asked, service.good()) << "a call that was refused was never sent";
  for (const Model::Done& one : service.model.done())
    EXPECT_LE(one.took, 600ms + 10ms) << "half a second in the queue and its own time";
}

TEST(Queue, ARateSpreadsABurstOverTheTimeItTakes) {
  Counted service(with({.inflight = 0, .queue = 100, .rate = 20, .burst = 1}), 1ms);
  for (int i = 0; i < 40; ++i) service.model.call();
  service.model.run_for(1s);
  EXPECT_NEAR(service.asked, 20, 1);
  service.model.run_for(1s);
  EXPECT_EQ(service.good(), 40);
}

TEST(Queue, OfABurstThatTheRateCannotServeInTimeTheRestIsRefusedAtOnce) {
  Counted service(with({.inflight = 0, .queue = 100, .rate = 20, .burst = 1}, 1s), 1ms);
  for (int i = 0; i < 40; ++i) service.model.call();
  service.model.run_for(1ms);
  const auto refused = service.model.done().size();
  EXPECT_NEAR(static_cast<double>(refused), 19, 1) << "these could only have waited in vain";
  service.model.run_for(2s);
  EXPECT_EQ(service.good(), static_cast<int>(40 - refused)) << "all that were let wait were served";
}

TEST(Queue, CallsThatAreCancelledInItFreeTheirPlaces) {
  Counted service(with({.inflight = 1, .queue = 2}), 100ms);
  for (int i = 0; i < 3; ++i) service.model.call();
  service.model.run_for(10ms);
  service.model.end_all({.outcome = Outcome::cancelled, .reason = "cancelled"});
  service.model.run_for(1s);
  EXPECT_EQ(service.asked, 1) << "those who waited were never sent";
  for (int i = 0; i < 3; ++i) service.model.call();
  service.model.run_for(1s);
  EXPECT_EQ(service.good(), 3);
}

/// A second request of a call that has not begun would pass the queue.
TEST(Queue, NoCallIsHedgedBeforeItsTurn) {
  policy::Settings settings = with({.inflight = 1, .queue = 1000});
  settings.hedge.max_hedges = 1;
  settings.budget = {1000, 1000};
  Counted service(settings, 10ms, 2);
  service.model.run(20, 20s);
  service.work = 5s;
  service.asked = 0;
  for (int i = 0; i < 3; ++i) service.model.call();
  service.model.run_for(1s);
  EXPECT_EQ(service.asked, 2) << "the one whose turn it is, and its hedge";
  service.model.run_for(30s);
  EXPECT_EQ(service.model.running(), 0u);
}

}  // namespace
}  // namespace callerapi::simulation
