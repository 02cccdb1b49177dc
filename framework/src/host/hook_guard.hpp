#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>

namespace callerapi::host {

/// How one run of a hook ended. One that answers an error has decided against its call, as a
/// signer does that is given no body to sign: that says nothing against the hook.
enum class HookRun : std::uint8_t { well, refused, broken };

/// Decides whether one hook may run: a hook that broke its rules (it threw across the border) or
/// was slow `strikes_max` times in a row rests, then one run decides whether it is back.
/// Thread-safe.
class HookGuard {
 public:
  using Clock = std::chrono::steady_clock;
  // Hooks sign and look; the slowest sound one, RSA with 4096 bits on a busy machine, takes 10 ms.
  static constexpr std::chrono::milliseconds budget{50};
  // More than the retries of one call make, and at 50 ms each half a second is lost at most.
  static constexpr std::uint32_t strikes_max = 10;
  static constexpr std::chrono::seconds rest{10};

  bool may_run(Clock::time_point now) noexcept {
    std::int64_t until = resting_until_.load(std::memory_order_relaxed);
    if (until == 0) return true;
    if (now.time_since_epoch().count() < until) return false;
    // One run is let through; the others wait for what it shows.
    return resting_until_.compare_exchange_strong(until, end_of_rest(now),
                                                  std::memory_order_relaxed);
  }
  /// What a run showed. True when this very run switched the hook off.
  bool ran(HookRun run, Clock::duration took, Clock::time_point now) noexcept {
    const bool slow = took > budget, broken = run == HookRun::broken;
    if (run != HookRun::well) failures_.fetch_add(1, std::memory_order_relaxed);
    if (slow) slow_.fetch_add(1, std::memory_order_relaxed);
    if (!broken && !slow) {
      if (strikes_.load(std::memory_order_relaxed) != 0) {
        strikes_.store(0, std::memory_order_relaxed);
        resting_until_.store(0, std::memory_order_relaxed);
      }
      return false;
    }
    const std::uint32_t strikes = strikes_.fetch_add(1, std::memory_order_relaxed) + 1;
    if (strikes < strikes_max) return false;
    resting_until_.store(end_of_rest(now), std::memory_order_relaxed);
    return strikes == strikes_max;
  }
  std::uint64_t failures() const noexcept { return failures_.load(std::memory_order_relaxed); }
  std::uint64_t slow() const noexcept { return slow_.load(std::memory_order_relaxed); }
  bool resting() const noexcept { return resting_until_.load(std::memory_order_relaxed) != 0; }

 private:
  static std::int64_t end_of_rest(Clock::time_point now) noexcept {
    return (now + rest).time_since_epoch().count();
  }

  std::atomic<std::uint32_t> strikes_{0};
  std::atomic<std::int64_t> resting_until_{0};  ///< 0: it runs.
  std::atomic<std::uint64_t> failures_{0}, slow_{0};
};

}  // namespace callerapi::host
