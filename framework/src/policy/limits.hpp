#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <string_view>

#include "callerapi/deadline.hpp"

namespace callerapi::policy {

/// Which calls of a service are let in first, and how much of its places they may take.
enum class Priority : std::uint8_t {
  critical,    ///< All of them.
  normal,      ///< Nine of ten.
  background,  ///< Half.
};

/// Whether limits.inflight is taken as it is, or as the most of what a rule finds.
enum class Adaptive : std::uint8_t {
  off,
  gradient2,  ///< See AdaptiveLimit.
};

/// How much one service may be called at once and in a second (semantics S11).
struct LimitSettings {
  std::int64_t inflight = 256;             ///< Calls in flight. 0: no limit.
  std::int64_t queue = 0;                  ///< Calls that may wait for their turn. 0: none waits.
  std::int64_t rate = 0;                   ///< Calls a second, up to 1,000,000. 0: no limit.
  std::optional<std::int64_t> burst;       ///< Calls at once within the rate; unset: burst_of().
  Priority priority = Priority::critical;  ///< Of this endpoint's calls.
  Adaptive adaptive = Adaptive::off;       ///< Where there is a limit of calls in flight.

  bool operator==(const LimitSettings&) const = default;

  /// A tenth of a second's calls, at least one.
  std::int64_t burst_of() const noexcept;
  /// How many calls may be in flight for one of that priority to begin, at least one. 0: no limit.
  std::int64_t places(Priority of) const noexcept;
};

std::string_view name(Priority priority) noexcept;

/// Calls that are in flight, at most so many at once, and how many wait for that. Both are one
/// word: who comes while somebody waits cannot pass, who leaves cannot miss who waits. Thread-safe.
class Inflight {
 public:
  /// False: `max` are in flight already, or somebody waits. 0: no maximum, counted all the same.
  bool enter(std::int64_t max) noexcept;
  /// True: somebody waits, and must be told of the place.
  bool leave() noexcept { return word_.fetch_sub(1, std::memory_order_relaxed) >= one_waiting; }
  std::int64_t count() const noexcept { return count_of(word_.load(std::memory_order_relaxed)); }

  /// One more waits; ends with seat() or give_up(). Both are for one thread at a time.
  void wait() noexcept { word_.fetch_add(one_waiting, std::memory_order_relaxed); }
  void give_up() noexcept { word_.fetch_sub(one_waiting, std::memory_order_relaxed); }
  /// Who waited is in flight.
  void seat() noexcept { word_.fetch_sub(one_waiting - 1, std::memory_order_relaxed); }
  std::int64_t waiting() const noexcept {
    return static_cast<std::int64_t>(word_.load(std::memory_order_relaxed) / one_waiting);
  }

 private:
  static constexpr std::uint64_t one_waiting = std::uint64_t{1} << 32;
  static constexpr std::int64_t count_of(std::uint64_t word) noexcept {
    return static_cast<std::int64_t>(word % one_waiting);
  }
  std::atomic<std::uint64_t> word_{0};
};

/// Calls that begin, at most so many a second: a leaky bucket kept as the one time at which it will
/// be empty (GCRA). Another rate takes effect at once and forgets nothing. Thread-safe.
class Rate {
 public:
  /// Zero: go. Else: nothing was taken; so long until a place is free. `rate` and `burst` are at
  /// least 1.
  Duration take(std::int64_t rate, std::int64_t burst, TimePoint now) noexcept;
  /// What take() would answer after so many others.
  Duration wait(std::int64_t rate, std::int64_t burst, std::int64_t ahead,
                TimePoint now) const noexcept;

 private:
  std::atomic<Duration::rep> empty_at_{0};
};

}  // namespace callerapi::policy
