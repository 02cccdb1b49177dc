#include "bench_histogram.hpp"

#include <algorithm>
#include <bit>
#include <cmath>

namespace callerapi::cli {

std::size_t Histogram::bucket_of(std::uint64_t ns) noexcept {
  if (ns < per_power) return ns;
  const std::uint64_t shift = std::bit_width(ns) - std::bit_width(per_power);
  return per_power * shift + (ns >> shift);
}

std::uint64_t Histogram::last_of(std::size_t bucket) noexcept {
  if (bucket < 2 * per_power) return bucket;
  const std::uint64_t shift = bucket / per_power - 1;
  return ((bucket - shift * per_power + 1) << shift) - 1;
}

void Histogram::record(Duration took) noexcept {
  const std::int64_t ns = std::clamp<std::int64_t>(took.count(), 0, longest);
  buckets_[bucket_of(static_cast<std::uint64_t>(ns))].fetch_add(1, std::memory_order_relaxed);
}

void Histogram::add(const Histogram& other) noexcept {
  for (std::size_t i = 0; i < bucket_count; ++i)
    if (const auto seen = other.buckets_[i].load(std::memory_order_relaxed))
      buckets_[i].fetch_add(seen, std::memory_order_relaxed);
}

void Histogram::clear() noexcept {
  for (auto& bucket : buckets_) bucket.store(0, std::memory_order_relaxed);
}

std::uint64_t Histogram::count() const noexcept {
  std::uint64_t all = 0;
  for (const auto& bucket : buckets_) all += bucket.load(std::memory_order_relaxed);
  return all;
}

Duration Histogram::at(double part) const noexcept {
  const auto wanted = static_cast<std::uint64_t>(std::ceil(part * static_cast<double>(count())));
  std::uint64_t seen = 0;
  for (std::size_t i = 0; i < bucket_count; ++i) {
    seen += buckets_[i].load(std::memory_order_relaxed);
    if (seen > 0 && seen >= wanted) return Duration(last_of(i));
  }
  return Duration::zero();
}

}  // namespace callerapi::cli
