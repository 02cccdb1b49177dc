#include "policy/recent_latency.hpp"

#include <algorithm>
#include <bit>

namespace callerapi::policy {

std::size_t RecentLatency::bucket_of(Duration took) noexcept {
  const auto us = static_cast<std::uint64_t>(std::max<std::int64_t>(
      1, std::chrono::duration_cast<std::chrono::microseconds>(took).count()));
  const auto doubling = static_cast<std::size_t>(std::bit_width(us) - 1);
  const std::uint64_t within = ((us - (std::uint64_t{1} << doubling)) * steps) >> doubling;
  return std::min(doubling * steps + within, buckets - 1);
}

Duration RecentLatency::upper_edge(std::size_t bucket) noexcept {
  const std::uint64_t doubling = std::uint64_t{1} << (bucket / steps);
  return std::chrono::microseconds(doubling + doubling * (bucket % steps + 1) / steps);
}

std::int64_t RecentLatency::number_of(TimePoint now) noexcept {
  return now.time_since_epoch() / slice_time;
}

void RecentLatency::add(Duration took, TimePoint now) noexcept {
  const std::int64_t number = number_of(now);
  Slice& slice = ring_[static_cast<std::size_t>(number) % slices];
  std::int64_t held = slice.number.load(std::memory_order_relaxed);
  if (held != number && slice.number.compare_exchange_strong(held, number))
    for (auto& count : slice.counts) count.store(0, std::memory_order_relaxed);
  slice.counts[bucket_of(took)].fetch_add(1, std::memory_order_relaxed);
}

std::optional<Duration> RecentLatency::quantile(int per_mille, std::uint64_t samples_min,
                                                TimePoint now) const noexcept {
  std::array<std::uint64_t, buckets> sums{};
  std::uint64_t total = 0;
  for (const Slice& slice : ring_) {
    if (slice.number.load(std::memory_order_relaxed) + std::int64_t{slices} <= number_of(now))
      continue;
    for (std::size_t i = 0; i < buckets; ++i) {
      const std::uint64_t count = slice.counts[i].load(std::memory_order_relaxed);
      sums[i] += count;
      total += count;
    }
  }
  if (total == 0 || total < samples_min) return {};
  const std::uint64_t rank = (total * static_cast<std::uint64_t>(per_mille) + 999) / 1000;
  std::uint64_t seen = 0;
  for (std::size_t i = 0; i < buckets; ++i)
    if ((seen += sums[i]) >= std::max<std::uint64_t>(1, rank)) return upper_edge(i);
  return upper_edge(buckets - 1);
}

}  // namespace callerapi::policy
