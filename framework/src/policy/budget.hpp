#pragma once

#include <cstdint>

#include "policy/recent_count.hpp"
#include "policy/settings.hpp"

namespace callerapi::policy {

/// What the retries of one service may add to its load (semantics S6): over ten seconds a share of
/// the first attempts, and a floor. Thread-safe and lock-free; with n threads at once up to n more
/// are allowed. The terms come with each use, so that new ones keep what was counted.
class Budget {
 public:
  struct Balance {
    std::uint64_t first = 0, withdrawn = 0;
  };

  /// A call begins its first attempt.
  void deposit(TimePoint now) noexcept { first_.add(window, now); }
  /// May one more retry be scheduled? Asked before its back-off; there is no giving back.
  bool withdraw(const BudgetTerms& terms, TimePoint now) noexcept;
  /// Would it? Takes nothing.
  bool allows(const BudgetTerms& terms, TimePoint now) const noexcept;
  Balance balance(TimePoint now) const noexcept;
  /// Retries that so many first attempts allow.
  static std::uint64_t allowed(const BudgetTerms& terms, std::uint64_t first) noexcept;

 private:
  static constexpr Duration window = 10s;
  RecentCount first_, withdrawn_;
};

}  // namespace callerapi::policy
