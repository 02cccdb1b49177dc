#include "policy/instance_health.hpp"

#include <algorithm>
#include <bit>
#include <chrono>
#include <cmath>

namespace callerapi::policy {
namespace {

using namespace std::chrono_literals;

constexpr double tau = 10.0;      // seconds
constexpr double unknown = 0.03;  // seconds
constexpr double penalty_min = 1.0, penalty_max = 5.0;
constexpr Duration cooling_max = 30s;
constexpr double ramp_min = 0.1;

double seconds(Duration d) { return std::chrono::duration<double>(d).count(); }

// About a millisecond; of those, 32 bits count 52 days, and only differences matter.
constexpr int tick_bits = 20;
constexpr double tick = static_cast<double>(1 << tick_bits) / 1e9;

std::uint32_t ticks(TimePoint now) {
  return static_cast<std::uint32_t>(static_cast<std::uint64_t>(now.time_since_epoch().count()) >>
                                    tick_bits);
}

std::uint64_t pack(double value, std::uint32_t at) {
  return std::uint64_t{std::bit_cast<std::uint32_t>(static_cast<float>(value))} << 32 | at;
}

double value_of(std::uint64_t packed) {
  return static_cast<double>(std::bit_cast<float>(static_cast<std::uint32_t>(packed >> 32)));
}

/// Another thread may have read the clock a little later: then no time has passed.
std::uint32_t ticks_since(std::uint64_t packed, TimePoint now) {
  const std::uint32_t passed = ticks(now) - static_cast<std::uint32_t>(packed);
  return passed > ~0u / 2 ? 0 : passed;
}

double kept(std::uint64_t packed, TimePoint now) {
  const std::uint32_t passed = ticks_since(packed, now);
  return passed == 0 ? 1.0 : std::exp(-static_cast<double>(passed) * tick / tau);
}

}  // namespace

InstanceHealth::InstanceHealth(TimePoint born) noexcept
    : ewma_(pack(unknown, ticks(born))),
      cooling_until_(TimePoint::min().time_since_epoch().count()),
      ejected_until_(TimePoint::min().time_since_epoch().count()) {}

double InstanceHealth::ewma(TimePoint now) const noexcept {
  const std::uint64_t seen = ewma_.load(std::memory_order_relaxed);
  return value_of(seen) * kept(seen, now);
}

void InstanceHealth::sample(Duration latency, TimePoint now) noexcept {
  const double x = std::max(0.0, seconds(latency));
  std::uint64_t seen = ewma_.load(std::memory_order_relaxed), next = 0;
  do {
    const double k = kept(seen, now);
    const double faded = value_of(seen) * k;
    const std::uint32_t at = static_cast<std::uint32_t>(seen) + ticks_since(seen, now);
    next = pack(x > faded ? x : faded + x * (1 - k), at);
    if (next == seen) return;
  } while (!ewma_.compare_exchange_weak(seen, next, std::memory_order_relaxed));
}

void InstanceHealth::penalize(Duration latency, TimePoint now) noexcept {
  const double worse = std::max({seconds(latency), 2 * ewma(now), penalty_min});
  sample(Duration(static_cast<Duration::rep>(std::min(penalty_max, worse) * 1e9)), now);
}

void InstanceHealth::at_least(Duration elapsed, TimePoint now) noexcept {
  if (seconds(elapsed) > ewma(now)) sample(elapsed, now);
}

void InstanceHealth::cool(Duration asked, TimePoint now) noexcept {
  const TimePoint until = now + std::clamp(asked, Duration::zero(), cooling_max);
  if (until > cooling_until())
    cooling_until_.store(until.time_since_epoch().count(), std::memory_order_relaxed);
}

double InstanceHealth::ramp(TimePoint now, Duration slow_start) const noexcept {
  const TimePoint back = ejected_until();
  if (back == TimePoint::min() || now >= back + slow_start) return 1.0;
  return std::max(ramp_min, seconds(now - back) / seconds(slow_start));
}

void InstanceHealth::succeeded() noexcept {
  attempts_.fetch_add(1, std::memory_order_relaxed);
  if (in_a_row_.load(std::memory_order_relaxed) != 0) in_a_row_.store(0, std::memory_order_relaxed);
}

int InstanceHealth::failed() noexcept {
  attempts_.fetch_add(1, std::memory_order_relaxed);
  failures_.fetch_add(1, std::memory_order_relaxed);
  return in_a_row_.fetch_add(1, std::memory_order_relaxed) + 1;
}

InstanceHealth::Window InstanceHealth::window() const noexcept {
  return {attempts_.load(std::memory_order_relaxed), failures_.load(std::memory_order_relaxed)};
}

void InstanceHealth::reset_window() noexcept {
  attempts_.store(0, std::memory_order_relaxed);
  failures_.store(0, std::memory_order_relaxed);
}

void InstanceHealth::eject(Duration base, Duration max, Duration spread, TimePoint now) noexcept {
  const int times = multiplier_.load(std::memory_order_relaxed) + 1;
  multiplier_.store(times, std::memory_order_relaxed);
  const bool longest = base > Duration::zero() && times > max / base;
  const TimePoint until = now + (longest ? max : std::min(max, base * times)) + spread;
  ejected_until_.store(until.time_since_epoch().count(), std::memory_order_relaxed);
  in_a_row_.store(0, std::memory_order_relaxed);
  reset_window();
}

void InstanceHealth::forgive() noexcept {
  const int times = multiplier_.load(std::memory_order_relaxed);
  if (times > 0) multiplier_.store(times - 1, std::memory_order_relaxed);
}

void InstanceHealth::keep_out(TimePoint until) noexcept {
  if (until > ejected_until())
    ejected_until_.store(until.time_since_epoch().count(), std::memory_order_relaxed);
}

void InstanceHealth::let_in(TimePoint now) noexcept {
  ejected_until_.store(now.time_since_epoch().count(), std::memory_order_relaxed);
  in_a_row_.store(0, std::memory_order_relaxed);
}

}  // namespace callerapi::policy
