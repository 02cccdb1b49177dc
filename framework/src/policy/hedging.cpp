#include "policy/hedging.hpp"

#include <algorithm>

namespace callerapi::policy {
namespace {

constexpr Duration refresh = 3s;
constexpr Duration least = 1ms;
constexpr std::uint64_t samples_min = 100;

}  // namespace

std::optional<Duration> Hedging::delay(const HedgeTerms& terms, Duration attempt,
                                       TimePoint now) noexcept {
  const TimePoint::rep looked = looked_at_.load(std::memory_order_relaxed);
  const bool old = looked == 0 || now.time_since_epoch().count() - looked >= refresh.count();
  if (old || reckoned_for_.load(std::memory_order_relaxed) != terms.max_extra_permille) {
    // A tenth of the budget is left for the spread of arrivals: without it the budget refuses just
    // the calls that stall (ADR 0004).
    const int awaited = 1000 - terms.max_extra_permille * 9 / 10;
    const auto found = latencies_.quantile(awaited, samples_min, now);
    delay_.store(found ? std::max(*found, least).count() : 0, std::memory_order_relaxed);
    reckoned_for_.store(terms.max_extra_permille, std::memory_order_relaxed);
    looked_at_.store(now.time_since_epoch().count(), std::memory_order_relaxed);
  }
  const Duration wait(delay_.load(std::memory_order_relaxed));
  if (wait == Duration::zero() || wait >= attempt) return {};
  return wait;
}

bool Hedging::withdraw(const HedgeTerms& terms, TimePoint now) noexcept {
  return budget_.withdraw({terms.max_extra_permille, 0}, now);
}

}  // namespace callerapi::policy
