// Histories that a seed decides, on the real policies, pool and wire. CALLERAPI_SIM_SEEDS says how
// many (10,000 is the long form); a seed that fails is printed and can be played alone with
// CALLERAPI_SIM_SEED.
#include <gtest/gtest.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "simulation/history.hpp"

namespace callerapi::simulation {
namespace {

constexpr int calls_of_one = 200;

std::uint64_t from_environment(const char* name, std::uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

std::string told(std::uint64_t seed, const Verdict& verdict) {
  std::string text = "CALLERAPI_SIM_SEED=" + std::to_string(seed) + ": " +
                     std::to_string(verdict.breaches.size()) + " breaches";
  for (std::size_t i = 0; i < verdict.breaches.size() && i < 8; ++i)
    text += "\n  " + verdict.breaches[i];
  return text;
}

TEST(Simulation, NoHistoryBreaksARule) {
  const std::uint64_t one = from_environment("CALLERAPI_SIM_SEED", 0);
  const std::uint64_t first = one == 0 ? 1 : one;
  const std::uint64_t seeds = one == 0 ? from_environment("CALLERAPI_SIM_SEEDS", 500) : 1;
  const auto began = std::chrono::steady_clock::now();
  Verdict sum;
  int broken = 0;
  for (std::uint64_t seed = first; seed < first + seeds && broken < 10; ++seed) {
    const Verdict verdict = play(seed, calls_of_one);
    if (!verdict.breaches.empty()) ++broken;
    EXPECT_TRUE(verdict.breaches.empty()) << told(seed, verdict);
    sum.calls += verdict.calls;
    sum.answered += verdict.answered;
    sum.attempts += verdict.attempts;
    sum.reloads += verdict.reloads;
  }
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
  std::printf("%llu seeds, %d calls, %d answered, %d attempts, %d reloads, %.0f seeds/s\n",
              static_cast<unsigned long long>(seeds), sum.calls, sum.answered, sum.attempts,
              sum.reloads, static_cast<double>(seeds) / took.count());
  EXPECT_GT(sum.answered, 0);
  EXPECT_LT(sum.answered, sum.calls) << "nothing ever failed: the storm does not blow";
}

TEST(Simulation, OneSeedPlaysTheSameHistoryTwice) {
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    const Verdict first = play(seed, calls_of_one), again = play(seed, calls_of_one);
    EXPECT_EQ(first.history, again.history) << "seed " << seed;
    EXPECT_EQ(first.attempts, again.attempts) << "seed " << seed;
  }
  EXPECT_NE(play(1, calls_of_one).history, play(2, calls_of_one).history);
}

}  // namespace
}  // namespace callerapi::simulation
