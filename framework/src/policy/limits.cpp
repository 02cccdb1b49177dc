#include "policy/limits.hpp"

#include <algorithm>
#include <chrono>
#include <string>

#include "base/units.hpp"

namespace callerapi::policy {
namespace {

constexpr Duration::rep second = std::chrono::nanoseconds(std::chrono::seconds(1)).count();

Error full(std::int64_t limit) {
  return {.outcome = Outcome::bulkhead_full,
          .reason = "inflight",
          .message = std::to_string(limit) +
                     " calls of this service are in flight, as many as limits.inflight allows; "
                     "raise it, or make fewer calls at once",
          .phase = Phase::queue};
}

Error limited(const LimitSettings& settings, Duration wait) {
  const auto whole = std::chrono::ceil<std::chrono::milliseconds>(wait);
  return {.outcome = Outcome::rate_limited_local,
          .reason = "rate",
          .message = "limits.rate = " + std::to_string(settings.rate) +
                     " calls a second and limits.burst = " + std::to_string(settings.burst_of()) +
                     " at once are used up; the next call may begin in " +
                     base::format_duration(whole) +
                     "; raise them if the service takes more, or call less often",
          .phase = Phase::queue};
}

}  // namespace

std::int64_t LimitSettings::burst_of() const noexcept {
  return burst ? *burst : std::max<std::int64_t>(1, rate / 10);
}

bool Inflight::enter(std::int64_t max) noexcept {
  if (max <= 0) {
    count_.fetch_add(1, std::memory_order_relaxed);
    return true;
  }
  // Adding first and taking back would, in a crowd, refuse calls while places are free.
  std::int64_t now = count_.load(std::memory_order_relaxed);
  while (now < max)
    if (count_.compare_exchange_weak(now, now + 1, std::memory_order_relaxed)) return true;
  return false;
}

Duration Rate::take(std::int64_t rate, std::int64_t burst, TimePoint now) noexcept {
  const Duration::rep emission = second / rate;
  const Duration::rep tolerance = emission * (burst - 1);
  const Duration::rep at = now.time_since_epoch().count();
  Duration::rep empty = empty_at_.load(std::memory_order_relaxed);
  for (;;) {
    const Duration::rep full = at + tolerance + emission;
    if (empty > full) {
      // Owed at another rate: a full bucket of this one is all that it can be.
      if (empty_at_.compare_exchange_weak(empty, full, std::memory_order_relaxed)) empty = full;
      continue;
    }
    if (at < empty - tolerance) return Duration(empty - tolerance - at);
    if (empty_at_.compare_exchange_weak(empty, std::max(at, empty) + emission,
                                        std::memory_order_relaxed))
      return Duration::zero();
  }
}

std::optional<Error> Limits::enter(const LimitSettings& settings, TimePoint now) {
  if (!inflight_.enter(settings.inflight)) return full(settings.inflight);
  if (settings.rate <= 0) return {};
  const Duration wait = rate_.take(settings.rate, settings.burst_of(), now);
  if (wait == Duration::zero()) return {};
  inflight_.leave();
  return limited(settings, wait);
}

}  // namespace callerapi::policy
