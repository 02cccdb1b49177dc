#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <optional>

#include "callerapi/deadline.hpp"

namespace callerapi::policy {

/// How long things took within the last 20 to 30 s: three slices of 10 s, each a histogram whose
/// buckets are an eighth of their value wide. Lock-free and thread-safe; threads that meet at the
/// beginning of a slice may lose a few.
class RecentLatency {
 public:
  void add(Duration took, TimePoint now) noexcept;
  /// The upper edge of the bucket that holds the quantile of `per_mille`; nullopt with fewer than
  /// `samples_min` values.
  std::optional<Duration> quantile(int per_mille, std::uint64_t samples_min,
                                   TimePoint now) const noexcept;

 private:
  // From 1 us to over an hour: 32 doublings of a microsecond, eight steps each.
  static constexpr std::size_t steps = 8, buckets = 32 * steps, slices = 3;
  static constexpr std::chrono::seconds slice_time{10};

  struct Slice {
    std::atomic<std::int64_t> number{-1};  ///< Which ten seconds it counts.
    std::array<std::atomic<std::uint32_t>, buckets> counts{};
  };
  static std::size_t bucket_of(Duration took) noexcept;
  static Duration upper_edge(std::size_t bucket) noexcept;
  static std::int64_t number_of(TimePoint now) noexcept;

  std::array<Slice, slices> ring_{};
};

}  // namespace callerapi::policy
