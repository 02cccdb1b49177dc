#include "policy/limits.hpp"

#include <algorithm>
#include <array>
#include <chrono>

namespace callerapi::policy {
namespace {

constexpr Duration::rep second = std::chrono::nanoseconds(std::chrono::seconds(1)).count();
// In the order of Priority.
constexpr std::array<std::int64_t, 3> tenths = {10, 9, 5};
constexpr std::array<std::string_view, 3> names = {"critical", "normal", "background"};

}  // namespace

std::int64_t LimitSettings::burst_of() const noexcept {
  return burst ? *burst : std::max<std::int64_t>(1, rate / 10);
}

std::int64_t LimitSettings::places(Priority of) const noexcept {
  return (inflight * tenths[static_cast<std::size_t>(of)] + 9) / 10;
}

std::string_view name(Priority priority) noexcept {
  return names[static_cast<std::size_t>(priority)];
}

bool Inflight::enter(std::int64_t max) noexcept {
  // Adding first and taking back would, in a crowd, refuse calls while places are free.
  std::uint64_t now = word_.load(std::memory_order_relaxed);
  while (now < one_waiting && (max <= 0 || count_of(now) < max))
    if (word_.compare_exchange_weak(now, now + 1, std::memory_order_relaxed)) return true;
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

Duration Rate::wait(std::int64_t rate, std::int64_t burst, std::int64_t ahead,
                    TimePoint now) const noexcept {
  const Duration::rep emission = second / rate;
  const Duration::rep tolerance = emission * (burst - 1);
  const Duration::rep at = now.time_since_epoch().count();
  const Duration::rep empty =
      std::clamp(empty_at_.load(std::memory_order_relaxed), at, at + tolerance + emission);
  return Duration(std::max<Duration::rep>(0, empty + emission * ahead - tolerance - at));
}

}  // namespace callerapi::policy
