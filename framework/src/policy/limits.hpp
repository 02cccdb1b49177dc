#pragma once

#include <atomic>
#include <cstdint>
#include <optional>

#include "callerapi/result.hpp"

namespace callerapi::policy {

/// How much one service may be called at once and in a second (semantics S11).
struct LimitSettings {
  std::int64_t inflight = 256;        ///< Calls in flight. 0: no limit.
  std::int64_t rate = 0;              ///< Calls a second, up to 1,000,000. 0: no limit.
  std::optional<std::int64_t> burst;  ///< Calls at once within the rate; unset: burst_of().

  bool operator==(const LimitSettings&) const = default;

  /// A tenth of a second's calls, at least one.
  std::int64_t burst_of() const noexcept;
};

/// Calls that are in flight, at most so many at once. Thread-safe.
class Inflight {
 public:
  /// False: `max` are in flight already. 0: no maximum, counted all the same.
  bool enter(std::int64_t max) noexcept;
  void leave() noexcept { count_.fetch_sub(1, std::memory_order_relaxed); }
  std::int64_t count() const noexcept { return count_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::int64_t> count_{0};
};

/// Calls that begin, at most so many a second: a leaky bucket kept as the one time at which it will
/// be empty (GCRA). Another rate takes effect at once and forgets nothing. Thread-safe.
class Rate {
 public:
  /// Zero: go. Else: nothing was taken; so long until a place is free. `rate` and `burst` are at
  /// least 1.
  Duration take(std::int64_t rate, std::int64_t burst, TimePoint now) noexcept;

 private:
  std::atomic<Duration::rep> empty_at_{0};
};

/// Both limits of one service; a call is admitted once, whatever it takes of attempts. The settings
/// come with each use, so that a reload changes them and not what is under way. Thread-safe.
class Limits {
 public:
  /// Nothing: the call is in, and leaves by leave(). Else `bulkhead_full` or `rate_limited_local`,
  /// whose message names the key and its number; nothing is held then.
  std::optional<Error> enter(const LimitSettings& settings, TimePoint now);
  void leave() noexcept { inflight_.leave(); }
  std::int64_t in_flight() const noexcept { return inflight_.count(); }

 private:
  Inflight inflight_;
  Rate rate_;
};

}  // namespace callerapi::policy
