// The model behind hedging (20 ms, lognormal; one answer in fifty stalls for 500 ms more) on the
// real policies, pool and wire, in virtual time.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <map>
#include <memory>
#include <numbers>
#include <string>
#include <utility>
#include <vector>

#include "policy/hedged_call.hpp"
#include "simulation/worker.hpp"

namespace callerapi::simulation {
namespace {

using namespace std::chrono_literals;

class Model {
 public:
  explicit Model(policy::HedgeTerms terms, std::uint64_t seed = 1) : loop_(seed) {
    settings_.hedge = terms;
    settings_.retry.max_attempts = 1;
    std::vector<std::shared_ptr<policy::Instance>> all;
    for (int i = 0; i < 3; ++i) {
      const std::string address = "10.0.0." + std::to_string(i + 1);
      loop_.network().places[address] = {
          Door::open,
          [this] { return std::make_unique<Worker>([this](const Answer& a) { work(a); }); }};
      pool::Settings pool;
      pool.host = address;
      auto one = std::make_shared<policy::Instance>();
      one->name = address;
      one->origin = std::make_shared<pool::Origin>(pool, loop_, family_);
      one->health = std::make_shared<policy::InstanceHealth>(loop_.now());
      all.push_back(std::move(one));
    }
    instances_ = std::make_shared<policy::InstanceSet>(std::move(all));
  }

  /// 200 calls a second, and time for the last.
  void run(int calls) {
    const TimePoint begin = loop_.now();
    for (int i = 0; i < calls; ++i) loop_.at(begin + i * 5ms, [this] { call(); });
    loop_.run_until(begin + calls * 5ms + 2s);
  }
  /// What came before counts for nothing: until the first look, nobody knows how long calls take.
  void forget() {
    took_.clear();
    hedges_before_ = counters_.hedges;
  }

  double percentile_ms(double of) {
    std::ranges::sort(took_);
    const auto rank = static_cast<std::size_t>(of * static_cast<double>(took_.size()));
    return std::chrono::duration<double, std::milli>(took_[rank]).count();
  }
  double extra() const {
    return static_cast<double>(counters_.hedges - hedges_before_) /
           static_cast<double>(took_.size());
  }
  policy::BreakerMode breaker = policy::BreakerMode::on;
  int status = 200;  ///< Of every answer.
  int answered = 0, failed = 0;
  const policy::CallCounters& counters() const { return counters_; }
  std::uint64_t failures_seen() const {
    return state_->breaker.view(settings_.breaker, loop_.now()).failed;
  }
  void run_for(Duration time) { loop_.run_until(loop_.now() + time); }
  void end_all(const Error& why) {
    while (!running_.empty()) {
      const auto kept = running_.begin()->second;
      kept->end(why);
    }
  }
  std::size_t running() const { return running_.size(); }
  void call() {
    const policy::ServiceView view{"s", "http", "s", "", "sim", ""};
    auto prepared = policy::prepare_ad_hoc(view, "GET", "/", settings_, Request{}, loop_);
    const TimePoint began = loop_.now();
    const std::size_t number = next_++;
    auto one = policy::make_loop_call(
        policy::CallParts{.loop = &loop_,
                          .instances = instances_,
                          .state = state_,
                          .code = nullptr,
                          .counters = &counters_,
                          .prepared = std::move(*prepared)},
        [this, began](Result<Response> result) {
          took_.push_back(loop_.now() - began);
          ++(result ? answered : failed);
        },
        [this, number] { running_.erase(number); });
    running_.emplace(number, one);
    one->begin();
  }

 private:
  void work(const Answer& answer) {
    auto& rng = loop_.rng();
    const auto even = [&] { return static_cast<double>(rng.below(1u << 30) + 1) / (1u << 30); };
    const double normal =
        std::sqrt(-2 * std::log(even())) * std::cos(2 * std::numbers::pi * even());
    Duration time(static_cast<Duration::rep>(20e6 * std::exp(0.5 * normal)));
    if (rng.below(50) == 0) time += 500ms;
    loop_.after(time, [answer, code = status] { answer(code); });
  }

  SimLoop loop_;
  const std::shared_ptr<pool::Family> family_ = std::make_shared<pool::Family>();
  policy::CallCounters counters_;
  policy::Settings settings_;
  std::shared_ptr<const policy::InstanceSet> instances_;
  const std::shared_ptr<policy::ServiceState> state_ = std::make_shared<policy::ServiceState>();
  std::map<std::size_t, std::shared_ptr<policy::LoopCall>> running_;
  std::size_t next_ = 0;
  std::vector<Duration> took_;
  std::uint64_t hedges_before_ = 0;
};

TEST(Hedging, TakesTheStallsOutOfTheTailForOneRequestInTwenty) {
  Model plain({0, 50}), hedged({1, 50});
  for (Model* model : {&plain, &hedged}) {
    model->run(1'000);
    model->forget();
    model->run(20'000);
  }
  std::printf("p99 %.0f ms -> %.0f ms, p99.9 %.0f ms -> %.0f ms, %.1f %% extra\n",
              plain.percentile_ms(0.99), hedged.percentile_ms(0.99), plain.percentile_ms(0.999),
              hedged.percentile_ms(0.999), 100 * hedged.extra());

  EXPECT_GT(plain.percentile_ms(0.99), 480);
  EXPECT_LT(hedged.percentile_ms(0.99), 110);
  EXPECT_LE(hedged.extra(), 0.055);
  EXPECT_LT(hedged.percentile_ms(0.999), 200);
  EXPECT_EQ(hedged.answered, 21'000);
}

TEST(Hedging, AShareBelowThatOfTheStallsGainsNothing) {
  Model hedged({1, 10});
  hedged.run(20'000);
  EXPECT_GT(hedged.percentile_ms(0.99), 400) << "the wait itself lies within the stall";
}

TEST(S19, N10_LosersAndCancelledCallsAreNoFailures) {
  Model model({1, 50});
  model.run(2'000);
  EXPECT_GT(model.counters().hedges, 20u);
  for (int i = 0; i < 100; ++i) model.call();
  model.run_for(5ms);
  model.end_all({.outcome = Outcome::cancelled, .reason = "cancelled", .message = "enough"});
  model.run_for(5s);

  EXPECT_EQ(model.failures_seen(), 0u);
  EXPECT_EQ(model.running(), 0u);
  EXPECT_EQ(model.counters().in_flight, 0u);
  EXPECT_EQ(model.counters().calls, 2'100u);
}

TEST(S19, N10_WhenBothSiblingsFailTheCallEndsAtOnce) {
  Model model({1, 500});
  model.run(1'000);
  const auto hedges_before = model.counters().hedges.load();
  model.status = 503;
  for (int i = 0; i < 30; ++i) model.call();
  model.run_for(1200ms);

  EXPECT_GT(model.counters().hedges, hedges_before);
  EXPECT_EQ(model.running(), 0u);
  EXPECT_EQ(model.answered, 1'030) << "a 503 of both is an answer";
}

}  // namespace
}  // namespace callerapi::simulation
