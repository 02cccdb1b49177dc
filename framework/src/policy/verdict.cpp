#include "policy/verdict.hpp"

namespace callerapi::policy {

base::Verdict breaker_verdict(const Attempted& attempted, Duration ran, Duration attempt) noexcept {
  if (attempted.response) return base::row_of_status(attempted.response->status).breaker;
  const Error& error = *attempted.error;
  const bool cut = error.outcome == Outcome::deadline_exceeded && error.phase > Phase::queue;
  if (cut && ran >= attempt / 2) return base::row_of(Outcome::attempt_timeout).breaker;
  return base::row_of(error.outcome).breaker;
}

}  // namespace callerapi::policy
