// A service that fails because of load: one queue, 100 requests a second, and it works on requests
// that nobody waits for any more. CALLERAPI_SERIES=FILE writes what the plots are made of.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "simulation/model.hpp"

namespace callerapi::simulation {
namespace {

using namespace std::chrono_literals;

constexpr Duration work_time = 10ms;
constexpr double usual = 85, spike = 150;
constexpr Duration calm = 20s, burst = 15s, after = 85s;

/// Appends "name,second,value" lines.
void write_series(const std::string& name, const std::vector<double>& values) {
  const char* file = std::getenv("CALLERAPI_SERIES");
  if (file == nullptr) return;
  std::ofstream out(file, std::ios::app);
  for (std::size_t i = 0; i < values.size(); ++i)
    out << name << "," << i << "," << values[i] << "\n";
}

/// Good answers of each second, by when their call began.
std::vector<double> by_second(const Model& model) {
  std::vector<double> good(static_cast<std::size_t>((calm + burst + after) / 1s));
  for (const Model::Done& one : model.done())
    if (const auto second = static_cast<std::size_t>(one.began / 1s); second < good.size())
      good[second] += one.good ? 1 : 0;
  return good;
}

/// A spike of load for 15 s, and what is answered before, in and after it.
std::vector<double> after_a_spike(const policy::Settings& settings) {
  TimePoint free_at{};
  std::unique_ptr<Model> model;
  model = std::make_unique<Model>(settings, 1, [&](int, const Answer& answer) {
    free_at = std::max(free_at, model->loop().now()) + work_time;
    model->loop().at(free_at, [answer] { answer(200); });
  });
  model->run(usual, calm, 0s);
  model->run(spike, burst, 0s);
  model->run(usual, after, 5s);
  return by_second(*model);
}

policy::Settings impatient() {
  policy::Settings settings;
  settings.timeouts.total = 3s;
  settings.timeouts.attempt = 500ms;
  settings.retry.max_attempts = 3;
  settings.limits.inflight = 0;
  return settings;
}

/// Calls answered a second, once the spike is half a minute gone.
double mean_of_the_end(const std::vector<double>& good) {
  double sum = 0;
  for (auto second = good.size() - 40; second < good.size(); ++second) sum += good[second];
  return sum / 40;
}

TEST(Overload, RetriesWithoutABudgetKeepAServiceDownForGood) {
  policy::Settings settings = impatient();
  settings.budget = {1000 * 5, 1000};
  settings.breaker.mode = policy::BreakerMode::off;
  const auto good = after_a_spike(settings);
  write_series("retries alone", good);
  EXPECT_LT(mean_of_the_end(good), 0.2 * usual) << "the model has no trap: it proves nothing";
}

TEST(Overload, WithBudgetAndBreakerItComesBack) {
  const auto good = after_a_spike(impatient());
  write_series("budget and breaker", good);
  std::printf("answered a second at the end: %.1f of %.0f\n", mean_of_the_end(good), usual);
  EXPECT_GT(mean_of_the_end(good), 0.95 * usual);
}

TEST(Overload, WithALimitOfCallsInFlightItIsHardlySeen) {
  policy::Settings settings = impatient();
  settings.limits.inflight = 40;
  const auto good = after_a_spike(settings);
  write_series("and 40 calls in flight", good);
  const auto first = static_cast<std::size_t>(calm / 1s);
  for (std::size_t second = first + 2; second < good.size() - 5; ++second)
    EXPECT_GT(good[second], 70) << "second " << second;
}

/// The share of calls each second that an instance gets which fails in a millisecond from second 10
/// to 40, of three at 200 calls/s; the others take 25 ms and more.
std::vector<double> share_of_the_failing(const policy::Settings& settings) {
  std::unique_ptr<Model> model;
  std::vector<double> hits(100);
  model = std::make_unique<Model>(settings, 3, [&](int at, const Answer& answer) {
    const Duration now = model->since_start();
    if (at == 0) ++hits[std::min<std::size_t>(static_cast<std::size_t>(now / 1s), 99)];
    const bool fails = at == 0 && now >= 10s && now < 40s;
    const Duration more(static_cast<Duration::rep>(-25e6 * std::log(even(model->loop()))));
    model->loop().after(fails ? 1ms : 25ms + more, [answer, fails] { answer(fails ? 503 : 200); });
  });
  model->run(200, 100s);
  for (double& one : hits) one /= 200;
  return hits;
}

TEST(S19, N11_OnTheRealEngineAFastFailerGetsNothingAndComesBack) {
  const auto shares = share_of_the_failing({});
  write_series("p2c_ewma", shares);
  double while_failing = 0;
  for (int second = 10; second < 40; ++second)
    while_failing += shares[static_cast<std::size_t>(second)] / 30;
  double best = 0;
  for (int second = 40; second < 70; ++second)
    best = std::max(best, shares[static_cast<std::size_t>(second)]);
  std::printf("%.2f %% while it fails, up to %.0f %% within 30 s after\n", 100 * while_failing,
              100 * best);
  EXPECT_LE(while_failing, 0.005);
  EXPECT_GE(best, 0.2);

  policy::Settings turns;
  turns.balance.policy = policy::BalancePolicy::round_robin;
  turns.ejection.mode = policy::EjectionMode::off;
  write_series("round_robin without ejection", share_of_the_failing(turns));
}

}  // namespace
}  // namespace callerapi::simulation
