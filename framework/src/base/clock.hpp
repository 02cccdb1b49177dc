#pragma once

#include <atomic>
#include <chrono>

#include "callerapi/deadline.hpp"

namespace callerapi::base {

/// The only source of time. Thread-safe.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual TimePoint now() const noexcept = 0;
  /// For HTTP dates and signatures only.
  virtual std::chrono::system_clock::time_point wall() const noexcept = 0;
};

class SystemClock final : public Clock {
 public:
  TimePoint now() const noexcept override { return std::chrono::steady_clock::now(); }
  std::chrono::system_clock::time_point wall() const noexcept override {
    return std::chrono::system_clock::now();
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
