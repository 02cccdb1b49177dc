// Three layers of callers, one above the other, and a service below them that is down for 30 s:
// each layer retries, and the product of what they add must not keep the service down. In virtual
// time, on the real policies, pool and wire.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "policy/async_call.hpp"
#include "simulation/parts.hpp"
#include "simulation/worker.hpp"

namespace callerapi::simulation {
namespace {

using namespace std::chrono_literals;

constexpr int layers = 3;
constexpr Duration healthy = 30s, outage = 30s, healed = 60s;
constexpr Duration between_calls = 5ms;

/// What one layer knows of the service below it.
struct Layer {
  std::string name;
  policy::Settings settings;
  std::shared_ptr<const policy::InstanceSet> below;
  std::shared_ptr<policy::ServiceState> state = std::make_shared<policy::ServiceState>();
};

class Chain {
 public:
  explicit Chain(policy::BreakerMode breaker, std::uint64_t seed) : loop_(seed) {
    for (int i = 0; i < layers; ++i) {
      Layer& layer = layers_[i];
      layer.name = "layer" + std::to_string(i);
      layer.settings.breaker.mode = breaker;
      layer.settings.retry.max_attempts = 3;
      const std::string address = "10.0.0." + std::to_string(i + 1);
      const bool last = i + 1 == layers;
      loop_.network().places[address] = {Door::open, [this, i, last] {
                                           return std::make_unique<Worker>([=, this](Answer a) {
                                             last ? serve(a) : pass_on(i + 1, a);
                                           });
                                         }};
      pool::Settings pool;
      pool.host = address;
      auto instance = std::make_shared<policy::Instance>();
      instance->name = address;
      instance->health = std::make_shared<policy::InstanceHealth>(loop_.now());
      instance->origin = std::make_shared<pool::Origin>(pool, loop_, family_);
      layer.below = std::make_shared<policy::InstanceSet>(std::vector{std::move(instance)});
    }
  }

  void run() {
    const TimePoint begin = loop_.now(), end = begin + healthy + outage + healed;
    down_from_ = begin + healthy;
    down_until_ = down_from_ + outage;
    for (TimePoint at = begin; at < end; at += between_calls)
      loop_.at(at, [this] {
        if (is_down()) ++offered_while_down;
        pass_on(0, [](int) {});
      });
    loop_.run_until(end + 40s);
  }

  double amplification() const {
    return static_cast<double>(served_while_down) / offered_while_down;
  }
  /// The fullest tenth of a second after the outage, beside the mean of those before it.
  double peak_after() const {
    const double mean = 100ms / between_calls;
    int most = 0;
    for (const auto& [window, count] : arrivals_)
      if (window >= window_of(down_until_)) most = std::max(most, count);
    return most / mean;
  }
  int answered_after() const { return answered_after_; }
  int offered_while_down = 0, served_while_down = 0;

 private:
  static std::int64_t window_of(TimePoint at) { return at.time_since_epoch() / 100ms; }
  bool is_down() const { return loop_.now() >= down_from_ && loop_.now() < down_until_; }

  /// The service at the bottom.
  void serve(const Answer& answer) {
    ++arrivals_[window_of(loop_.now())];
    if (is_down()) ++served_while_down;
    if (loop_.now() >= down_until_) ++answered_after_;
    loop_.after(5ms, [answer, down = is_down()] { answer(down ? 503 : 200); });
  }

  void pass_on(int through, Answer answer) {
    Layer& layer = layers_[through];
    const policy::ServiceView view{layer.name, "http", layer.name, "", "sim", ""};
    auto parts = parts_of({loop_, counters_}, view,
                          node_of(layer.below, layer.state, layer.settings), "GET", "/", Request{})
                     .value();
    const std::size_t number = next_++;
    auto call = std::make_shared<policy::AsyncCall>(
        std::move(parts),
        [answer](Result<Response> result) { answer(result && result->status < 400 ? 200 : 503); },
        [this, number](policy::LoopCall&) { running_.erase(number); });
    running_.emplace(number, call);
    call->begin();
  }

  SimLoop loop_;
  const std::shared_ptr<pool::Family> family_ = std::make_shared<pool::Family>();
  // On the heap: AddressSanitizer's stack does not align to a cache line.
  const std::unique_ptr<policy::CallCounters> held_ = std::make_unique<policy::CallCounters>();
  policy::CallCounters& counters_ = *held_;
  Layer layers_[layers];
  TimePoint down_from_{}, down_until_{};
  std::map<std::int64_t, int> arrivals_;
  int answered_after_ = 0;
  std::size_t next_ = 0;
  std::map<std::size_t, std::shared_ptr<policy::AsyncCall>> running_;
};

TEST(Chain, ThreeLayersOfRetriesAddAThirdAtMostToAServiceThatIsDown) {
  for (std::uint64_t seed = 1; seed <= 3; ++seed) {
    Chain chain(policy::BreakerMode::off, seed);
    chain.run();
    std::printf("seed %d, budgets alone: %.3f requests for each call, %.2f x the mean after it\n",
                static_cast<int>(seed), chain.amplification(), chain.peak_after());
    EXPECT_GT(chain.amplification(), 1.0) << "nobody retries: the chain proves nothing";
    EXPECT_LE(chain.amplification(), 1.35);
    EXPECT_LE(chain.peak_after(), 2.0);
    EXPECT_GT(chain.answered_after(), 0);
  }
}

TEST(Chain, WithBreakersAServiceThatIsDownIsNearlyLeftAlone) {
  constexpr std::uint64_t seeds = 12;
  std::uint64_t answered = 0;
  for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
    Chain chain(policy::BreakerMode::on, seed);
    chain.run();
    std::printf("seed %d, with breakers: %.3f requests for each call, %.2f x the mean after it\n",
                static_cast<int>(seed), chain.amplification(), chain.peak_after());
    EXPECT_LE(chain.amplification(), 0.1);
    EXPECT_LE(chain.peak_after(), 2.0);
    answered += static_cast<std::uint64_t>(chain.answered_after());
  }
  // How long one chain takes is chance: each of three breakers may have opened just before.
  EXPECT_GT(answered, seeds * static_cast<std::uint64_t>(healed / between_calls) / 2)
      << "too long to come back";
}

}  // namespace
}  // namespace callerapi::simulation
