#pragma once

#include <time.h>

#include <atomic>
#include <chrono>

#include "callerapi/deadline.hpp"

namespace callerapi::base {

/// The only source of time. Thread-safe.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual TimePoint now() const noexcept = 0;
  /// For HTTP dates, signatures and identifiers; may be some milliseconds late.
  virtual std::chrono::system_clock::time_point wall() const noexcept = 0;
};

class SystemClock final : public Clock {
 public:
  TimePoint now() const noexcept override { return std::chrono::steady_clock::now(); }
  std::chrono::system_clock::time_point wall() const noexcept override {
    // Takes an eighth of the time of the exact one.
    timespec now{};
    ::clock_gettime(CLOCK_REALTIME_COARSE, &now);
    return std::chrono::system_clock::time_point(std::chrono::seconds(now.tv_sec) +
                                                 std::chrono::nanoseconds(now.tv_nsec));
  }
};

/// Stands still until it is told to move; starts at one hour, so that "before the start" exists.
class ManualClock final : public Clock {
 public:
  TimePoint now() const noexcept override { return TimePoint(Duration(now_ns_.load())); }
  std::chrono::system_clock::time_point wall() const noexcept override {
    return std::chrono::system_clock::time_point(
        std::chrono::duration_cast<std::chrono::system_clock::duration>(
            std::chrono::hours(24 * 365 * 56) + Duration(now_ns_.load())));
  }
  void advance(Duration by) noexcept { now_ns_ += by.count(); }

 private:
  std::atomic<Duration::rep> now_ns_{Duration(std::chrono::hours(1)).count()};
};

}  // namespace callerapi::base
