#pragma once

#include <atomic>
#include <optional>

#include "base/histogram.hpp"
#include "policy/budget.hpp"
#include "policy/recent_latency.hpp"
#include "policy/settings.hpp"

namespace callerapi::policy {

/// When the calls of one service may be asked a second time while the first answer is awaited
/// (semantics S10). Thread-safe and lock-free. The terms come with each use.
class Hedging {
 public:
  /// An attempt has succeeded.
  void record(Duration latency, TimePoint now) noexcept { latencies_.add(latency, now); }
  /// A call that may be hedged begins.
  void deposit(TimePoint now) noexcept { budget_.deposit(now); }
  /// How long to wait for the first answer: so long that a share of 1 - max_extra would have come.
  /// nullopt: do not, since too little is known, or the wait would be as long as an attempt.
  std::optional<Duration> delay(const HedgeTerms& terms, Duration attempt, TimePoint now) noexcept;
  /// May one more be sent?
  bool withdraw(const HedgeTerms& terms, TimePoint now) noexcept;

  base::Counter sent{0}, won{0};  ///< Second requests, and those whose result was the call's.
  base::Counter denied{0};        ///< That a late answer asked for, and nothing was sent for.

 private:
  Budget budget_;
  RecentLatency latencies_;
  std::atomic<TimePoint::rep> looked_at_{0};  ///< When `delay_` was reckoned last; 0: never.
  std::atomic<Duration::rep> delay_{0};       ///< 0: too little is known.
  std::atomic<int> reckoned_for_{0};          ///< The max_extra of it.
};

}  // namespace callerapi::policy
