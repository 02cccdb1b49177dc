#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "callerapi/deadline.hpp"

namespace callerapi::cli {

/// How often each duration was seen, in buckets that grow with it: 32 to a power of two, so that a
/// duration is known to a thirty-second part. 1 ns to 18 minutes; what is longer counts as that.
/// Recording allocates nothing. Thread-safe.
class Histogram {
 public:
  void record(Duration took) noexcept;
  /// Adds what `other` has seen.
  void add(const Histogram& other) noexcept;
  void clear() noexcept;

  std::uint64_t count() const noexcept;
  /// A duration that the given part of all (0 to 1) does not exceed; zero when nothing was seen.
  Duration at(double part) const noexcept;

 private:
  static constexpr std::uint64_t per_power = 32, longest = (std::uint64_t{1} << 40) - 1;
  static constexpr std::size_t bucket_count = 36 * per_power;
  static std::size_t bucket_of(std::uint64_t ns) noexcept;
  static std::uint64_t last_of(std::size_t bucket) noexcept;

  std::array<std::atomic<std::uint64_t>, bucket_count> buckets_{};
};

}  // namespace callerapi::cli
