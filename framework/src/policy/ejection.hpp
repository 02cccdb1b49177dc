#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "base/mutex.hpp"
#include "base/outcomes.hpp"
#include "callerapi/deadline.hpp"
#include "policy/instance_health.hpp"
#include "policy/settings.hpp"

namespace callerapi::policy {

/// One instance, as far as choosing goes.
struct Contender {
  InstanceHealth* health = nullptr;
  double weight = 1;
  std::string_view name{};     ///< What its keys are found by, where they are.
  int room = 0;                ///< Attempts there before one must wait for a connection. 0: any.
  std::uint16_t priority = 0;  ///< Those of a higher number only in place of those of a lower.

  bool full() const noexcept { return room > 0 && health->in_flight() >= room; }
};

/// Leaves the instances of one service alone that fail while others do not (semantics S8): after so
/// many failures in a row, or when a sweep of 10 s finds that nearly all failed. Outlives the sets
/// of instances it judges. Thread-safe; a lock is taken only to eject and once in a sweep.
class Ejector {
 public:
  /// An attempt at the instance `at` of `all` has ended.
  void note(std::span<const Contender> all, std::size_t at, base::Verdict verdict,
            const Ejection& settings, TimePoint now, std::uint64_t random);
  /// The instance asked to be left alone.
  void cool(InstanceHealth& health, Duration asked, TimePoint now) noexcept;

  /// Somebody asks the instance, and says that it is not to be chosen until then: within the same
  /// bounds, and not less than it is out already.
  void keep_out(std::span<const Contender> all, InstanceHealth& health, const Ejection& settings,
                TimePoint until, TimePoint now);
  /// And that it is well: it is back at once, whoever ejected it, with slow start.
  void let_in(InstanceHealth& health, TimePoint now);

  /// Is nobody ejected and nobody cooling? Then choosing need not look at each of them. May be
  /// false for a while longer than need be.
  bool calm(TimePoint now) const noexcept {
    return now.time_since_epoch().count() >= troubled_until_.load(std::memory_order_relaxed);
  }
  void panicked() noexcept { panics_.fetch_add(1, std::memory_order_relaxed); }

  std::uint64_t ejections() const noexcept { return ejections_.load(std::memory_order_relaxed); }
  /// How often one was chosen without regard to ejections, for too few were left.
  std::uint64_t panics() const noexcept { return panics_.load(std::memory_order_relaxed); }

 private:
  void sweep(std::span<const Contender> all, const Ejection& settings, TimePoint now,
             std::uint64_t random) CALLERAPI_REQUIRES(mutex_);
  void eject(std::span<const Contender> all, InstanceHealth& health, const Ejection& settings,
             TimePoint now, std::uint64_t random) CALLERAPI_REQUIRES(mutex_);
  static bool has_room(std::span<const Contender> all, const Ejection& settings, TimePoint now);
  void trouble(TimePoint until) noexcept;

  std::atomic<Duration::rep> next_sweep_{0};  ///< 0: the first attempt begins the first sweep.
  std::atomic<Duration::rep> troubled_until_{TimePoint::min().time_since_epoch().count()};
  std::atomic<std::uint64_t> ejections_{0}, panics_{0};
  base::Mutex mutex_;
};

}  // namespace callerapi::policy
