#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "callerapi/body.hpp"
#include "callerapi/context.hpp"
#include "callerapi/response.hpp"
#include "callerapi/result.hpp"
#include "policy/budget.hpp"
#include "policy/settings.hpp"

namespace callerapi::policy {

inline constexpr std::string_view own_retry_after = "Caller-Retry-After-Ms";

/// What one attempt came to, as far as the question "again?" goes.
struct Attempted {
  const Error* error = nullptr;        ///< Or
  const Response* response = nullptr;  ///< a complete response.
  BodySource* source = nullptr;        ///< Of the body, to begin again; null: it is in memory.
  bool committed = false;              ///< A byte of the response has reached the caller.
  bool elsewhere = false;              ///< The call has not tried every instance.
  bool renewed = false;  ///< The credential of this attempt is given up; another can be had.
};

/// What a call may do, fixed when it began.
struct RetryTerms {
  Retry settings;
  int attempts_max = 1;
  bool may_repeat = false;
  TimePoint deadline = no_deadline;
  Allowance* allowance = nullptr;  ///< Shared with other calls; null: no limit.
  Budget* budget = nullptr;        ///< Of the service; null: no limit.
  BudgetTerms budget_terms{};
  std::string_view retry_after_field = own_retry_after;  ///< Outlives the call.
};

struct Decision {
  bool again = false;
  Duration wait{0};
  std::string_view stop_reason;  ///< Why not: "", class, idempotency, attempts, budget, ...
  bool transparent = false;      ///< max_attempts does not count it.
};

/// Decides after each attempt of one call (semantics S5). Pure but for its counts, the
/// budget, the allowance and the source, which has been rewound where it says yes; one thread.
class RetryState {
 public:
  /// `random` gives evenly spread 64-bit numbers. `wall_ms` measures an HTTP-date of Retry-After
  /// where the response carries no Date.
  Decision after(const RetryTerms& terms, const Attempted& attempt, TimePoint now,
                 std::uint64_t random, std::int64_t wall_ms);

 private:
  int counted_ = 1;      ///< Attempts that max_attempts counts.
  int transparent_ = 0;  ///< Retries it does not.
};

/// The field `own`, in milliseconds, of which a negative number asks never to come back; else
/// Retry-After in delta-seconds or as an HTTP-date against the response's own Date; nullopt: none
/// or unreadable.
std::optional<Duration> retry_after(const Response& response, std::int64_t wall_ms,
                                    std::string_view own = own_retry_after);

}  // namespace callerapi::policy
