#include "policy/verdict.hpp"

namespace callerapi::policy {
namespace {

template <class Row>
Rating rating(const Row& row) noexcept {
  return {row.breaker, row.outlier, row.balance};
}

}  // namespace

Rating rate(const Attempted& attempted, Duration ran, Duration attempt) noexcept {
  if (attempted.response) return rating(base::row_of_status(attempted.response->status));
  const Error& error = *attempted.error;
  const bool cut = error.outcome == Outcome::deadline_exceeded && error.phase > Phase::queue;
  if (cut && ran >= attempt / 2) return rating(base::row_of(Outcome::attempt_timeout));
  return rating(base::row_of(error.outcome));
}

}  // namespace callerapi::policy
