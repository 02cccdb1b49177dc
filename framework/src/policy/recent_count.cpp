#include "policy/recent_count.hpp"

#include <algorithm>
#include <chrono>

namespace callerapi::policy {
namespace {

using Tenths = std::chrono::duration<std::int64_t, std::deci>;

constexpr int count_bits = 32;
constexpr std::uint64_t count_mask = (std::uint64_t{1} << count_bits) - 1;

std::int64_t width_of(Duration window, std::size_t slots) noexcept {
  const auto tenth = window / static_cast<Duration::rep>(slots);
  return std::max<std::int64_t>(1, std::chrono::ceil<Tenths>(tenth).count());
}

std::int64_t index_of(TimePoint now, std::int64_t width) noexcept {
  return std::chrono::floor<Tenths>(now.time_since_epoch()).count() / width;
}

std::int64_t start_of(std::uint64_t slot) noexcept {
  return static_cast<std::int64_t>(slot >> count_bits);
}

}  // namespace

void RecentCount::add(Duration window, TimePoint now) noexcept {
  const std::int64_t width = width_of(window, slots);
  const std::int64_t index = index_of(now, width);
  const std::int64_t start = index * width;
  auto& slot = ring_[static_cast<std::size_t>(index) % slots];
  std::uint64_t seen = slot.load(std::memory_order_relaxed);
  while (start_of(seen) < start) {
    const std::uint64_t first = (static_cast<std::uint64_t>(start) << count_bits) | 1;
    if (slot.compare_exchange_weak(seen, first, std::memory_order_relaxed)) return;
  }
  slot.fetch_add(1, std::memory_order_relaxed);
}

std::uint64_t RecentCount::within(Duration window, TimePoint now) const noexcept {
  const std::int64_t width = width_of(window, slots);
  const std::int64_t last = index_of(now, width) * width;
  const std::int64_t oldest = last - static_cast<std::int64_t>(slots - 1) * width;
  std::uint64_t sum = 0;
  for (const auto& slot : ring_) {
    const std::uint64_t seen = slot.load(std::memory_order_relaxed);
    if (start_of(seen) >= oldest) sum += seen & count_mask;
  }
  return sum;
}

void RecentCount::clear() noexcept {
  for (auto& slot : ring_) slot.store(0, std::memory_order_relaxed);
}

}  // namespace callerapi::policy
