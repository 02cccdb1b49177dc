// A call and the breaker of its service: what lets an attempt begin, and what it is told.
#include <chrono>
#include <string>

#include "policy/call_run.hpp"
#include "policy/verdict.hpp"

namespace callerapi::policy {
namespace {

std::string milliseconds(Duration time) {
  return std::to_string(std::chrono::ceil<std::chrono::milliseconds>(time).count()) + " ms";
}

std::string why(const Breaker::Refusal& refusal, const BreakerTerms& terms) {
  const std::string numbers =
      std::to_string(refusal.failed) + " of " + std::to_string(refusal.total) + " attempts failed";
  switch (refusal.state) {
    case BreakerState::forced_open:
      return "the registry keeps the service from being called (breaker.mode = \"forced_open\")";
    case BreakerState::half_open:
      return "the service's breaker is half-open: " + numbers + ", and " +
             std::to_string(terms.half_open_permits) +
             " try whether it is back; retry in at most " + milliseconds(*refusal.retry_after);
    default:
      return "the service's breaker is open: " + numbers + "; retry in " +
             milliseconds(*refusal.retry_after);
  }
}

}  // namespace

/// False: the breaker refused and the result is set.
bool CallRun::pass_breaker() {
  const Prepared& call = parts_.prepared;
  const BreakerTerms& terms = call.settings->breaker;
  const auto answer = parts_.callee->state->breaker.admit(terms, attempt_began_, call.attempt);
  if (answer.refused) count(parts_.counters->breaker_rejected);
  permit_ = answer.permit;
  if (answer.granted) return true;
  set_result(placed({.outcome = Outcome::circuit_open,
                     .reason = "breaker",
                     .message = why(answer.refusal, terms),
                     .phase = Phase::queue}));
  return false;
}

void CallRun::tell_breaker(const Attempted& attempt, TimePoint now) {
  if (permit_.epoch == 0) return;
  const Prepared& call = parts_.prepared;
  const base::Verdict verdict = rate(attempt, now - attempt_began_, granted()).breaker;
  const bool may_open =
      verdict == base::Verdict::failure || permit_.lease != Breaker::Permit::no_lease;
  parts_.callee->state->breaker.record(call.settings->breaker, permit_, verdict, now,
                                       may_open ? loop().random() : 0);
}

}  // namespace callerapi::policy
