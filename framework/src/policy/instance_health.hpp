#pragma once

#include <atomic>
#include <cstdint>

#include "callerapi/deadline.hpp"

namespace callerapi::policy {

/// What a service has learnt about one of its instances (semantics S8, S9): how slowly it answers,
/// how much is under way there, whether it is to be left alone for a while. Thread-safe and without
/// a lock; two attempts that end at once may cost one of them its place in a count.
class InstanceHealth {
 public:
  explicit InstanceHealth(TimePoint born) noexcept;
  InstanceHealth(const InstanceHealth&) = delete;
  InstanceHealth& operator=(const InstanceHealth&) = delete;

  void begin() noexcept { in_flight_.fetch_add(1, std::memory_order_relaxed); }
  void end() noexcept { in_flight_.fetch_sub(1, std::memory_order_relaxed); }
  int in_flight() const noexcept { return in_flight_.load(std::memory_order_relaxed); }

  /// Of the latencies, in seconds. A peak counts at once and fades, also while nobody asks the
  /// instance: otherwise one bad answer would shut it out for good. 30 ms before the first sample.
  double ewma(TimePoint now) const noexcept;
  void sample(Duration latency, TimePoint now) noexcept;
  /// An attempt failed after `latency`: a quick failure must not look like a quick answer.
  void penalize(Duration latency, TimePoint now) noexcept;
  /// An attempt was given up after so long: it says only that the latency is more.
  void at_least(Duration elapsed, TimePoint now) noexcept;

  /// It asked to be left alone. At most 30 s.
  void cool(Duration asked, TimePoint now) noexcept;
  TimePoint cooling_until() const noexcept { return when(cooling_until_); }

  TimePoint ejected_until() const noexcept { return when(ejected_until_); }
  /// Of its weight, from 0.1 when it is back from an ejection to 1 after `slow_start`.
  double ramp(TimePoint now, Duration slow_start) const noexcept;

  /// Since the last reset, for Ejector.
  struct Window {
    std::uint32_t attempts = 0, failures = 0;
  };
  void succeeded() noexcept;
  /// Answers how many in a row have failed by now.
  int failed() noexcept;
  Window window() const noexcept;
  void reset_window() noexcept;

  /// Under the lock of the service's Ejector. The multiplier grows with each ejection and shrinks
  /// with each clean sweep.
  void eject(Duration base, Duration max, Duration spread, TimePoint now) noexcept;
  void forgive() noexcept;
  /// Ejected until then, if it is not for longer.
  void keep_out(TimePoint until) noexcept;
  /// Its ejection ends now; what led to it is forgotten, but for the multiplier.
  void let_in(TimePoint now) noexcept;

 private:
  static TimePoint when(const std::atomic<Duration::rep>& at) noexcept {
    return TimePoint(Duration(at.load(std::memory_order_relaxed)));
  }

  std::atomic<std::uint64_t> ewma_;  ///< Value and time in one, so that they belong together.
  std::atomic<int> in_flight_{0}, in_a_row_{0};
  std::atomic<std::uint32_t> attempts_{0}, failures_{0};
  std::atomic<Duration::rep> cooling_until_, ejected_until_;
  std::atomic<int> multiplier_{0};
};

}  // namespace callerapi::policy
