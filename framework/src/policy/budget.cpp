#include "policy/budget.hpp"

namespace callerapi::policy {

bool Budget::allows(const BudgetTerms& terms, TimePoint now) const noexcept {
  const auto [first, withdrawn] = balance(now);
  constexpr std::uint64_t seconds = window / 1s;
  return 1000 * (withdrawn + 1) <=
         static_cast<std::uint64_t>(terms.ratio_permille) * first +
             1000 * static_cast<std::uint64_t>(terms.min_per_second) * seconds;
}

std::uint64_t Budget::allowed(const BudgetTerms& terms, std::uint64_t first) noexcept {
  constexpr std::uint64_t seconds = window / 1s;
  return static_cast<std::uint64_t>(terms.ratio_permille) * first / 1000 +
         static_cast<std::uint64_t>(terms.min_per_second) * seconds;
}

bool Budget::withdraw(const BudgetTerms& terms, TimePoint now) noexcept {
  if (!allows(terms, now)) return false;
  withdrawn_.add(window, now);
  return true;
}

Budget::Balance Budget::balance(TimePoint now) const noexcept {
  return {first_.within(window, now), withdrawn_.within(window, now)};
}

}  // namespace callerapi::policy
