#include "policy/adaptive_limit.hpp"

#include <algorithm>
#include <chrono>

namespace callerapi::policy {
namespace {

using namespace std::chrono_literals;

constexpr double least = 8;  // below that a latency says more of chance than of load
constexpr double more = 4;   // calls that may wait at the service, so that it never idles
constexpr double smoothing = 0.2, tolerance = 1.5, steepest = 0.5;
constexpr Duration window_time = 250ms;
constexpr std::uint64_t samples_min = 10;
// An average over 600 samples of a second each, taken four times a second; the plain mean first.
constexpr double long_step = 2.0 / (4 * 600 + 1);
constexpr std::uint32_t first_windows = 10;
// After a bad time the usual latency comes down faster than it went up.
constexpr double stale = 2.0, faded = 0.95;

// A window in one word: 20 bits of samples, a quarter of an hour's worth of latencies each.
constexpr int count_bits = 20;
constexpr std::uint64_t count_mask = (std::uint64_t{1} << count_bits) - 1;
constexpr std::int64_t longest_us = 900'000'000;

double floor_of(std::int64_t most) { return std::min(least, static_cast<double>(most)); }

}  // namespace

std::int64_t AdaptiveLimit::limit(std::int64_t most) const noexcept {
  const double now = limit_.load(std::memory_order_relaxed);
  if (now <= 0) return most;
  return static_cast<std::int64_t>(std::clamp(now, floor_of(most), static_cast<double>(most)));
}

void AdaptiveLimit::note(Duration took, std::int64_t in_flight, std::int64_t most,
                         TimePoint now) noexcept {
  const auto us = std::clamp<std::int64_t>(took / 1us, 1, longest_us);
  const std::uint64_t sample = static_cast<std::uint64_t>(us) << count_bits | 1;
  const std::uint64_t seen = window_.fetch_add(sample, std::memory_order_relaxed) + sample;
  if (!busy_.load(std::memory_order_relaxed) && 2 * in_flight >= limit(most))
    busy_.store(true, std::memory_order_relaxed);
  const Duration::rep at = now.time_since_epoch().count();
  Duration::rep ends = ends_at_.load(std::memory_order_relaxed);
  if (at < ends || (seen & count_mask) < samples_min) return;
  if (!ends_at_.compare_exchange_strong(ends, at + window_time.count(), std::memory_order_relaxed))
    return;
  const std::uint64_t all = window_.exchange(0, std::memory_order_relaxed);
  const bool busy = busy_.exchange(false, std::memory_order_relaxed);
  const auto count = static_cast<double>(all & count_mask);
  if (count > 0) reckon(static_cast<double>(all >> count_bits) / count / 1e6, busy, most);
}

void AdaptiveLimit::at_least(Duration took, std::int64_t in_flight, std::int64_t most,
                             TimePoint now) noexcept {
  if (std::chrono::duration<double>(took).count() > usual()) note(took, in_flight, most, now);
}

void AdaptiveLimit::learn(double latest) noexcept {
  double usual = usual_.load(std::memory_order_relaxed);
  const std::uint32_t before = windows_.load(std::memory_order_relaxed);
  const double step = before < first_windows ? 1.0 / (before + 1) : long_step;
  if (before < first_windows) windows_.store(before + 1, std::memory_order_relaxed);
  usual += (latest - usual) * step;
  if (usual > stale * latest) usual *= faded;
  usual_.store(usual, std::memory_order_relaxed);
}

/// Only where half the limit was used do the latencies say anything of it.
void AdaptiveLimit::reckon(double latest, bool busy, std::int64_t most) noexcept {
  learn(latest);
  if (!busy) return;
  const auto top = static_cast<double>(most);
  double now = limit_.load(std::memory_order_relaxed);
  if (now <= 0 || now > top) now = top;
  const double gradient = std::clamp(tolerance * usual() / latest, steepest, 1.0);
  const double next =
      std::max(floor_of(most), (1 - smoothing) * now + smoothing * (gradient * now + more));
  limit_.store(next >= top ? 0 : next, std::memory_order_relaxed);
}

}  // namespace callerapi::policy
