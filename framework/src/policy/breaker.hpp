#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "base/histogram.hpp"
#include "base/mutex.hpp"
#include "base/outcomes.hpp"
#include "policy/recent_count.hpp"
#include "policy/settings.hpp"

namespace callerapi::policy {

enum class BreakerState : std::uint8_t { closed, open, half_open, forced_open, forced_closed, off };
/// The word of the enumerator: "half_open".
std::string_view name(BreakerState) noexcept;

/// Keeps attempts from a service that fails nearly all of them (semantics S7). Thread-safe; while
/// it is closed nothing locks, and while it is open refusing does not. The terms come with each
/// use, so that new numbers keep what was counted.
class Breaker {
 public:
  /// What an attempt was let through with; its result is dropped once the epoch has passed.
  struct Permit {
    static constexpr std::uint32_t no_lease = ~0u;
    std::uint64_t epoch = 0;  ///< 0: its result is of no interest.
    std::uint32_t lease = no_lease;
  };
  /// Why there is no permit, in numbers.
  struct Refusal {
    BreakerState state = BreakerState::open;
    std::uint64_t failed = 0, total = 0;  ///< Of what it was opened for.
    std::optional<Duration> retry_after;  ///< None where only a person ends it.
  };
  struct Admission {
    bool granted = true;
    bool refused = false;  ///< Also where mode dark grants it all the same.
    Permit permit;
    Refusal refusal;
  };
  struct View {
    BreakerState state = BreakerState::closed;
    std::uint64_t failed = 0, total = 0;
  };

  /// May an attempt begin that takes `attempt` at most?
  Admission admit(const BreakerTerms& terms, TimePoint now, Duration attempt);
  /// What it came to; `ignore` gives a place among the half-open ones back. `random` is evenly
  /// spread and varies how long the breaker stays open.
  void record(const BreakerTerms& terms, const Permit& permit, base::Verdict verdict, TimePoint now,
              std::uint64_t random);
  View view(const BreakerTerms& terms, TimePoint now) const noexcept;
  /// How often it has come to be closed, open or half-open.
  std::uint64_t transitions(BreakerState to) const noexcept {
    return transitions_[static_cast<std::size_t>(to)].load(std::memory_order_relaxed);
  }

 private:
  enum class State : std::uint8_t { closed, open, half_open };
  struct Lease {
    enum class Is : std::uint8_t { free, out, succeeded, failed } is = Is::free;
    TimePoint expires{};
  };
  struct Now {
    std::uint64_t epoch;
    State state;
  };

  Now current() const noexcept;
  void become(State state) CALLERAPI_REQUIRES(mutex_);
  Admission refuse(BreakerState state, std::optional<Duration> retry_after) const noexcept;
  Admission admit_slowly(const BreakerTerms& terms, TimePoint now, Duration attempt)
      CALLERAPI_EXCLUDES(mutex_);
  Admission admit_half_open(TimePoint now, Duration attempt) CALLERAPI_REQUIRES(mutex_);
  void record_closed(const BreakerTerms& terms, const Permit& permit, bool failed, TimePoint now,
                     std::uint64_t random) CALLERAPI_EXCLUDES(mutex_);
  void expire_leases(TimePoint now) CALLERAPI_REQUIRES(mutex_);
  void decide(const BreakerTerms& terms, TimePoint now) CALLERAPI_REQUIRES(mutex_);
  void open(const BreakerTerms& terms, TimePoint now, std::uint64_t failed, std::uint64_t total)
      CALLERAPI_REQUIRES(mutex_);
  void close(TimePoint now) CALLERAPI_REQUIRES(mutex_);

  // Epoch and state in one word, so that a permit and what it is judged by agree.
  std::atomic<std::uint64_t> word_{std::uint64_t{1} << 2};
  std::atomic<int> consecutive_{0};
  RecentCount succeeded_, failed_;
  std::atomic<Duration::rep> until_{0};
  std::atomic<std::uint64_t> opened_failed_{0}, opened_total_{0};
  std::array<base::Counter, 3> transitions_{};

  base::Mutex mutex_;
  int openings_ CALLERAPI_GUARDED_BY(mutex_) = 0;
  std::optional<TimePoint> closed_since_ CALLERAPI_GUARDED_BY(mutex_);
  std::uint64_t random_ CALLERAPI_GUARDED_BY(mutex_) = 0;  ///< For the next time it opens.
  std::vector<Lease> leases_ CALLERAPI_GUARDED_BY(mutex_);
};

}  // namespace callerapi::policy
