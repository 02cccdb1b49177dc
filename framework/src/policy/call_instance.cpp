// A call and the instances of its service: where an attempt goes, and what it says of the place.
#include "policy/call_run.hpp"
#include "policy/verdict.hpp"

namespace callerapi::policy {

/// Chooses the instance of this attempt. False: there is none, and the result is set.
bool CallRun::pick() {
  const InstanceSet& set = *parts_.callee->instances;
  const auto chosen = set.balancer().pick(
      parts_.callee->state->ejector, *parts_.prepared.settings, tried_, attempt_began_,
      set.all().size() > 1 ? loop().random() : 0, choice_, parts_.prepared.hash);
  if (!chosen) {
    end({.outcome = Outcome::no_instance,
         .reason = "no_instance",
         .message = "no instance of the service is known yet; look at what its discovery asks",
         .phase = Phase::queue});
    return false;
  }
  instance_index_ = *chosen;
  instance_ = set.all()[*chosen].get();
  tried_.add(*chosen);
  instance_->health->begin();
  return true;
}

void CallRun::rate_instance(const Attempted& attempt, TimePoint now) {
  InstanceHealth& health = *instance_->health;
  health.end();
  const InstanceSet& set = *parts_.callee->instances;
  const bool chooses = set.all().size() > 1;
  const bool learns = parts_.prepared.settings->limits.adaptive != Adaptive::off;
  if (!chooses && !learns) return;
  const Duration took = now - attempt_began_;
  const Rating rating = rate(attempt, took, granted());
  if (learns) teach_limits(rating, took, now);
  if (!chooses) return;
  // A loser would have taken longer still: without it the slow ones would be missing, and the wait
  // would become shorter and shorter.
  const bool told = attempt.response ? attempt.response->status < 400
                                     : attempt.error->outcome == Outcome::hedge_superseded;
  if (told && parts_.prepared.settings->hedge.max_hedges > 0)
    parts_.callee->state->hedging.record(took, now);
  Ejector& ejector = parts_.callee->state->ejector;
  std::optional<Duration> asked;
  if (attempt.response && (attempt.response->status == 429 || attempt.response->status == 503))
    asked = retry_after(*attempt.response, loop().wall_ms(),
                        parts_.prepared.settings->names->retry_after);
  if (asked) ejector.cool(health, *asked, now);
  switch (rating.balance) {
    case base::BalanceSample::latency:
      health.sample(took, now);
      break;
    case base::BalanceSample::elapsed:
      health.at_least(took, now);
      break;
    case base::BalanceSample::penalty:
      if (!asked) health.penalize(took, now);
      break;
    case base::BalanceSample::cooldown:
    case base::BalanceSample::none:
      break;
  }
  ejector.note(set.balancer().all(), instance_index_, rating.outlier,
               parts_.prepared.settings->ejection, now, loop().random());
}

}  // namespace callerapi::policy
