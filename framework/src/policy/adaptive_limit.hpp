#pragma once

#include <atomic>
#include <cstdint>

#include "callerapi/deadline.hpp"

namespace callerapi::policy {

/// A limit of calls in flight that follows what a service can do (semantics S11, gradient2): when
/// its answers take longer than they used to, they wait there for one another, and fewer at once
/// are as many a second. Settings come with each use. Thread-safe, without a lock: one addition a
/// sample, and four times a second one of the threads reckons.
class AdaptiveLimit {
 public:
  /// Of at most `most`, which is more than 0. All of it until there was reason for less.
  std::int64_t limit(std::int64_t most) const noexcept;

  /// An attempt took so long, with so many calls in flight.
  void note(Duration took, std::int64_t in_flight, std::int64_t most, TimePoint now) noexcept;
  /// An attempt was given up or failed after so long: counts where that is longer than usual, for
  /// what fails at once is no sign of room.
  void at_least(Duration took, std::int64_t in_flight, std::int64_t most, TimePoint now) noexcept;

  /// What answers take of late, in seconds: the mean of ten minutes. 0: nothing is known.
  double usual() const noexcept { return usual_.load(std::memory_order_relaxed); }

 private:
  void reckon(double latest, bool busy, std::int64_t most) noexcept;
  void learn(double latest) noexcept;

  std::atomic<std::uint64_t> window_{0};  ///< Samples, and the sum of their microseconds.
  std::atomic<bool> busy_{false};         ///< Half the limit was in flight in this window.
  std::atomic<Duration::rep> ends_at_{0};
  // Written by whoever closes a window.
  std::atomic<double> usual_{0};
  std::atomic<double> limit_{0};  ///< 0: as much as may be.
  std::atomic<std::uint32_t> windows_{0};
};

}  // namespace callerapi::policy
