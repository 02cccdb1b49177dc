#include "simulation/model.hpp"
#include "simulation/parts.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <numbers>
#include <string>
#include <utility>

namespace callerapi::simulation {

using namespace std::chrono_literals;

Model::Model(policy::Settings settings, int instances, Work work, std::uint64_t seed)
    : loop_(seed), settings_(std::move(settings)), begun_(loop_.now()) {
  std::vector<std::shared_ptr<policy::Instance>> all;
  for (int i = 0; i < instances; ++i) {
    const std::string address = "10.0.0." + std::to_string(i + 1);
    loop_.network().places[address] = {
        Door::open, [work, i] {
          return std::make_unique<Worker>([work, i](const Answer& answer) { work(i, answer); });
        }};
    pool::Settings pool;
    pool.host = address;
    pool.connections_max = 4096;
    auto one = std::make_shared<policy::Instance>();
    one->name = address;
    one->origin = std::make_shared<pool::Origin>(pool, loop_, family_);
    one->health = std::make_shared<policy::InstanceHealth>(loop_.now());
    all.push_back(std::move(one));
  }
  instances_ = std::make_shared<policy::InstanceSet>(std::move(all));
}

void Model::run(double calls_per_second, Duration time, Duration after) {
  const TimePoint begin = loop_.now();
  const auto between = Duration(static_cast<Duration::rep>(1e9 / calls_per_second));
  for (TimePoint at = begin; at < begin + time; at += between) loop_.at(at, [this] { call(); });
  loop_.run_until(begin + time + after);
}

void Model::call() {
  const policy::ServiceView view{"s", "http", "s", "", "sim", ""};
  auto parts = parts_of({loop_, counters_}, view, node_of(instances_, state_, settings_), "GET",
                        "/", Request{})
                   .value();
  const TimePoint began = loop_.now();
  const std::size_t number = next_++;
  auto one = policy::make_loop_call(
      std::move(parts),
      [this, began](Result<Response> result) {
        done_.push_back(
            {began - begun_, loop_.now() - began, result.has_value() && result->status < 400});
      },
      [this, number](policy::LoopCall&) { running_.erase(number); });
  running_.emplace(number, one);
  one->begin();
}

void Model::end_all(const Error& why) {
  while (!running_.empty()) {
    const auto kept = running_.begin()->second;
    kept->end(why);
  }
}

void Model::forget() {
  done_.clear();
  hedges_before_ = counters_.hedges;
}

double Model::percentile_ms(double of) const {
  std::vector<Duration> took;
  for (const Done& one : done_) took.push_back(one.took);
  std::ranges::sort(took);
  const auto rank = static_cast<std::size_t>(of * static_cast<double>(took.size()));
  return std::chrono::duration<double, std::milli>(took[std::min(rank, took.size() - 1)]).count();
}

double Model::extra_requests() const {
  return static_cast<double>(counters_.hedges - hedges_before_) / static_cast<double>(done_.size());
}

std::uint64_t Model::failures_seen() const {
  return state_->breaker.view(settings_.breaker, loop_.now()).failed;
}

double even(SimLoop& loop) {
  return static_cast<double>(loop.rng().below(1u << 30) + 1) / (1u << 30);
}

Duration stalling_time(SimLoop& loop) {
  const double normal =
      std::sqrt(-2 * std::log(even(loop))) * std::cos(2 * std::numbers::pi * even(loop));
  Duration time(static_cast<Duration::rep>(20e6 * std::exp(0.5 * normal)));
  if (loop.rng().below(50) == 0) time += 500ms;
  return time;
}

}  // namespace callerapi::simulation
